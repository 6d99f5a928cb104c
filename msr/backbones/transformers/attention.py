"""Attention for a CPU: two matrix products and a softmax, on as many scores at a time as the CPU's cache holds.

PyTorch's fused attention saves memory, which a CPU has enough of, and is slowed down by its exponentials. Here, query
heads that share keys are rows of one product.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, eager_mask

TILED = "tiled"  # the name of this attention for `set_attn_implementation`
_SCORES = 2**20  # computed at a time


def attend(module, query, key, value, attention_mask, scaling: float | None = None, **others):
    """An attention function for `transformers`, whose result is (B, T, H, D).

    query: (B, H, T, D); key, value: (B, K, S, D); attention_mask: (B or 1, 1, T, S) of 0 and the lowest number, or
    None. In bfloat16 the scores are rounded before the softmax, as in transformers' eager attention. Where gradients
    are needed, PyTorch's own attention is used, because it does not store the scores.
    """
    if query.requires_grad or key.requires_grad:
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **others)
    rows, heads, width, depth = query.shape
    groups, length = key.shape[1], key.shape[2]
    query = query * (depth**-0.5 if scaling is None else scaling)
    few = max(
        1, _SCORES // (heads * width * length)
    )  # rows at a time; if one row has too many scores, `part` of its queries
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
    """Use this attention in a model, and in all of its parts that choose an attention by name."""
    AttentionInterface.register(TILED, attend)
    AttentionMaskInterface.register(TILED, eager_mask)
    model.set_attn_implementation(TILED)


@contextmanager
def usual(model: PreTrainedModel) -> Iterator[None]:
    """Use transformers' own attention while entered; ours is compared with it."""
    ours = model.config._attn_implementation
    model.set_attn_implementation("sdpa")
    try:
        yield
    finally:
        model.set_attn_implementation(ours)
