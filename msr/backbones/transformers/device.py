"""Which device and number formats a model runs in."""

from __future__ import annotations

import ctypes
import platform
import time
from importlib.util import find_spec

import torch
from transformers import BitsAndBytesConfig

from msr.backbones.protocol import BackboneError

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # mallopt's parameters, by malloc.h
_LARGE = 32 * 2**20  # bytes of a block that goes back at once; glibc takes no more
_KEPT = 256 * 2**20  # bytes of free memory that stay


def pick_device(wanted: str = "auto") -> torch.device:
    """cuda, else mps, else cpu; a named device that is not there is a BackboneError."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return torch.device(next(name for name, ok in there.items() if ok))
    if not there[wanted]:
        raise BackboneError(f"device {wanted!r} is not available here; use auto or cpu")
    return torch.device(wanted)


def hasten(device: torch.device) -> None:
    """Spares a CPU work beside the arithmetic; results stay the same to the bit.

    glibc gives large blocks back to the system as soon as they are free, and the next pass pays for their pages again:
    it may keep some.
    """
    if device.type == "cpu" and platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_ARENA_MAX, 1)  # threads that are still to come use the one that keeps
        libc.mallopt(_MMAP_THRESHOLD, _LARGE)
        libc.mallopt(_TRIM_THRESHOLD, _KEPT)


def pick_dtype(device: torch.device, wanted: str = "auto") -> torch.dtype:
    """bfloat16 where it is fast, else float32. On a CPU that is measured: many emulate bfloat16, ten times slower."""
    if wanted != "auto":
        return getattr(torch, wanted)
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    if device.type == "mps":
        return torch.float32
    return torch.bfloat16 if _seconds(torch.bfloat16) < 0.8 * _seconds(torch.float32) else torch.float32


def four_bit(device: torch.device, dtype: torch.dtype) -> BitsAndBytesConfig:
    """How weights are kept in four bits (NF4, QLoRA, arXiv 2305.14314) and multiplied in `dtype`.

    Raises:
        BackboneError: there is no GPU, or no bitsandbytes.
    """
    if device.type != "cuda":
        raise BackboneError(f"4-bit weights need a GPU (cuda), and this is {device.type}; leave --weights out")
    if find_spec("bitsandbytes") is None:
        raise BackboneError("4-bit weights need bitsandbytes: pip install bitsandbytes, or leave --weights out")
    return BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype)


def _seconds(dtype: torch.dtype) -> float:
    """The best of a few multiplications of a language model's usual shape."""
    a, b = torch.ones(256, 576, dtype=dtype), torch.ones(1536, 576, dtype=dtype)
    best = float("inf")
    for _ in range(4):
        start = time.perf_counter()
        torch.nn.functional.linear(a, b)
        best = min(best, time.perf_counter() - start)
    return best
