"""Silhouettes of what stands on a table: mug, teapot, vase, plant pot, water bottle."""

from __future__ import annotations

import random

from .geometry import ellipse, lathe, rounded, smooth, tube, turn
from .palette import COFFEE, LEAF, STEEL, STRAW, mix
from .pen import Pen


def mug(pen: Pen, shape: str, rng: random.Random) -> None:
    """A mug with its handle to the right."""
    profile, handle = {
        "straight": ([(24, 25), (24, 45), (24, 68), (20.5, 78), (10, 80), (0, 80)], (67, 50, 13, 15)),
        "rounded": ([(21, 29), (25.5, 42), (27, 57), (22, 73), (13, 79.5), (0, 80)], (69, 54, 12, 13)),
        "tapered": ([(29, 24), (25, 48), (19.5, 72), (17, 80), (0, 80)], (66, 44, 13, 14)),
    }[shape]
    cx = 44
    pen.part(tube(ellipse(*handle, start=-100, end=100), 6.5), pen.tones.deep)
    pen.body(lathe(profile, cx))
    top_w, top_y = profile[0]
    pen.part(ellipse(cx, top_y, top_w, 4.6), pen.tones.light)
    pen.part(ellipse(cx, top_y + 0.4, top_w - 2.6, 3.2), COFFEE, shade=False)


def teapot(pen: Pen, shape: str, rng: random.Random) -> None:
    """A teapot pouring to the left."""
    belly, top, width = {
        "rounded": (ellipse(51, 59, 25, 21.5), 39.5, 12),
        "tall": (lathe([(13, 33), (18, 45), (22, 62), (21, 74), (14, 80), (0, 80)], 51), 33, 13),
        "squat": (ellipse(51, 64, 29, 16.5), 49, 15),
    }[shape]
    middle = (top + 80) / 2
    pen.part(tube(ellipse(75, middle, 13, (80 - top) * 0.36, -105, 105), 5.5), pen.tones.deep)
    spout = [(33, -5), (23, -7), (17, -18), (9, -18), (15, 4), (33, 13)]
    pen.part(smooth([(x, middle + y) for x, y in spout]), pen.tones.deep)
    pen.body(belly)
    pen.part(ellipse(51, top, width, width * 0.62, 180, 360), pen.tones.deep)
    pen.part(rounded(50 - width, top - 1, 52 + width, top + 2.4, 1.6), pen.tones.light)
    pen.part(ellipse(51, top - width * 0.62 - 3, 3.8), pen.frame)


def vase(pen: Pen, shape: str, rng: random.Random) -> None:
    """A vase with a few dry sprigs, which leave its colour alone."""
    for lean, height in ((-24, 29), (-3, 33), (21, 30)):
        lean += rng.uniform(-4, 4)
        pen.part(turn(tube([(50, 46), (50, 42 - height)], 1.0), lean, 50, 48), STRAW, shade=False)
        for step in range(4):
            y = 43 - height + step * 5.5
            for side in (-1, 1):
                leaf = turn(ellipse(50 + side * 3.4, y, 3.2, 1.7, steps=18), side * -38, 50 + side, y)
                pen.part(turn(leaf, lean, 50, 48), mix(STRAW, (255, 255, 255), 0.12 + 0.1 * (step % 2)), shade=False)
    profile, soft = {
        "slender": ([(8, 33), (6.5, 40), (10, 51), (16, 66), (15, 79), (11, 87), (0, 87)], True),
        "rounded": ([(11, 38), (9.5, 43), (24, 52), (30, 65), (24, 79), (13, 86.5), (0, 87)], True),
        "angular": ([(12, 37), (12, 43), (29, 62), (15, 87), (0, 87)], False),
    }[shape]
    pen.body(lathe(profile, soft=soft))
    pen.part(ellipse(50, profile[0][1], profile[0][0] + 1.2, 2.2), pen.tones.deep, shade=False)


def plant_pot(pen: Pen, shape: str, rng: random.Random) -> None:
    """A pot with a leafy plant in it."""
    for lean in (-62, 58, -36, 34, -12, 14):
        lean += rng.uniform(-4, 4)
        leaf = smooth([(50, 50), (50, 50), (44.5, 34), (46, 22), (50, 12), (50, 12), (54, 22), (55.5, 34)])
        pen.part(turn(leaf, lean, 50, 50), mix(LEAF, (40, 70, 50), 0.28 if abs(lean) > 25 else 0.05))
        pen.seam(turn([(50, 46), (50, 17)], lean, 50, 50), mix(LEAF, (255, 255, 255), 0.4), 0.6)
    if shape == "footed":
        for lean in (-14, 14):
            pen.part(turn(tube([(50, 70), (50, 88)], 3.4, 2.2), -lean, 50, 40), pen.frame)
        pen.body(lathe([(25, 46), (25, 60), (24, 70), (19, 76), (0, 77)]))
        pen.part(ellipse(50, 46, 25, 2.4), pen.tones.deep, shade=False)
    elif shape == "rounded":
        pen.body(lathe([(20, 46), (26, 54), (28, 65), (23, 79), (14, 85), (0, 86)]))
        pen.part(ellipse(50, 46.5, 20.5, 2.4), pen.tones.deep, shade=False)
    else:
        pen.body(lathe([(24, 50), (17, 86), (0, 86)], soft=False))
        pen.body(rounded(22.5, 44, 77.5, 54, 2), stitched=False)
        pen.seam([(26, 54.6), (74, 54.6)], pen.tones.deep, 1.4)


def water_bottle(pen: Pen, shape: str, rng: random.Random) -> None:
    """A bottle with a screw cap."""
    profile, neck, top = {
        "straight": ([(7, 27), (15, 33), (17, 41), (17, 78), (14.5, 87), (0, 88)], 7, 27),
        "curvy": ([(8, 27), (17, 34), (18.5, 42), (13.5, 56), (18, 70), (18, 80), (14, 87.5), (0, 88)], 8, 27),
        "wide": ([(10, 31), (22, 38), (25, 48), (25, 76), (21, 86.5), (0, 88)], 10, 31),
    }[shape]
    pen.part(tube(ellipse(50, top - 13, 7, 7, 180, 360), 2.6), pen.tones.deep)
    pen.part(rounded(50 - neck - 1.5, top - 13, 51.5 + neck, top + 1, 2.4), pen.tones.deep)
    pen.part(rounded(50 - neck, top - 1.5, 50 + neck, top + 3, 1), STEEL)
    pen.body(lathe(profile))
