"""Prompts as the rows of a batch: embeddings, masks and positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from msr.backbones.pictures import Seen


class Row(NamedTuple):
    """A prompt as the language model takes it: T ids, (T, D) embeddings with pictures in place, and positions, (T,) or
    (3, T)."""

    ids: list[int]
    embeds: torch.Tensor
    positions: torch.Tensor


def positions(model, ids: torch.Tensor, pictures: Sequence[Seen]) -> torch.Tensor:
    """(T,) positions of a prompt's T ids; (3, T) where the model counts time, height and width (M-RoPE, Qwen-VL).

    There, a picture takes up as many positions as its longer side has cells, so what follows it is nearer.
    """
    inner = model.base_model
    if not hasattr(inner, "get_rope_index"):
        return torch.arange(len(ids), device=ids.device)
    grids = torch.stack([p.grid for p in pictures]).to(ids.device) if pictures else None
    kinds = (ids == model.config.image_token_id).int()
    return inner.get_rope_index(ids[None], mm_token_type_ids=kinds[None], image_grid_thw=grids)[0][:, 0]


def padded(rows: Sequence[Row], left: bool, start: int = 0) -> dict[str, torch.Tensor]:
    """Rows from `start` on as (B, T, D) embeddings, (B, T) mask and (B, T) or (3, B, T) positions.

    Left padding to generate, right padding behind a prefix.
    """
    width = max(len(row.ids) for row in rows) - start
    embeds = rows[0].embeds.new_zeros(len(rows), width, rows[0].embeds.shape[-1])
    places = rows[0].positions.new_zeros(*rows[0].positions.shape[:-1], len(rows), width)
    mask = torch.zeros(len(rows), width, dtype=torch.long, device=embeds.device)
    for k, row in enumerate(rows):
        size = len(row.ids) - start
        where = slice(width - size, width) if left else slice(0, size)
        embeds[k, where], mask[k, where] = row.embeds[start:], 1
        places[..., k, where] = row.positions[..., start:]
    return {"inputs_embeds": embeds, "attention_mask": mask, "position_ids": places}
