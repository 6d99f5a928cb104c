"""Which device and number format a model runs in."""

from __future__ import annotations

import time

import torch

from msr.backbones.base import BackboneError


def pick_device(wanted: str = "auto") -> torch.device:
    """cuda, else mps, else cpu; a named device that is not there is a BackboneError."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return torch.device(next(name for name, ok in there.items() if ok))
    if not there[wanted]:
        raise BackboneError(f"device {wanted!r} is not available here; use auto or cpu")
    return torch.device(wanted)


def pick_dtype(device: torch.device, wanted: str = "auto") -> torch.dtype:
    """bfloat16 where it is fast, else float32. On a CPU that is measured: many emulate bfloat16, ten times slower."""
    if wanted != "auto":
        return getattr(torch, wanted)
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    if device.type == "mps":
        return torch.float32
    return torch.bfloat16 if _seconds(torch.bfloat16) < 0.8 * _seconds(torch.float32) else torch.float32


def _seconds(dtype: torch.dtype) -> float:
    """The best of a few multiplications of a language model's usual shape."""
    a, b = torch.ones(256, 576, dtype=dtype), torch.ones(1536, 576, dtype=dtype)
    best = float("inf")
    for _ in range(4):
        start = time.perf_counter()
        torch.nn.functional.linear(a, b)
        best = min(best, time.perf_counter() - start)
    return best
