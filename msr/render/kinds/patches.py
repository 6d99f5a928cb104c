"""Where on the candidate's picture the score lies: the picture, and the heat map over it."""

from __future__ import annotations

import functools

from msr.evidence.kinds.occlusion import overlay
from msr.render.drawing import Pen, figure, signed
from msr.render.kinds.attribution import legend
from msr.schema import HeatMap, Item, Picture

TITLE = "Where on the picture"
_DOWN = ("top", "middle", "bottom")
_ACROSS = ("left", "centre", "right")


def patches(item: Item, found: HeatMap, pen: Pen) -> str:
    """`item` has a picture."""
    grid = len(found.drops)
    known = {(row, column): d for row, line in enumerate(found.drops) for column, d in enumerate(line) if d is not None}
    strongest = max(map(abs, known.values()), default=0.0)
    said = "One patch at a time is made grey and the candidate scored again. "
    if not found.complete:
        said += f"{len(known)} of {grid * grid} patches so far. "
    if strongest >= 0.005:
        place, drop = max(known.items(), key=lambda pair: abs(pair[1]))
        said += f"Strongest: {_place(place, grid)}, {signed(drop)} nats."
    else:
        said += "No single patch moves the score."
    body = (
        f'<div class="patches-pair"><span>{pen.picture(item.picture, "The picture")}</span>'
        f"<span>{pen.picture(_tinted(item.picture, found), 'The picture with the heat map over it')}</span></div>"
        f"{legend(strongest) if strongest >= 0.005 else ''}"
    )
    return figure("patches", TITLE, body, said)


@functools.lru_cache(maxsize=64)
def _tinted(picture: Picture, found: HeatMap) -> Picture:
    return Picture.from_pixels(overlay(picture, found))


def _place(place: tuple[int, int], grid: int) -> str:
    """In words: which ninth of the picture."""
    down, across = (names[min(2, 3 * at // grid)] for names, at in zip((_DOWN, _ACROSS), place, strict=True))
    return {("middle", "centre"): "in the centre"}.get((down, across), f"{down} {across}")
