"""Silhouettes for the home.

Furniture: lamp, clock, chair, armchair, cushion. For the table: mug, teapot, vase, plant pot, water bottle.
"""

from __future__ import annotations

import random

from train.draw.attributes import COFFEE, CREAM, INK, LEAF, STEEL, STRAW, mix
from train.draw.canvas import Canvas
from train.draw.geometry import Point, ellipse, flip, lathe, rotate, rounded, smooth, tube

GLOW = (255, 236, 170)


def lamp(canvas: Canvas, shape: str, rng: random.Random) -> None:
    """A table lamp: a big shade over a turned foot."""
    canvas.part(tube([(50, 44), (50, 78)], 3.4), canvas.frame)
    canvas.body(lathe([(3, 60), (8, 66), (11, 74), (9, 82), (4, 85), (0, 85)]), stitched=False)
    canvas.part(rounded(34, 83, 66, 88, 2.2), canvas.tones.deep)
    canvas.part(ellipse(50, 52, 24, 4), GLOW, shade=False)
    shades: dict[str, list[Point]] = {
        "domed": ellipse(50, 52, 32, 38, 180, 360),
        "conical": [(43, 16), (57, 16), (82, 53), (18, 53)],
        "cylindrical": rounded(23, 18, 77, 53, 2),
    }
    canvas.body(shades[shape])
    if shape != "cylindrical":
        canvas.part(rounded(46, 11, 54, 17, 2), canvas.frame)


def clock(canvas: Canvas, shape: str, rng: random.Random) -> None:
    """A clock with a broad patterned case and a clear face."""
    cy = 50
    if shape == "round":
        canvas.body(ellipse(50, cy, 36))
    elif shape == "square":
        canvas.body(rounded(15, 15, 85, 85, 9))
    else:
        cy = 47
        canvas.part(rounded(12, 78, 88, 86, 2.5), canvas.tones.deep)
        canvas.body([*ellipse(50, 47, 33, 33, 180, 360), (83, 79), (17, 79)])
    canvas.part(ellipse(50, cy, 21.5), canvas.tones.deep)
    canvas.part(ellipse(50, cy, 19.5), CREAM, shade=False)
    for hour in range(12):
        length = 4 if hour % 3 == 0 else 2
        canvas.seam(rotate([(50, cy - 17.5), (50, cy - 17.5 + length)], hour * 30, 50, cy), INK, 1.0)
    time = rng.randrange(12)
    canvas.seam(rotate([(50, cy + 2), (50, cy - 9)], time * 30 + 15, 50, cy), INK, 1.9)
    canvas.seam(rotate([(50, cy + 2), (50, cy - 14)], 180 + time * 30, 50, cy), INK, 1.3)
    canvas.part(ellipse(50, cy, 1.8, steps=20), canvas.tones.main, shade=False)


def chair(canvas: Canvas, shape: str, rng: random.Random) -> None:
    """A dining chair from the front."""
    legs = mix(canvas.frame, INK, 0.12)
    for x in (32, 68):
        canvas.part(tube([(x, 62), (x, 82)], 3), mix(legs, INK, 0.25))
        canvas.part(tube([(x, 16 if shape == "ladder-backed" else 44), (x, 60)], 4), legs)
    if shape == "ladder-backed":
        for y in (12, 26.5, 41):
            canvas.body(rounded(25, y, 75, y + 11.5, 4), stitched=False)
    else:
        canvas.body(ellipse(50, 31, 25, 22) if shape == "round-backed" else rounded(24, 10, 76, 50, 5))
    canvas.body([(28, 57), (72, 57), (80, 68), (20, 68)], stitched=False)
    canvas.part(rounded(19.5, 67, 80.5, 72, 2), canvas.tones.deep)
    for x, lean in ((25, 3), (75, -3)):
        canvas.part(rotate(tube([(x, 72), (x, 90)], 4.4, 3), lean, x, 72), legs)


def armchair(canvas: Canvas, shape: str, rng: random.Random) -> None:
    """A deep armchair from the front."""
    for x in (26, 74):
        canvas.part(tube([(x, 78), (x, 88)], 4.4, 3), canvas.frame)
    back = {
        "boxy": rounded(23, 20, 77, 66, 5),
        "rounded": [*ellipse(50, 46, 30, 30, 180, 360), (80, 70), (20, 70)],
        "winged": smooth([(19, 66), (15, 40), (19, 16), (28, 15), (50, 11), (72, 15), (81, 16), (85, 40), (81, 66)]),
    }[shape]
    canvas.body(back)
    canvas.body(rounded(25, 66, 75, 82, 3), stitched=False)
    canvas.body(rounded(26, 55, 74, 69, 5), stitched=False)
    canvas.seam([(29, 69), (71, 69)], canvas.tones.deep, 1.2)
    arm = rounded(11, 47, 29, 82, 4 if shape == "boxy" else 8.5)
    for side in (arm, flip(arm)):
        canvas.body(side)
    if shape == "winged":
        for x in (40, 50, 60):
            canvas.part(ellipse(x, 36, 1.6, steps=16), canvas.tones.deep, shade=False)


def cushion(canvas: Canvas, shape: str, rng: random.Random) -> None:
    """A plump cushion with piping."""
    if shape == "round":
        canvas.part(ellipse(50, 50, 36.5), canvas.tones.deep)
        canvas.body(ellipse(50, 50, 34.5))
        canvas.part(ellipse(50, 50, 5), canvas.tones.deep)
        canvas.part(ellipse(50, 49.6, 3.6), canvas.tones.light)
        return
    w, h = (36, 34) if shape == "square" else (40, 25)
    bow = 4.5
    north, south = [(50 - w, 50 - h), (50, 50 - h + bow), (50 + w, 50 - h)], [(50 + w, 50 + h), (50, 50 + h - bow)]
    west = [(50 - w, 50 + h), (50 - w + bow, 50)]
    # The corners are given twice, which keeps them sharp.
    outline = smooth(
        [north[0], *north, north[2], (50 + w - bow, 50), south[0], *south, west[0], *west],
    )
    canvas.part([(50 + (x - 50) * 1.04, 50 + (y - 50) * 1.05) for x, y in outline], canvas.tones.deep)
    canvas.body(outline)
    for sx in (-1, 1):
        for sy in (-1, 1):
            corner = (50 + sx * (w - 4), 50 + sy * (h - 4))
            canvas.seam([corner, (corner[0] - sx * 8, corner[1] - sy * 5)], canvas.tones.deep, 0.9)


def mug(canvas: Canvas, shape: str, rng: random.Random) -> None:
    """A mug with its handle to the right."""
    forms: dict[str, tuple[list[Point], tuple[float, float, float, float]]] = {
        "straight": ([(24, 25), (24, 45), (24, 68), (20.5, 78), (10, 80), (0, 80)], (67, 50, 13, 15)),
        "rounded": ([(21, 29), (25.5, 42), (27, 57), (22, 73), (13, 79.5), (0, 80)], (69, 54, 12, 13)),
        "tapered": ([(29, 24), (25, 48), (19.5, 72), (17, 80), (0, 80)], (66, 44, 13, 14)),
    }
    profile, handle = forms[shape]
    cx = 44
    canvas.part(tube(ellipse(*handle, start=-100, end=100), 6.5), canvas.tones.deep)
    canvas.body(lathe(profile, cx))
    top_w, top_y = profile[0]
    canvas.part(ellipse(cx, top_y, top_w, 4.6), canvas.tones.light)
    canvas.part(ellipse(cx, top_y + 0.4, top_w - 2.6, 3.2), COFFEE, shade=False)


def teapot(canvas: Canvas, shape: str, rng: random.Random) -> None:
    """A teapot pouring to the left."""
    belly, top, width = {
        "rounded": (ellipse(51, 59, 25, 21.5), 39.5, 12),
        "tall": (lathe([(13, 33), (18, 45), (22, 62), (21, 74), (14, 80), (0, 80)], 51), 33, 13),
        "squat": (ellipse(51, 64, 29, 16.5), 49, 15),
    }[shape]
    middle = (top + 80) / 2
    canvas.part(tube(ellipse(75, middle, 13, (80 - top) * 0.36, -105, 105), 5.5), canvas.tones.deep)
    spout = [(33, -5), (23, -7), (17, -18), (9, -18), (15, 4), (33, 13)]
    canvas.part(smooth([(x, middle + y) for x, y in spout]), canvas.tones.deep)
    canvas.body(belly)
    canvas.part(ellipse(51, top, width, width * 0.62, 180, 360), canvas.tones.deep)
    canvas.part(rounded(50 - width, top - 1, 52 + width, top + 2.4, 1.6), canvas.tones.light)
    canvas.part(ellipse(51, top - width * 0.62 - 3, 3.8), canvas.frame)


def vase(canvas: Canvas, shape: str, rng: random.Random) -> None:
    """A vase with a few dry sprigs in a neutral colour."""
    for lean, height in ((-24.0, 29), (-3.0, 33), (21.0, 30)):
        lean += rng.uniform(-4, 4)
        canvas.part(rotate(tube([(50, 46), (50, 42 - height)], 1.0), lean, 50, 48), STRAW, shade=False)
        for step in range(4):
            y = 43 - height + step * 5.5
            for side in (-1, 1):
                leaf = rotate(ellipse(50 + side * 3.4, y, 3.2, 1.7, steps=18), side * -38, 50 + side, y)
                canvas.part(
                    rotate(leaf, lean, 50, 48), mix(STRAW, (255, 255, 255), 0.12 + 0.1 * (step % 2)), shade=False
                )
    forms: dict[str, tuple[list[Point], bool]] = {
        "slender": ([(8, 33), (6.5, 40), (10, 51), (16, 66), (15, 79), (11, 87), (0, 87)], True),
        "rounded": ([(11, 38), (9.5, 43), (24, 52), (30, 65), (24, 79), (13, 86.5), (0, 87)], True),
        "angular": ([(12, 37), (12, 43), (29, 62), (15, 87), (0, 87)], False),
    }
    profile, soft = forms[shape]
    canvas.body(lathe(profile, soft=soft))
    canvas.part(ellipse(50, profile[0][1], profile[0][0] + 1.2, 2.2), canvas.tones.deep, shade=False)


def plant_pot(canvas: Canvas, shape: str, rng: random.Random) -> None:
    """A pot with a leafy plant in it."""
    for lean in (-62.0, 58.0, -36.0, 34.0, -12.0, 14.0):
        lean += rng.uniform(-4, 4)
        leaf = smooth([(50, 50), (50, 50), (44.5, 34), (46, 22), (50, 12), (50, 12), (54, 22), (55.5, 34)])
        canvas.part(rotate(leaf, lean, 50, 50), mix(LEAF, (40, 70, 50), 0.28 if abs(lean) > 25 else 0.05))
        canvas.seam(rotate([(50, 46), (50, 17)], lean, 50, 50), mix(LEAF, (255, 255, 255), 0.4), 0.6)
    if shape == "footed":
        for lean in (-14, 14):
            canvas.part(rotate(tube([(50, 70), (50, 88)], 3.4, 2.2), -lean, 50, 40), canvas.frame)
        canvas.body(lathe([(25, 46), (25, 60), (24, 70), (19, 76), (0, 77)]))
        canvas.part(ellipse(50, 46, 25, 2.4), canvas.tones.deep, shade=False)
    elif shape == "rounded":
        canvas.body(lathe([(20, 46), (26, 54), (28, 65), (23, 79), (14, 85), (0, 86)]))
        canvas.part(ellipse(50, 46.5, 20.5, 2.4), canvas.tones.deep, shade=False)
    else:
        canvas.body(lathe([(24, 50), (17, 86), (0, 86)], soft=False))
        canvas.body(rounded(22.5, 44, 77.5, 54, 2), stitched=False)
        canvas.seam([(26, 54.6), (74, 54.6)], canvas.tones.deep, 1.4)


def water_bottle(canvas: Canvas, shape: str, rng: random.Random) -> None:
    """A bottle with a screw cap."""
    forms: dict[str, tuple[list[Point], float, float]] = {
        "straight": ([(7, 27), (15, 33), (17, 41), (17, 78), (14.5, 87), (0, 88)], 7, 27),
        "curvy": ([(8, 27), (17, 34), (18.5, 42), (13.5, 56), (18, 70), (18, 80), (14, 87.5), (0, 88)], 8, 27),
        "wide": ([(10, 31), (22, 38), (25, 48), (25, 76), (21, 86.5), (0, 88)], 10, 31),
    }
    profile, neck, top = forms[shape]
    canvas.part(tube(ellipse(50, top - 13, 7, 7, 180, 360), 2.6), canvas.tones.deep)
    canvas.part(rounded(50 - neck - 1.5, top - 13, 51.5 + neck, top + 1, 2.4), canvas.tones.deep)
    canvas.part(rounded(50 - neck, top - 1.5, 50 + neck, top + 3, 1), STEEL)
    canvas.body(lathe(profile))
