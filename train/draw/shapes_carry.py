"""Silhouettes of what is carried: backpack, notebook, umbrella."""

from __future__ import annotations

import random

from .geometry import ellipse, lathe, rounded, smooth, tube
from .palette import BRASS, CREAM, STEEL, mix
from .pen import Pen


def backpack(pen: Pen, shape: str, rng: random.Random) -> None:
    """A backpack from the front, straps at its sides."""
    deep = pen.tones.deep
    for cx, start, end in ((27, 90, 270), (73, -90, 90)):
        pen.part(tube(ellipse(cx, 60, 9, 20, start, end), 5), mix(deep, (0, 0, 0), 0.15))
    pen.part(tube(ellipse(50, 20, 8, 8, 180, 360), 3.2), deep)
    if shape == "rounded":
        pen.body([*ellipse(50, 46, 27, 29, 180, 360), *rounded(23, 46, 77, 86, 9)[10:33]])
        pen.seam(ellipse(50, 46, 20, 20, 190, 350), deep, 1.4)
    elif shape == "boxy":
        pen.body(rounded(23, 20, 77, 86, 8))
        pen.part(rounded(23, 30, 77, 33, 1), deep, shade=False)
    else:
        pen.body(rounded(24, 27, 76, 86, 7))
        pen.body(rounded(21, 17, 79, 31, 6.5), stitched=False)
        for x in (35, 65):
            pen.part(rounded(x - 2, 17, x + 2, 47, 1.2), deep)
            pen.part(rounded(x - 3.2, 40, x + 3.2, 46, 1.2), BRASS)
    pen.part(rounded(31, 52, 69, 80, 6), deep)
    pen.body(rounded(32.6, 53.6, 67.4, 78.4, 5), stitched=False)
    pen.seam([(36, 60), (64, 60)], deep, 1.6)
    pen.part(rounded(61, 59, 63.4, 66, 1), BRASS, shade=False)


def notebook(pen: Pen, shape: str, rng: random.Random) -> None:
    """A closed notebook with its page edges showing."""
    pen.part(rounded(25, 15, 81, 89, 3), pen.tones.deep)
    pen.part(rounded(25, 15, 79, 86.5, 2), CREAM, shade=False)
    for y in (84.2, 85.6):
        pen.seam([(27, y), (78, y)], (214, 204, 186), 0.5)
    pen.body(rounded(22, 12, 77, 83, 3.5))
    pen.part(rounded(38, 24, 66, 38, 2), CREAM)
    for y, end in ((29, 62), (33, 55)):
        pen.seam([(42, y), (end, y)], (120, 112, 108), 1.0)
    if shape == "ring-bound":
        for i in range(9):
            y = 17 + i * 7.6
            pen.part(ellipse(26.5, y + 1.2, 1.7, steps=16), (60, 58, 64), shade=False)
            pen.part(tube([(18.5, y), (26, y + 1.2)], 2.2), STEEL)
    elif shape == "banded":
        pen.part(rounded(22, 12, 29, 83, 3), pen.tones.deep)
        pen.part(rounded(69, 11.4, 72.4, 83.6, 1), mix(pen.tones.deep, (0, 0, 0), 0.35), shade=False)
    else:
        pen.part(rounded(60, 43, 82, 53, 4), pen.tones.deep)
        pen.part(ellipse(65.5, 48, 2.7), BRASS)


def umbrella(pen: Pen, shape: str, rng: random.Random) -> None:
    """An umbrella, open or furled."""
    if shape == "closed":
        pen.part(tube([(50, 8), (50, 16)], 2.2), STEEL)
        hook = [(50, 70), (50, 84), *ellipse(57, 84, 7, 7, 180, 10, 20)]
        pen.part(tube(hook, 3.8), pen.frame)
        pen.body(lathe([(1.5, 12), (6, 26), (11, 46), (13.5, 62), (12, 70), (4, 75), (0, 75)]))
        pen.seam(smooth([(50, 15), (53, 44), (50, 73)], closed=False), pen.tones.deep, 1.0)
        pen.seam(smooth([(48, 20), (44, 48), (43, 70)], closed=False), pen.tones.deep, 1.0)
        pen.part(rounded(36.5, 55, 63.5, 60, 2), pen.tones.deep)
        return
    pen.part(tube([(50, 10), (50, 18)], 2.4), STEEL)
    pen.part(tube([(50, 30), (50, 82), *ellipse(56.5, 82, 6.5, 7, 180, 10, 20)], 3.2), pen.frame)
    edges = (12, 31, 50, 69, 88)
    scallops = [p for a, b in zip(edges[::-1], edges[-2::-1], strict=False) for p in _scallop(a, b)]
    pen.body([*ellipse(50, 54, 38, 39, 180, 360), *scallops])
    for x in edges[1:-1]:
        bend = 50 + (x - 50) * 0.8
        pen.seam(smooth([(50, 15), (bend, 32), (x, 53)], closed=False), pen.tones.deep, 1.0)


def _scallop(start: float, end: float) -> list[tuple[float, float]]:
    return ellipse((start + end) / 2, 54, abs(start - end) / 2, 5, 360, 180, 16)
