"""Attention of a processor: two products and a softmax, so many scores at a time as its cache holds.

PyTorch's fused attention saves memory that a processor does not lack, and its exponentials hold the products back.
Heads that share keys are rows of one product here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, eager_mask

TILED = "tiled"  # the name under which a model is told to attend like this
_SCORES = 2**20  # at a time


def attend(module, query, key, value, attention_mask, scaling: float | None = None, **others):
    """An attention of `transformers`: (B, H, T, D) queries, (B, K, S, D) keys and values, mask (B or 1, 1, T, S) of 0
    and the lowest number, or None -> (B, T, H, D).

    In bfloat16 scores are rounded before the softmax, as transformers' eager attention does it. With gradients it is
    PyTorch's own, which does not keep the scores.
    """
    if query.requires_grad or key.requires_grad:
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **others)
    rows, heads, width, depth = query.shape
    groups, length = key.shape[1], key.shape[2]
    query = query * (depth**-0.5 if scaling is None else scaling)
    few = max(1, _SCORES // (heads * width * length))  # rows at a time, or else so many queries of one row
    part = max(1, min(width, _SCORES // (heads * length)))
    if attention_mask is not None:
        attention_mask = attention_mask.expand(rows, -1, -1, -1)
    found = []
    for first in range(0, rows, few):
        some = slice(first, first + few)
        keys, values = key[some].flatten(0, 1), value[some].flatten(0, 1)
        tiles = []
        for start in range(0, width, part):
            asked = query[some, :, start : start + part]
            count, _, each, _ = asked.shape
            scores = asked.reshape(count * groups, -1, depth) @ keys.transpose(1, 2)
            if attention_mask is not None:
                scores.view(count, heads, each, length).add_(attention_mask[some, :, start : start + part])
            tiles.append((scores.softmax(-1) @ values).view(count, heads, each, -1).transpose(1, 2))
        found.append(_joined(tiles, 1))
    return _joined(found, 0), None


def _joined(tiles: list[torch.Tensor], dim: int) -> torch.Tensor:
    return tiles[0] if len(tiles) == 1 else torch.cat(tiles, dim)


def tile(model: PreTrainedModel) -> None:
    """Lets a model and all parts of it that take an attention by name attend like this."""
    AttentionInterface.register(TILED, attend)
    AttentionMaskInterface.register(TILED, eager_mask)
    model.set_attn_implementation(TILED)


@contextmanager
def usual(model: PreTrainedModel) -> Iterator[None]:
    """Inside, a model attends as transformers has it: what ours is compared with."""
    ours = model.config._attn_implementation
    model.set_attn_implementation("sdpa")
    try:
        yield
    finally:
        model.set_attn_implementation(ours)
