"""A picture as a language model reads it: ids in its place, and embeddings behind its image tokens.

Only the processor knows how many tokens a picture takes and what frames them: LLaVA-NeXT and Idefics3 cut a picture
into tiles by its shape, Qwen-VL keeps the shape. So each picture is put through it alone, once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from msr.schema import Picture


@dataclass(frozen=True)
class Seen:
    """ids: what stands in the picture's place, frames included; tokens: (N, D), one for each image token in `ids`;
    grid: (3,) patches over time, height and width, where positions follow them."""

    ids: list[int]
    tokens: torch.Tensor
    grid: torch.Tensor | None = None


def look(model, processor, pictures: Sequence[Picture]) -> list[Seen]:
    """Looks at pictures in one pass of the vision tower."""
    inputs = processor(
        text=[processor.image_token] * len(pictures),
        images=[picture.open() for picture in pictures],
        padding=True,
        add_special_tokens=False,
        return_tensors="pt",
    )
    rows, masks = inputs.pop("input_ids"), inputs.pop("attention_mask")
    inputs.pop("mm_token_type_ids", None)
    seen = model.get_image_features(
        **{k: v.to(model.device, model.dtype if v.is_floating_point() else None) for k, v in inputs.items()}
    ).pooler_output
    grids = inputs.get("image_grid_thw", [None] * len(pictures))
    return [
        Seen(row[mask.bool()].tolist(), tokens, grid)
        for row, mask, tokens, grid in zip(rows, masks, seen, grids, strict=True)
    ]
