"""The device that a model runs on, the format of its numbers, and memory settings for a CPU."""

from __future__ import annotations

import ctypes
import platform
from importlib.util import find_spec

import torch
from transformers import BitsAndBytesConfig

from msr.backbones.protocol import BackboneError

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # mallopt's parameters, by malloc.h
_LARGE = 32 * 2**20  # bytes of a block that goes back to the system at once; glibc allows no larger limit
_KEPT = 256 * 2**20  # bytes of free memory that stay
_BFLOAT16_FLAGS = ("avx512_bf16", "amx_bf16")


def pick_device(wanted: str = "auto") -> torch.device:
    """The named device, or the first of cuda, mps and cpu that is there.

    Raises:
        BackboneError: the named device is not available.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return torch.device(next(name for name, ok in there.items() if ok))
    if not there[wanted]:
        raise BackboneError(f"device {wanted!r} is not available here; use auto or cpu")
    return torch.device(wanted)


def hasten(device: torch.device) -> None:
    """Let glibc keep some freed memory, so that the next forward pass on a CPU need not ask the system for it again.

    Results stay the same to the bit. Call it before further threads start: they use the first thread's memory then.
    """
    if device.type == "cpu" and platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_ARENA_MAX, 1)  # later threads share the one arena that keeps memory
        libc.mallopt(_MMAP_THRESHOLD, _LARGE)
        libc.mallopt(_TRIM_THRESHOLD, _KEPT)


def pick_dtype(device: torch.device, wanted: str = "auto") -> torch.dtype:
    """bfloat16 where the processor multiplies it itself, else float32; a format that is asked for is taken.

    A CPU says so with its AVX512_BF16 or AMX flag; others emulate bfloat16, ten times slower. Nothing is timed: run ids
    and caches depend on the format, and must not depend on how busy a machine is.
    """
    if wanted != "auto":
        return getattr(torch, wanted)
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    if device.type == "mps":
        return torch.float32
    flags = torch.cpu.get_capabilities()
    return torch.bfloat16 if any(flags.get(name) for name in _BFLOAT16_FLAGS) else torch.float32


def four_bit(device: torch.device, dtype: torch.dtype) -> BitsAndBytesConfig:
    """Settings for weights in four bits (NF4, QLoRA, arXiv 2305.14314) that are multiplied in `dtype`.

    Raises:
        BackboneError: there is no GPU, or no bitsandbytes.
    """
    if device.type != "cuda":
        raise BackboneError(f"4-bit weights need a GPU (cuda), and this is {device.type}; leave --weights out")
    if find_spec("bitsandbytes") is None:
        raise BackboneError("4-bit weights need bitsandbytes: pip install bitsandbytes, or leave --weights out")
    return BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype)
