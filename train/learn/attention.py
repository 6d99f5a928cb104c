"""Attention for packed slates: a token attends to the prefix of its row and to its own candidate.

A dense mask over all tokens of a row would spend most of the time on scores between candidates, which it then discards.
Here only scores with the prefix and scores within a candidate are computed, and one softmax joins them (tree attention,
arXiv 2305.09781, section 4.2, with gradients).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

BRANCHES = "branches"  # the name of this attention for `set_attn_implementation`
PREFIX, PADDING = 0, -1


@dataclass(frozen=True)
class Branches:
    """The layout of B rows of T tokens: N candidates of up to S tokens each, after prefixes of up to P tokens.

    tokens, places: (M,) indices of the candidates' tokens among B * T, and among N * S.
    mask: (B, 1, T, P + S), 0 for what a token attends to (a prefix, then its own candidate), else the lowest number.
    """

    tokens: torch.Tensor
    places: torch.Tensor
    candidates: int
    longest: int
    prefix: int
    mask: torch.Tensor


def branches(segments: torch.Tensor) -> Branches:
    """The layout of (B, T) segments: PREFIX tokens first, then candidates 1, 2, ..., then PADDING."""
    rows, width = segments.shape
    flat = segments.flatten()
    tokens = (flat > PREFIX).nonzero().squeeze(1)
    whose = tokens // width * (flat.max() + 1) + flat[tokens]
    _, number, sizes = torch.unique_consecutive(whose, return_inverse=True, return_counts=True)
    order = torch.arange(len(tokens), device=flat.device) - (sizes.cumsum(0) - sizes)[number]  # within its candidate
    longest, lengths = int(sizes.max()), (segments == PREFIX).sum(1)
    prefix, place = int(lengths.max()), torch.arange(width, device=flat.device)
    before = place[:prefix] < lengths[:, None]  # (B, P)
    causal = (segments != PREFIX).unsqueeze(2) | (place[:prefix] <= place[:, None])
    own = torch.zeros(rows * width, longest, dtype=torch.bool, device=flat.device)
    own[tokens] = torch.arange(longest, device=flat.device) <= order[:, None]
    sees = torch.cat([before.unsqueeze(1) & causal, own.view(rows, width, longest)], dim=-1)
    mask = torch.zeros(sees.shape, device=flat.device).masked_fill(~sees, torch.finfo(torch.float32).min)
    return Branches(tokens, number * longest + order, len(sizes), longest, prefix, mask.unsqueeze(1))


def dense(segments: torch.Tensor) -> torch.Tensor:
    """The same as a dense mask (B, 1, T, T), True where a token attends to another."""
    query, key = segments.unsqueeze(2), segments.unsqueeze(1)
    causal = torch.ones(segments.shape[1], segments.shape[1], dtype=torch.bool, device=segments.device).tril()
    return (causal & ((key == query) | (key == PREFIX))).unsqueeze(1)  # the states of padding are not used


class _Moved(torch.autograd.Function):
    """Move the rows `taken` of a tensor to the rows `put` of (size, ...) zeros.

    Every row moves at most once, so the gradient is a move back. The gradient of indexing would be a slow sum.
    """

    @staticmethod
    def forward(ctx, rows: torch.Tensor, taken: torch.Tensor, put: torch.Tensor, size: int) -> torch.Tensor:
        ctx.save_for_backward(taken, put)
        ctx.size = len(rows)
        return rows.new_zeros(size, *rows.shape[1:]).index_copy_(0, put, rows.index_select(0, taken))

    @staticmethod
    def backward(ctx, gradient: torch.Tensor):
        taken, put = ctx.saved_tensors
        return _Moved.apply(gradient, put, taken, ctx.size), None, None, None


def attend(module, query, key, value, attention_mask, scaling: float, branches: Branches | None = None, **others):
    """An attention function for `transformers`: (B, H, T, D) queries, (B, K, T, D) keys and values -> (B, T, H, D).

    Without `branches`, PyTorch's own attention is used.
    """
    if branches is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **others)
    rows, heads, width, depth = query.shape
    groups, each = key.shape[1], heads // key.shape[1]  # heads that share keys are next to each other
    at, shape = branches, (branches.candidates, branches.longest)

    def own(states: torch.Tensor) -> torch.Tensor:
        """(B, h, T, D) -> (N, S, h, D)"""
        flat = states.transpose(1, 2).reshape(rows * width, -1, depth)
        return _Moved.apply(flat, at.tokens, at.places, shape[0] * shape[1]).view(*shape, -1, depth)

    def back(states: torch.Tensor) -> torch.Tensor:
        """(N, S, h, X) -> (B, h, T, X)"""
        flat = _Moved.apply(states.flatten(0, 1), at.places, at.tokens, rows * width)
        return flat.view(rows, width, *flat.shape[1:]).transpose(1, 2)

    query = query * scaling
    mine = own(query).view(*shape, groups, each, depth).permute(0, 2, 3, 1, 4).flatten(2, 3)  # (N, K, G * S, D)
    theirs = query.reshape(rows, groups, each * width, depth)
    inner = mine @ own(key).permute(0, 2, 3, 1)
    inner = inner.view(shape[0], heads, shape[1], shape[1]).transpose(1, 2)
    outer = (theirs @ key[:, :, : at.prefix].transpose(2, 3)).view(rows, heads, width, at.prefix)
    weights = (torch.cat([outer, back(inner)], dim=-1).float() + at.mask).softmax(-1).to(value.dtype)
    outer, inner = weights.split([at.prefix, shape[1]], dim=-1)
    seen = outer.reshape(rows, groups, each * width, at.prefix) @ value[:, :, : at.prefix]
    flat = inner.transpose(1, 2).reshape(rows * width, heads, shape[1])
    inner = _Moved.apply(flat, at.tokens, at.places, shape[0] * shape[1]).view(*shape, groups, each, shape[1])
    inner = inner.permute(0, 2, 3, 1, 4).flatten(2, 3) @ own(value).transpose(1, 2)  # (N, K, G * S, D)
    inner = inner.view(shape[0], heads, shape[1], depth).transpose(1, 2)
    return (seen.view(rows, heads, width, depth) + back(inner)).transpose(1, 2), None


def teach(language) -> None:
    """Use this attention in a decoder, which must pass the keyword argument `branches` on to its attention."""
    AttentionInterface.register(BRANCHES, attend)
    AttentionMaskInterface.register(BRANCHES, sdpa_mask)
    language.set_attn_implementation(BRANCHES)
