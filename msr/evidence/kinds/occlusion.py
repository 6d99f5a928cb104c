"""Where on its picture a candidate's score lies: grey patches, one at a time (Zeiler & Fergus 2014, arXiv 1311.2901,
section 4.2)."""

from __future__ import annotations

import random
import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from PIL import Image

from msr import prompts
from msr.backbones.protocol import Backbone, even_batches
from msr.schema import HeatMap, Item, Picture

GRID = 6  # patches on a side
GREY = (128, 128, 128)
HELPED, HURT = (16, 150, 108), (208, 88, 30)  # of the overlay
_AT_ONCE = 12  # patched pictures that are scored behind one shared prefix


def occlude(picture: Picture, patches: Collection[int], grid: int = GRID) -> Picture:
    """The picture with some of its grid * grid patches (row by row, from 0) in grey.

    Raises ValueError for a grid that is finer than the picture.
    """
    if not 1 <= grid <= min(picture.width, picture.height):
        raise ValueError(f"a grid of {grid} on a picture of {picture.width} x {picture.height} pixels")
    shown = picture.open()
    for patch in patches:
        row, column = divmod(patch, grid)
        across = (shown.width * column // grid, shown.width * (column + 1) // grid)
        down = (shown.height * row // grid, shown.height * (row + 1) // grid)
        shown.paste(GREY, (across[0], down[0], across[1], down[1]))
    return Picture.from_pixels(shown)


def logits(
    backbone: Backbone,
    preference_text: str,
    recent: Sequence[str],
    candidate: Item,
    hidden: Sequence[Collection[int]],
    grid: int = GRID,
    stop: threading.Event | None = None,
) -> Iterator[float]:
    """The candidate's logit for each set of hidden patches, batched. Raises StopRequested.

    With no patch hidden the picture is encoded anew too, so that encoding adds no difference of its own.
    """
    for some in even_batches(hidden, _AT_ONCE):
        items = [replace(candidate, picture=occlude(candidate.picture, patches, grid)) for patches in some]
        asked = [prompts.recommend(preference_text, recent, item) for item in items]
        yield from (answer.logit for answer in backbone.score(asked, stop))


def heat_map(
    backbone: Backbone,
    preference_text: str,
    recent: Sequence[str],
    candidate: Item,
    grid: int = GRID,
    seed: int = 0,
    stop: threading.Event | None = None,
) -> Iterator[HeatMap]:
    """Yields the growing map, patches in an order that `seed` shuffles so that the first ones tell of all corners.

    Raises ValueError for a candidate without a picture, and StopRequested.
    """
    if candidate.picture is None:
        raise ValueError(f"{candidate.id!r} has no picture to hide a part of")
    order = random.Random(seed).sample(range(grid * grid), grid * grid)
    measured = logits(backbone, preference_text, recent, candidate, [(), *((patch,) for patch in order)], grid, stop)
    full = next(measured)
    drops: list[float | None] = [None] * len(order)
    for patch, less in zip(order, measured, strict=True):
        drops[patch] = full - less
        yield HeatMap(tuple(tuple(drops[row * grid : (row + 1) * grid]) for row in range(grid)))


def overlay(picture: Picture, found: HeatMap) -> Image.Image:
    """RGB pixels: the picture in grey, green where a patch raised the logit, rust where it lowered it, the stronger
    the more."""
    grid = len(found.drops)
    drops = [drop or 0.0 for row in found.drops for drop in row]
    strongest = max(map(abs, drops)) or 1.0
    colours, strength = Image.new("RGB", (grid, grid)), Image.new("L", (grid, grid))
    colours.putdata([HELPED if drop > 0 else HURT for drop in drops])
    strength.putdata([round(170 * abs(drop) / strongest) for drop in drops])
    shown = picture.open().convert("L").convert("RGB")
    smooth = Image.Resampling.BILINEAR
    return Image.composite(colours.resize(shown.size, smooth), shown, strength.resize(shown.size, smooth))
