"""Silhouettes of what is worn: t-shirt, sneaker, hat, scarf."""

from __future__ import annotations

import random

from .geometry import ellipse, flip, rounded, smooth, tube
from .palette import CREAM, mix
from .pen import Pen


def t_shirt(pen: Pen, shape: str, rng: random.Random) -> None:
    """A shirt laid flat."""
    deep = pen.tones.deep
    if shape == "long-sleeved":
        sleeve = [(32, 19), (22, 24), (11, 78), (21, 81), (33, 44)]
        cuff = [(11.6, 75), (10.4, 80), (20.8, 83), (22.2, 77.6)]
    else:
        sleeve = [(32, 18), (20, 24), (7, 44), (20, 53), (33, 40)]
        cuff = [(9, 41), (6.4, 45), (20, 54), (22.2, 50.4)]
    for side in (lambda p: p, flip):
        pen.body(side(sleeve), stitched=False)
        pen.part(side(cuff), deep)
    pen.part(ellipse(50, 19, 12, 5), mix(deep, (0, 0, 0), 0.25), shade=False)
    collar = [(38, 17), (50, 36), (62, 17)] if shape == "v-neck" else ellipse(50, 17, 12, 11, 180, 0, 24)
    half = [(62, 17), (70, 20), (72, 40), (72, 85), (28, 85), (28, 40), (30, 20), (38, 17)]
    pen.body([*collar, *half[1:-1]])
    pen.part(tube(collar, 2.8), deep)
    pen.seam([(29, 81.5), (71, 81.5)], deep, 0.8)


def sneaker(pen: Pen, shape: str, rng: random.Random) -> None:
    """A shoe from the side, its toe to the right."""
    deep = pen.tones.deep
    toe = [(72, 55), (85, 60), (90, 70), (90, 74), (90, 74), (12, 74), (12, 74)]
    upper = {
        "low-top": [(12, 42), (12, 42), (17, 40), (27, 47), (38, 47), (47, 37), (47, 37), (54, 39), (62, 49)],
        "high-top": [(13, 40), (12, 22), (12, 22), (24, 25), (40, 22), (40, 22), (46, 32), (52, 40), (61, 49)],
        "slip-on": [(12, 44), (12, 44), (18, 42), (28, 49), (40, 48), (46, 43), (54, 44), (64, 50)],
    }[shape]
    pen.body(smooth([(11, 60), *upper, *toe]))
    pen.part(smooth([(73, 74), (73, 74), (74, 64), (82, 60), (88, 65), (90.5, 74), (90.5, 74)]), CREAM)
    pen.part(smooth([(11, 74), (11, 74), (11, 58), (15, 55), (22, 62), (24, 74), (24, 74)]), deep)
    if shape == "slip-on":
        pen.part(smooth([(33, 48), (40, 49), (42, 60), (37, 63), (32, 58)]), deep)
    else:
        high, low = [(42, 27), (45, 35), (50, 42), (57, 48), (64, 53)], [(48, 42), (53.5, 45.5), (59, 50), (65, 54)]
        for x, y in high if shape == "high-top" else low:
            pen.part(tube([(x - 4.5, y + 5.5), (x + 2.5, y - 1.5)], 2.5), CREAM)
        pen.seam(smooth([(30, 72), (38, 63), (58, 62), (72, 70)], closed=False), deep, 1.6)
    pen.part(rounded(9, 72, 92, 82, 4.5), CREAM)
    pen.seam([(11, 77), (90, 77)], pen.tones.main, 1.6)


def hat(pen: Pen, shape: str, rng: random.Random) -> None:
    """A peaked cap, a bucket hat or a bobble hat."""
    deep = pen.tones.deep
    if shape == "peaked":
        pen.body([*ellipse(43, 62, 31, 36, 180, 360), (74, 68), (12, 68)])
        for x in (30, 56):
            pen.seam(smooth([(43, 27), (x, 44), (x + (x - 43) * 0.5, 67)], closed=False), deep, 0.9)
        pen.part(ellipse(43, 26, 3.6, 2), deep)
        pen.part(smooth([(40, 64), (40, 64), (62, 61), (80, 63), (94, 71), (92, 75), (72, 70), (40, 71)]), deep)
    elif shape == "bucket":
        pen.part(smooth([(20, 58), (80, 58), (92, 76), (50, 83), (8, 76)]), deep)
        pen.body([(30, 28), (34, 25), (66, 25), (70, 28), (78, 60), (22, 60)])
        brim = [(22, 58), (22, 58), (50, 62), (78, 58), (78, 58), (91, 75), (50, 82), (9, 75)]
        pen.body(smooth(brim), stitched=False)
        pen.seam(smooth([(22, 59), (50, 63), (78, 59)], closed=False), deep, 1.8)
    else:
        pen.body(ellipse(50, 64, 33, 40, 180, 360))
        pen.part(rounded(14, 61, 86, 78, 5), deep)
        for i in range(14):
            pen.seam([(18.5 + i * 4.9, 63), (18.5 + i * 4.9, 76)], mix(deep, (0, 0, 0), 0.3), 0.8)
        pen.part(ellipse(50, 22, 10), CREAM if pen.look.colour != "white" else deep)


def scarf(pen: Pen, shape: str, rng: random.Random) -> None:
    """A scarf hung round an unseen neck, knotted, or folded over."""
    deep = pen.tones.deep
    inside = mix(deep, (0, 0, 0), 0.3)
    if shape == "folded":
        _fringe(pen, 24, 50, 87)
        pen.body([(24, 26), (50, 26), (50, 88), (24, 88)])
        _fringe(pen, 50, 77, 77)
        pen.body([(48, 26), (77, 26), (77, 78), (50, 78)])
        pen.body(rounded(21, 13, 80, 35, 10.5))
    elif shape == "knotted":
        _fringe(pen, 26, 46, 84)
        _fringe(pen, 55, 75, 78)
        pen.body([(42, 44), (58, 48), (46, 86), (26, 84)])
        pen.body([(44, 48), (58, 44), (75, 76), (55, 81)])
        pen.part(ellipse(50, 27, 33, 15), inside)
        pen.part(ellipse(50, 26, 20, 7), mix(inside, (0, 0, 0), 0.45), shade=False)
        rim = smooth([(17, 27), (32, 34), (50, 36), (68, 34), (83, 27)], closed=False)
        pen.body([*ellipse(50, 27, 33, 25, 0, 180), *rim])
        pen.body(smooth([(41, 38), (50, 35), (59, 38), (61, 49), (56, 57), (44, 57), (39, 49)]))
    else:
        _fringe(pen, 22, 42, 80)
        _fringe(pen, 58, 78, 86)
        pen.part(tube(ellipse(50, 27, 15, 9, 180, 360), 11), inside)
        pen.body(smooth([(58, 24), (67, 22), (74, 34), (78, 86), (78, 86), (58, 87), (58, 87), (55, 46)]))
        pen.body(smooth([(42, 24), (33, 22), (26, 34), (22, 80), (22, 80), (42, 81), (42, 81), (52, 52), (56, 42)]))


def _fringe(pen: Pen, left: float, right: float, top: float) -> None:
    count = int((right - left) / 3.4)
    for i in range(count + 1):
        x = left + 1 + i * (right - left - 2) / count
        pen.part(tube([(x, top - 1), (x, top + 8)], 1.9), pen.tones.deep, shade=False)
