"""Occlusion: where on its picture a candidate's score lies.

One patch at a time is made grey and the candidate scored again (Zeiler & Fergus 2014, arXiv 1311.2901, section 4.2).
"""

from __future__ import annotations

import functools
import random
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image

from msr import prompts, untrusted
from msr.backbones.protocol import Backbone, even_batches
from msr.evidence.kind import FigureContext, Kind, Stage, Step, Subject, Unavailable
from msr.render.html import figure, image, scale_legend, signed
from msr.schema import Item, Picture

GRID = 6  # patches on a side
GREY = (128, 128, 128)
HELPED, HURT = (16, 150, 108), (208, 88, 30)  # colours of the overlay
_AT_ONCE = 12  # patched pictures that are scored after one shared prefix
_LARGEST_GRID = 32  # in a run.json
_DOWN = ("top", "middle", "bottom")
_ACROSS = ("left", "centre", "right")


@dataclass(frozen=True)
class HeatMap:
    """`drops[row][column]` is the logit with the patch minus that without it, in nats; None if not measured yet."""

    drops: tuple[tuple[float | None, ...], ...] = ()

    @property
    def complete(self) -> bool:
        return bool(self.drops) and all(drop is not None for row in self.drops for drop in row)

    def to_json(self) -> dict[str, Any]:
        rows = [[None if drop is None else round(drop, 6) for drop in row] for row in self.drops]
        return {"patches": rows or None}


def occlude(picture: Picture, patches: Collection[int], grid: int = GRID) -> Picture:
    """Make some of the grid * grid patches of a picture grey; they are counted row by row, from 0.

    Raises ValueError for a grid that is finer than the picture.
    """
    if not 1 <= grid <= min(picture.width, picture.height):
        raise ValueError(f"a grid of {grid} does not fit a picture of {picture.width} x {picture.height} pixels")
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
    """Yield the candidate's logit for each set of hidden patches, scored in batches.

    The picture is encoded anew even if no patch is hidden, so that encoding adds no difference of its own. Raises
    ValueError for a candidate without a picture, and StopRequested.
    """
    whole = candidate.picture
    if whole is None:
        raise ValueError(f"{candidate.id!r} has no picture to hide a part of")
    for some in even_batches(hidden, _AT_ONCE):
        items = [replace(candidate, picture=occlude(whole, patches, grid)) for patches in some]
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
    """Yield the growing map. `seed` shuffles the order of the patches: the first ones come from all over the picture.

    Raises ValueError for a candidate without a picture, and StopRequested.
    """
    order = random.Random(seed).sample(range(grid * grid), grid * grid)
    measured = logits(backbone, preference_text, recent, candidate, [(), *((patch,) for patch in order)], grid, stop)
    full = next(measured)
    drops: list[float | None] = [None] * len(order)
    for patch, less in zip(order, measured, strict=True):
        drops[patch] = full - less
        yield HeatMap(tuple(tuple(drops[row * grid : (row + 1) * grid]) for row in range(grid)))


def overlay(picture: Picture, found: HeatMap) -> Image.Image:
    """Tint the picture, in grey: green where a patch raised the logit, rust where it lowered it.

    Returns RGB pixels. The tint is the deeper, the larger the drop.
    """
    grid = len(found.drops)
    drops = [drop or 0.0 for row in found.drops for drop in row]
    strongest = max(map(abs, drops)) or 1.0
    colours, strength = Image.new("RGB", (grid, grid)), Image.new("L", (grid, grid))
    colours.putdata([HELPED if drop > 0 else HURT for drop in drops])
    strength.putdata([round(170 * abs(drop) / strongest) for drop in drops])
    shown = picture.open().convert("L").convert("RGB")
    smooth = Image.Resampling.BILINEAR
    return Image.composite(colours.resize(shown.size, smooth), shown, strength.resize(shown.size, smooth))


class Occlusion(Kind[HeatMap]):
    name = "patches"
    title = "Where on the picture"
    empty = HeatMap()
    stages = (Stage("patches", "Hiding patches of the picture", 0.2),)

    def steps(self, stage: Stage, subject: Subject) -> int:
        return 0 if subject.known(self).complete else GRID**2

    def measure(self, stage: Stage, subject: Subject) -> Iterator[Step[HeatMap]]:
        item, preference_text = subject.item, subject.inputs.preference
        if item.picture is None:
            raise Unavailable("This item has no picture.")
        grid = min(GRID, item.picture.width, item.picture.height)
        maps = heat_map(subject.backbone, preference_text, subject.titles, item, grid, stop=subject.stop)
        for done, found in enumerate(maps, start=1):
            yield Step(done, {item.id: found})

    def read(self, stored: Mapping[str, Any]) -> HeatMap:
        grid = untrusted.entries(stored.get("patches") or [], _LARGEST_GRID)
        if any(len(untrusted.entries(row, _LARGEST_GRID)) != len(grid) for row in grid):
            raise ValueError("expected as many columns of patches as rows")
        return HeatMap(tuple(tuple(None if drop is None else untrusted.number(drop) for drop in row) for row in grid))

    def draw(self, record: HeatMap, context: FigureContext) -> str:
        item = context.items.get(context.shown.item_id)
        if item is None or item.picture is None or not record.drops:
            return ""
        grid = len(record.drops)
        known = {(y, x): drop for y, row in enumerate(record.drops) for x, drop in enumerate(row) if drop is not None}
        strongest = max(map(abs, known.values()), default=0.0)
        said = "One patch at a time is made grey and the candidate scored again. "
        if not record.complete:
            said += f"{len(known)} of {grid * grid} patches so far. "
        if strongest >= 0.005:
            place, drop = max(known.items(), key=lambda pair: abs(pair[1]))
            said += f"Strongest: {_place(place, grid)}, {signed(drop)} nats."
        else:
            said += "No single patch moves the score."
        tinted = image(_tinted(item.picture, record), context.media, "The picture with the heat map over it")
        body = (
            f'<div class="patches-pair"><span>{image(item.picture, context.media, "The picture")}</span>'
            f"<span>{tinted}</span></div>{scale_legend(strongest) if strongest >= 0.005 else ''}"
        )
        return figure(self.name, self.title, body, said)


@functools.lru_cache(maxsize=64)
def _tinted(shown: Picture, found: HeatMap) -> Picture:
    return Picture.from_pixels(overlay(shown, found))


def _place(place: tuple[int, int], grid: int) -> str:
    """Say in words in which ninth of the picture a patch lies."""
    down, across = (names[min(2, 3 * at // grid)] for names, at in zip((_DOWN, _ACROSS), place, strict=True))
    return "in the centre" if (down, across) == ("middle", "centre") else f"{down} {across}"


KIND = Occlusion()
