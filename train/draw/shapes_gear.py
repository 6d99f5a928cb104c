"""Silhouettes of gear: headphones, bike helmet, guitar."""

from __future__ import annotations

import random

from .geometry import Path, Point, ellipse, flip, rounded, smooth, tube, turn
from .palette import BRASS, COFFEE, INK, STEEL, TIMBER, mix
from .pen import Pen


def headphones(pen: Pen, shape: str, rng: random.Random) -> None:
    """Headphones from the front, their cups turned a little to the viewer."""
    deep = pen.tones.deep
    for side in (lambda p: p, flip):
        pen.part(side(tube([(19, 44), (18, 56)], 4)), STEEL)
    pen.body(tube(ellipse(50, 46, 30.5, 30, 186, 354), 11), stitched=False)
    pen.part(tube(ellipse(50, 46, 24, 23.5, 205, 335), 4), mix(deep, INK, 0.5))
    for side in (lambda p: p, flip):
        if shape == "round":
            pad, cup, cap = ellipse(32, 66, 10, 19), ellipse(21.5, 66, 15.5, 21), ellipse(20, 66, 5, 6.8)
        else:
            pad, cup, cap = rounded(26, 48, 42, 85, 5), rounded(7, 45, 36, 88, 7), rounded(15.5, 60, 26, 73, 3)
        pen.part(side(pad), mix(deep, INK, 0.6))
        pen.body(side(cup))
        pen.part(side(cap), STEEL)


def bike_helmet(pen: Pen, shape: str, rng: random.Random) -> None:
    """A helmet from the side, its front to the right, with straps."""
    strap, hollow = mix(INK, (255, 255, 255), 0.2), mix(pen.tones.deep, INK, 0.75)
    for path in ([(32, 58), (50, 88)], [(70, 58), (54, 88)], [(50, 58), (51, 88)]):
        pen.part(tube(path, 2.4), strap)
    pen.part(rounded(46, 84, 58, 90, 2), INK)
    if shape == "domed":
        pen.part(smooth([(14, 58), (50, 62), (87, 58), (84, 68), (50, 71), (17, 70)]), strap)
        pen.body([*ellipse(50, 52, 37, 37, 180, 360), *smooth([(87, 62), (50, 66), (13, 64)], closed=False)])
        pen.seam(smooth([(13.5, 57), (50, 59), (86.5, 56)], closed=False), pen.tones.deep, 2.4)
        for x, y, lean in ((33, 30, -28), (50, 25, 0), (67, 30, 28)):
            pen.part(turn(ellipse(x, y, 5, 2.1, steps=24), lean, x, y), hollow, shade=False)
        return
    pen.part(smooth([(13, 58), (40, 58), (86, 56), (85, 64), (50, 69), (17, 69)]), strap)
    crest = [(9, 58), (13, 40), (29, 24), (51, 19), (73, 27), (87, 45)]
    pen.body(smooth([*crest, (91, 59), (91, 59), (70, 60), (42, 63), (15, 68)]))
    for rear, crown, front in (((17, 46), 27, (78, 40)), ((17, 57), 43, (83, 53))):
        for a, b in ((0.0, 0.44), (0.53, 1.0)):
            pen.part(_slot(rear, crown, front, a, b), hollow, shade=False)
    pen.part(smooth([(77, 59), (77, 59), (83, 51), (96, 61), (95, 64), (85, 62)]), hollow)


def _slot(rear: Point, crown: float, front: Point, start: float, end: float) -> Path:
    """A vent that follows the arch from `rear` over `crown` to `front`, from share `start` to `end` of it."""
    middle = ((rear[0] + front[0]) / 2, 2 * crown - (rear[1] + front[1]) / 2)
    top: Path = []
    bottom: Path = []
    for i in range(13):
        t = start + (end - start) * i / 12
        x, y = ((1 - t) ** 2 * rear[d] + 2 * t * (1 - t) * middle[d] + t * t * front[d] for d in (0, 1))
        half = 2.5 * (1 - (i / 6 - 1) ** 2) ** 0.5
        top.append((x, y - half))
        bottom.append((x, y + half))
    return top + bottom[::-1]


def guitar(pen: Pen, shape: str, rng: random.Random) -> None:
    """A guitar leaning to the right."""

    def lean(path: Path) -> Path:
        return turn([(50 + (x - 50) * 1.08, 49 + (y - 48) * 0.98) for x, y in path], 34)

    outline = {
        "rounded": [(50, 46), (62, 45), (67, 54), (63, 63), (71, 72), (73, 84), (64, 95), (50, 97)],
        "double-horned": [(50, 52), (56, 50), (63, 40), (68, 44), (65, 62), (72, 74), (70, 90), (60, 95), (50, 92)],
        "cutaway": [(50, 46), (60, 45), (66, 52), (63, 63), (71, 72), (73, 84), (64, 95), (50, 97)],
    }[shape]
    left = flip(outline[1:-1])[::-1]
    if shape == "cutaway":
        outline = [(50, 55), (56, 56), (66, 47), (69, 52), (64, 63), *outline[4:]]
    pen.part(lean(rounded(45, -3, 55, 12, 2.5)), TIMBER)
    for y in (0, 4, 8):
        for x in (43.6, 56.4):
            pen.part(lean(ellipse(x, y, 1.5, steps=14)), BRASS, shade=False)
    pen.body(lean(smooth([*outline, *left])))
    pen.part(lean(rounded(46.8, 10, 53.2, 64, 1)), COFFEE)
    for y in range(15, 60, 6):
        pen.seam(lean([(47, y), (53, y)]), BRASS, 0.6)
    if shape == "double-horned":
        for y in (68, 76):
            pen.part(lean(rounded(43.5, y, 56.5, y + 4, 1.5)), INK, shade=False)
    else:
        pen.part(lean(ellipse(50, 69, 7.4)), pen.tones.deep, shade=False)
        pen.part(lean(ellipse(50, 69, 5.8)), COFFEE, shade=False)
    pen.part(lean(rounded(42, 84, 58, 87.5, 1.4)), COFFEE)
    for x in (48.4, 50, 51.6):
        pen.seam(lean([(x, 8), (x, 85)]), (236, 228, 210), 0.45)
