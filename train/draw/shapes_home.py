"""Silhouettes of furniture and furnishings: lamp, clock, chair, armchair, cushion."""

from __future__ import annotations

import random

from .geometry import ellipse, flip, lathe, rounded, smooth, tube, turn
from .palette import CREAM, INK, mix
from .pen import Pen

GLOW = (255, 236, 170)


def lamp(pen: Pen, shape: str, rng: random.Random) -> None:
    """A table lamp: a big shade over a turned foot."""
    pen.part(tube([(50, 44), (50, 78)], 3.4), pen.frame)
    pen.body(lathe([(3, 60), (8, 66), (11, 74), (9, 82), (4, 85), (0, 85)]), stitched=False)
    pen.part(rounded(34, 83, 66, 88, 2.2), pen.tones.deep)
    pen.part(ellipse(50, 52, 24, 4), GLOW, shade=False)
    shade = {
        "domed": ellipse(50, 52, 32, 38, 180, 360),
        "conical": [(43, 16), (57, 16), (82, 53), (18, 53)],
        "cylindrical": rounded(23, 18, 77, 53, 2),
    }[shape]
    pen.body(shade)
    if shape != "cylindrical":
        pen.part(rounded(46, 11, 54, 17, 2), pen.frame)


def clock(pen: Pen, shape: str, rng: random.Random) -> None:
    """A clock with a broad patterned case and a clear face."""
    cy = 50
    if shape == "round":
        pen.body(ellipse(50, cy, 36))
    elif shape == "square":
        pen.body(rounded(15, 15, 85, 85, 9))
    else:
        cy = 47
        pen.part(rounded(12, 78, 88, 86, 2.5), pen.tones.deep)
        pen.body([*ellipse(50, 47, 33, 33, 180, 360), (83, 79), (17, 79)])
    pen.part(ellipse(50, cy, 21.5), pen.tones.deep)
    pen.part(ellipse(50, cy, 19.5), CREAM, shade=False)
    for hour in range(12):
        length = 4 if hour % 3 == 0 else 2
        pen.seam(turn([(50, cy - 17.5), (50, cy - 17.5 + length)], hour * 30, 50, cy), INK, 1.0)
    time = rng.randrange(12)
    pen.seam(turn([(50, cy + 2), (50, cy - 9)], time * 30 + 15, 50, cy), INK, 1.9)
    pen.seam(turn([(50, cy + 2), (50, cy - 14)], 180 + time * 30, 50, cy), INK, 1.3)
    pen.part(ellipse(50, cy, 1.8, steps=20), pen.tones.main, shade=False)


def chair(pen: Pen, shape: str, rng: random.Random) -> None:
    """A dining chair from the front."""
    legs = mix(pen.frame, INK, 0.12)
    for x in (32, 68):
        pen.part(tube([(x, 62), (x, 82)], 3), mix(legs, INK, 0.25))
        pen.part(tube([(x, 16 if shape == "ladder-backed" else 44), (x, 60)], 4), legs)
    if shape == "ladder-backed":
        for y in (12, 26.5, 41):
            pen.body(rounded(25, y, 75, y + 11.5, 4), stitched=False)
    else:
        pen.body(ellipse(50, 31, 25, 22) if shape == "round-backed" else rounded(24, 10, 76, 50, 5))
    pen.body([(28, 57), (72, 57), (80, 68), (20, 68)], stitched=False)
    pen.part(rounded(19.5, 67, 80.5, 72, 2), pen.tones.deep)
    for x, lean in ((25, 3), (75, -3)):
        pen.part(turn(tube([(x, 72), (x, 90)], 4.4, 3), lean, x, 72), legs)


def armchair(pen: Pen, shape: str, rng: random.Random) -> None:
    """A deep armchair from the front."""
    for x in (26, 74):
        pen.part(tube([(x, 78), (x, 88)], 4.4, 3), pen.frame)
    back = {
        "boxy": rounded(23, 20, 77, 66, 5),
        "rounded": [*ellipse(50, 46, 30, 30, 180, 360), (80, 70), (20, 70)],
        "winged": smooth([(19, 66), (15, 40), (19, 16), (28, 15), (50, 11), (72, 15), (81, 16), (85, 40), (81, 66)]),
    }[shape]
    pen.body(back)
    pen.body(rounded(25, 66, 75, 82, 3), stitched=False)
    pen.body(rounded(26, 55, 74, 69, 5), stitched=False)
    pen.seam([(29, 69), (71, 69)], pen.tones.deep, 1.2)
    arm = rounded(11, 47, 29, 82, 4 if shape == "boxy" else 8.5)
    for side in (arm, flip(arm)):
        pen.body(side)
    if shape == "winged":
        for x in (40, 50, 60):
            pen.part(ellipse(x, 36, 1.6, steps=16), pen.tones.deep, shade=False)


def cushion(pen: Pen, shape: str, rng: random.Random) -> None:
    """A plump cushion with piping."""
    if shape == "round":
        pen.part(ellipse(50, 50, 36.5), pen.tones.deep)
        pen.body(ellipse(50, 50, 34.5))
        pen.part(ellipse(50, 50, 5), pen.tones.deep)
        pen.part(ellipse(50, 49.6, 3.6), pen.tones.light)
        return
    w, h = (36, 34) if shape == "square" else (40, 25)
    bow = 4.5
    north, south = [(50 - w, 50 - h), (50, 50 - h + bow), (50 + w, 50 - h)], [(50 + w, 50 + h), (50, 50 + h - bow)]
    west = [(50 - w, 50 + h), (50 - w + bow, 50)]
    # The corners are given twice, which keeps them sharp.
    outline = smooth(
        [north[0], *north, north[2], (50 + w - bow, 50), south[0], *south, west[0], *west],
    )
    pen.part([(50 + (x - 50) * 1.04, 50 + (y - 50) * 1.05) for x, y in outline], pen.tones.deep)
    pen.body(outline)
    for sx in (-1, 1):
        for sy in (-1, 1):
            corner = (50 + sx * (w - 4), 50 + sy * (h - 4))
            pen.seam([corner, (corner[0] - sx * 8, corner[1] - sy * 5)], pen.tones.deep, 0.9)
