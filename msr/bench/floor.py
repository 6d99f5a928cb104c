"""The floor: the least time that a job could take, its multiply-adds divided by this machine's multiply-adds a second.

Counted are the linear layers of language model and tower and the attention of the language model: every shared prefix
once, every token once, no padding. Decoding reads all weights for every token, so it is limited by memory and takes far
longer than its floor.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import nn

from msr.backbones.transformers.backbone import LocalBackbone
from msr.backbones.transformers.worker import alone
from msr.schema import Picture

_ROWS = {"cpu": 2**10, "cuda": 2**16}  # on a GPU, launching a small product takes longer than the product
_TRIALS = 12


@alone
@torch.inference_mode()
def rate(backbone: LocalBackbone) -> float:
    """Multiply-adds a second: the best of several products of many tokens with an MLP weight of the model."""
    text = backbone.model.config.get_text_config()
    model = backbone.model
    rows = _ROWS.get(model.device.type, _ROWS["cpu"])
    left = torch.randn(rows, text.hidden_size, device=model.device, dtype=model.dtype)
    right = torch.randn(text.intermediate_size, text.hidden_size, device=model.device, dtype=model.dtype)
    best = float("inf")
    for _ in range(_TRIALS):
        _synchronise(model.device)
        began = time.perf_counter()
        nn.functional.linear(left, right)
        _synchronise(model.device)
        best = min(best, time.perf_counter() - began)
    return rows * text.hidden_size * text.intermediate_size / best


def seconds(backbone: LocalBackbone, macs: int) -> float:
    """Seconds that so many multiply-adds take at the present rate."""
    return macs / rate(backbone)


def reading(backbone: LocalBackbone, prefix: int, lengths: Iterable[int]) -> int:
    """Multiply-adds of texts of `lengths` tokens, each behind one shared prefix of `prefix` tokens."""
    text = backbone.model.config.get_text_config()
    weights = _linear_weights(backbone.model.get_decoder())
    width = text.num_attention_heads * (getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads)
    attended = prefix * (prefix + 1) // 2
    tokens = prefix
    for length in lengths:
        tokens += length
        attended += length * prefix + length * (length + 1) // 2
    return tokens * weights + 2 * width * text.num_hidden_layers * attended


@torch.inference_mode()
def looking(backbone: LocalBackbone, pictures: Sequence[Picture]) -> int:
    """Multiply-adds of the linear layers and convolutions that run for new pictures.

    They are counted for one picture and multiplied. Afterwards the model has no kept pictures.
    """
    if not pictures:
        return 0
    counted = 0

    def hook(module: Any, _inputs, output: torch.Tensor) -> None:
        nonlocal counted
        counted += output.numel() * module.weight.shape[1:].numel()

    handles = [
        module.register_forward_hook(hook)
        for module in backbone.model.modules()
        if isinstance(module, nn.Linear | nn.Conv2d)
    ]
    try:
        backbone.forget()
        backbone.views(pictures[:1])
        backbone.forget()
    finally:
        for handle in handles:
            handle.remove()
    return counted * len(pictures)


def _linear_weights(module: nn.Module) -> int:
    return sum(part.weight.numel() for part in module.modules() if isinstance(part, nn.Linear))


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
