"""Silhouettes of what people carry, use and wear.

Carried: backpack, notebook, umbrella. Used: headphones, bike helmet, guitar. Worn: t-shirt, sneaker, hat, scarf.
"""

from __future__ import annotations

import random

from train.draw.attributes import BRASS, COFFEE, CREAM, INK, STEEL, TIMBER, mix
from train.draw.canvas import Canvas
from train.draw.geometry import Path, Point, ellipse, flip, lathe, rotate, rounded, smooth, tube


def backpack(canvas: Canvas, shape: str, rng: random.Random) -> None:
    """A backpack from the front, straps at its sides."""
    deep = canvas.tones.deep
    for cx, start, end in ((27, 90, 270), (73, -90, 90)):
        canvas.part(tube(ellipse(cx, 60, 9, 20, start, end), 5), mix(deep, (0, 0, 0), 0.15))
    canvas.part(tube(ellipse(50, 20, 8, 8, 180, 360), 3.2), deep)
    if shape == "rounded":
        canvas.body([*ellipse(50, 46, 27, 29, 180, 360), *rounded(23, 46, 77, 86, 9)[10:33]])
        canvas.seam(ellipse(50, 46, 20, 20, 190, 350), deep, 1.4)
    elif shape == "boxy":
        canvas.body(rounded(23, 20, 77, 86, 8))
        canvas.part(rounded(23, 30, 77, 33, 1), deep, shade=False)
    else:
        canvas.body(rounded(24, 27, 76, 86, 7))
        canvas.body(rounded(21, 17, 79, 31, 6.5), stitched=False)
        for x in (35, 65):
            canvas.part(rounded(x - 2, 17, x + 2, 47, 1.2), deep)
            canvas.part(rounded(x - 3.2, 40, x + 3.2, 46, 1.2), BRASS)
    canvas.part(rounded(31, 52, 69, 80, 6), deep)
    canvas.body(rounded(32.6, 53.6, 67.4, 78.4, 5), stitched=False)
    canvas.seam([(36, 60), (64, 60)], deep, 1.6)
    canvas.part(rounded(61, 59, 63.4, 66, 1), BRASS, shade=False)


def notebook(canvas: Canvas, shape: str, rng: random.Random) -> None:
    """A closed notebook with its page edges showing."""
    canvas.part(rounded(25, 15, 81, 89, 3), canvas.tones.deep)
    canvas.part(rounded(25, 15, 79, 86.5, 2), CREAM, shade=False)
    for y in (84.2, 85.6):
        canvas.seam([(27, y), (78, y)], (214, 204, 186), 0.5)
    canvas.body(rounded(22, 12, 77, 83, 3.5))
    canvas.part(rounded(38, 24, 66, 38, 2), CREAM)
    for y, end in ((29, 62), (33, 55)):
        canvas.seam([(42, y), (end, y)], (120, 112, 108), 1.0)
    if shape == "ring-bound":
        for i in range(9):
            y = 17 + i * 7.6
            canvas.part(ellipse(26.5, y + 1.2, 1.7, steps=16), (60, 58, 64), shade=False)
            canvas.part(tube([(18.5, y), (26, y + 1.2)], 2.2), STEEL)
    elif shape == "banded":
        canvas.part(rounded(22, 12, 29, 83, 3), canvas.tones.deep)
        canvas.part(rounded(69, 11.4, 72.4, 83.6, 1), mix(canvas.tones.deep, (0, 0, 0), 0.35), shade=False)
    else:
        canvas.part(rounded(60, 43, 82, 53, 4), canvas.tones.deep)
        canvas.part(ellipse(65.5, 48, 2.7), BRASS)


def umbrella(canvas: Canvas, shape: str, rng: random.Random) -> None:
    """An umbrella, open or closed."""
    if shape == "closed":
        canvas.part(tube([(50, 8), (50, 16)], 2.2), STEEL)
        hook = [(50, 70), (50, 84), *ellipse(57, 84, 7, 7, 180, 10, 20)]
        canvas.part(tube(hook, 3.8), canvas.frame)
        canvas.body(lathe([(1.5, 12), (6, 26), (11, 46), (13.5, 62), (12, 70), (4, 75), (0, 75)]))
        canvas.seam(smooth([(50, 15), (53, 44), (50, 73)], closed=False), canvas.tones.deep, 1.0)
        canvas.seam(smooth([(48, 20), (44, 48), (43, 70)], closed=False), canvas.tones.deep, 1.0)
        canvas.part(rounded(36.5, 55, 63.5, 60, 2), canvas.tones.deep)
        return
    canvas.part(tube([(50, 10), (50, 18)], 2.4), STEEL)
    canvas.part(tube([(50, 30), (50, 82), *ellipse(56.5, 82, 6.5, 7, 180, 10, 20)], 3.2), canvas.frame)
    edges = (12, 31, 50, 69, 88)
    scallops = [p for a, b in zip(edges[::-1], edges[-2::-1], strict=False) for p in _scallop(a, b)]
    canvas.body([*ellipse(50, 54, 38, 39, 180, 360), *scallops])
    for x in edges[1:-1]:
        bend = 50 + (x - 50) * 0.8
        canvas.seam(smooth([(50, 15), (bend, 32), (x, 53)], closed=False), canvas.tones.deep, 1.0)


def _scallop(start: float, end: float) -> list[tuple[float, float]]:
    return ellipse((start + end) / 2, 54, abs(start - end) / 2, 5, 360, 180, 16)


def headphones(canvas: Canvas, shape: str, rng: random.Random) -> None:
    """Headphones from the front, their cups turned a little to the viewer."""
    deep = canvas.tones.deep
    for side in (lambda p: p, flip):
        canvas.part(side(tube([(19, 44), (18, 56)], 4)), STEEL)
    canvas.body(tube(ellipse(50, 46, 30.5, 30, 186, 354), 11), stitched=False)
    canvas.part(tube(ellipse(50, 46, 24, 23.5, 205, 335), 4), mix(deep, INK, 0.5))
    for side in (lambda p: p, flip):
        if shape == "round":
            pad, cup, cap = ellipse(32, 66, 10, 19), ellipse(21.5, 66, 15.5, 21), ellipse(20, 66, 5, 6.8)
        else:
            pad, cup, cap = rounded(26, 48, 42, 85, 5), rounded(7, 45, 36, 88, 7), rounded(15.5, 60, 26, 73, 3)
        canvas.part(side(pad), mix(deep, INK, 0.6))
        canvas.body(side(cup))
        canvas.part(side(cap), STEEL)


def bike_helmet(canvas: Canvas, shape: str, rng: random.Random) -> None:
    """A helmet from the side, its front to the right, with straps."""
    strap, hollow = mix(INK, (255, 255, 255), 0.2), mix(canvas.tones.deep, INK, 0.75)
    for path in ([(32, 58), (50, 88)], [(70, 58), (54, 88)], [(50, 58), (51, 88)]):
        canvas.part(tube(path, 2.4), strap)
    canvas.part(rounded(46, 84, 58, 90, 2), INK)
    if shape == "domed":
        canvas.part(smooth([(14, 58), (50, 62), (87, 58), (84, 68), (50, 71), (17, 70)]), strap)
        canvas.body([*ellipse(50, 52, 37, 37, 180, 360), *smooth([(87, 62), (50, 66), (13, 64)], closed=False)])
        canvas.seam(smooth([(13.5, 57), (50, 59), (86.5, 56)], closed=False), canvas.tones.deep, 2.4)
        for x, y, lean in ((33, 30, -28), (50, 25, 0), (67, 30, 28)):
            canvas.part(rotate(ellipse(x, y, 5, 2.1, steps=24), lean, x, y), hollow, shade=False)
        return
    canvas.part(smooth([(13, 58), (40, 58), (86, 56), (85, 64), (50, 69), (17, 69)]), strap)
    crest = [(9, 58), (13, 40), (29, 24), (51, 19), (73, 27), (87, 45)]
    canvas.body(smooth([*crest, (91, 59), (91, 59), (70, 60), (42, 63), (15, 68)]))
    for rear, crown, front in (((17, 46), 27, (78, 40)), ((17, 57), 43, (83, 53))):
        for a, b in ((0.0, 0.44), (0.53, 1.0)):
            canvas.part(_slot(rear, crown, front, a, b), hollow, shade=False)
    canvas.part(smooth([(77, 59), (77, 59), (83, 51), (96, 61), (95, 64), (85, 62)]), hollow)


def _slot(rear: Point, crown: float, front: Point, start: float, end: float) -> Path:
    """A vent along the arch from `rear` over `crown` to `front`; `start` and `end` are fractions of the arch."""
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


def guitar(canvas: Canvas, shape: str, rng: random.Random) -> None:
    """A guitar leaning to the right."""

    def lean(path: Path) -> Path:
        return rotate([(50 + (x - 50) * 1.08, 49 + (y - 48) * 0.98) for x, y in path], 34)

    outline = {
        "rounded": [(50, 46), (62, 45), (67, 54), (63, 63), (71, 72), (73, 84), (64, 95), (50, 97)],
        "double-horned": [(50, 52), (56, 50), (63, 40), (68, 44), (65, 62), (72, 74), (70, 90), (60, 95), (50, 92)],
        "cutaway": [(50, 46), (60, 45), (66, 52), (63, 63), (71, 72), (73, 84), (64, 95), (50, 97)],
    }[shape]
    left = flip(outline[1:-1])[::-1]
    if shape == "cutaway":
        outline = [(50, 55), (56, 56), (66, 47), (69, 52), (64, 63), *outline[4:]]
    canvas.part(lean(rounded(45, -3, 55, 12, 2.5)), TIMBER)
    for y in (0, 4, 8):
        for x in (43.6, 56.4):
            canvas.part(lean(ellipse(x, y, 1.5, steps=14)), BRASS, shade=False)
    canvas.body(lean(smooth([*outline, *left])))
    canvas.part(lean(rounded(46.8, 10, 53.2, 64, 1)), COFFEE)
    for y in range(15, 60, 6):
        canvas.seam(lean([(47, y), (53, y)]), BRASS, 0.6)
    if shape == "double-horned":
        for y in (68, 76):
            canvas.part(lean(rounded(43.5, y, 56.5, y + 4, 1.5)), INK, shade=False)
    else:
        canvas.part(lean(ellipse(50, 69, 7.4)), canvas.tones.deep, shade=False)
        canvas.part(lean(ellipse(50, 69, 5.8)), COFFEE, shade=False)
    canvas.part(lean(rounded(42, 84, 58, 87.5, 1.4)), COFFEE)
    for x in (48.4, 50, 51.6):
        canvas.seam(lean([(x, 8), (x, 85)]), (236, 228, 210), 0.45)


def t_shirt(canvas: Canvas, shape: str, rng: random.Random) -> None:
    """A shirt laid flat."""
    deep = canvas.tones.deep
    if shape == "long-sleeved":
        sleeve = [(32, 19), (22, 24), (11, 78), (21, 81), (33, 44)]
        cuff = [(11.6, 75), (10.4, 80), (20.8, 83), (22.2, 77.6)]
    else:
        sleeve = [(32, 18), (20, 24), (7, 44), (20, 53), (33, 40)]
        cuff = [(9, 41), (6.4, 45), (20, 54), (22.2, 50.4)]
    for side in (lambda p: p, flip):
        canvas.body(side(sleeve), stitched=False)
        canvas.part(side(cuff), deep)
    canvas.part(ellipse(50, 19, 12, 5), mix(deep, (0, 0, 0), 0.25), shade=False)
    collar = [(38, 17), (50, 36), (62, 17)] if shape == "v-neck" else ellipse(50, 17, 12, 11, 180, 0, 24)
    half = [(62, 17), (70, 20), (72, 40), (72, 85), (28, 85), (28, 40), (30, 20), (38, 17)]
    canvas.body([*collar, *half[1:-1]])
    canvas.part(tube(collar, 2.8), deep)
    canvas.seam([(29, 81.5), (71, 81.5)], deep, 0.8)


def sneaker(canvas: Canvas, shape: str, rng: random.Random) -> None:
    """A shoe from the side, its toe to the right."""
    deep = canvas.tones.deep
    toe = [(72, 55), (85, 60), (90, 70), (90, 74), (90, 74), (12, 74), (12, 74)]
    upper = {
        "low-top": [(12, 42), (12, 42), (17, 40), (27, 47), (38, 47), (47, 37), (47, 37), (54, 39), (62, 49)],
        "high-top": [(13, 40), (12, 22), (12, 22), (24, 25), (40, 22), (40, 22), (46, 32), (52, 40), (61, 49)],
        "slip-on": [(12, 44), (12, 44), (18, 42), (28, 49), (40, 48), (46, 43), (54, 44), (64, 50)],
    }[shape]
    canvas.body(smooth([(11, 60), *upper, *toe]))
    canvas.part(smooth([(73, 74), (73, 74), (74, 64), (82, 60), (88, 65), (90.5, 74), (90.5, 74)]), CREAM)
    canvas.part(smooth([(11, 74), (11, 74), (11, 58), (15, 55), (22, 62), (24, 74), (24, 74)]), deep)
    if shape == "slip-on":
        canvas.part(smooth([(33, 48), (40, 49), (42, 60), (37, 63), (32, 58)]), deep)
    else:
        high, low = [(42, 27), (45, 35), (50, 42), (57, 48), (64, 53)], [(48, 42), (53.5, 45.5), (59, 50), (65, 54)]
        for x, y in high if shape == "high-top" else low:
            canvas.part(tube([(x - 4.5, y + 5.5), (x + 2.5, y - 1.5)], 2.5), CREAM)
        canvas.seam(smooth([(30, 72), (38, 63), (58, 62), (72, 70)], closed=False), deep, 1.6)
    canvas.part(rounded(9, 72, 92, 82, 4.5), CREAM)
    canvas.seam([(11, 77), (90, 77)], canvas.tones.main, 1.6)


def hat(canvas: Canvas, shape: str, rng: random.Random) -> None:
    """A peaked cap, a bucket hat or a bobble hat."""
    deep = canvas.tones.deep
    if shape == "peaked":
        canvas.body([*ellipse(43, 62, 31, 36, 180, 360), (74, 68), (12, 68)])
        for x in (30, 56):
            canvas.seam(smooth([(43, 27), (x, 44), (x + (x - 43) * 0.5, 67)], closed=False), deep, 0.9)
        canvas.part(ellipse(43, 26, 3.6, 2), deep)
        canvas.part(smooth([(40, 64), (40, 64), (62, 61), (80, 63), (94, 71), (92, 75), (72, 70), (40, 71)]), deep)
    elif shape == "bucket":
        canvas.part(smooth([(20, 58), (80, 58), (92, 76), (50, 83), (8, 76)]), deep)
        canvas.body([(30, 28), (34, 25), (66, 25), (70, 28), (78, 60), (22, 60)])
        brim = [(22, 58), (22, 58), (50, 62), (78, 58), (78, 58), (91, 75), (50, 82), (9, 75)]
        canvas.body(smooth(brim), stitched=False)
        canvas.seam(smooth([(22, 59), (50, 63), (78, 59)], closed=False), deep, 1.8)
    else:
        canvas.body(ellipse(50, 64, 33, 40, 180, 360))
        canvas.part(rounded(14, 61, 86, 78, 5), deep)
        for i in range(14):
            canvas.seam([(18.5 + i * 4.9, 63), (18.5 + i * 4.9, 76)], mix(deep, (0, 0, 0), 0.3), 0.8)
        canvas.part(ellipse(50, 22, 10), CREAM if canvas.look.colour != "white" else deep)


def scarf(canvas: Canvas, shape: str, rng: random.Random) -> None:
    """A scarf hung round an unseen neck, knotted, or folded over."""
    deep = canvas.tones.deep
    inside = mix(deep, (0, 0, 0), 0.3)
    if shape == "folded":
        _fringe(canvas, 24, 50, 87)
        canvas.body([(24, 26), (50, 26), (50, 88), (24, 88)])
        _fringe(canvas, 50, 77, 77)
        canvas.body([(48, 26), (77, 26), (77, 78), (50, 78)])
        canvas.body(rounded(21, 13, 80, 35, 10.5))
    elif shape == "knotted":
        _fringe(canvas, 26, 46, 84)
        _fringe(canvas, 55, 75, 78)
        canvas.body([(42, 44), (58, 48), (46, 86), (26, 84)])
        canvas.body([(44, 48), (58, 44), (75, 76), (55, 81)])
        canvas.part(ellipse(50, 27, 33, 15), inside)
        canvas.part(ellipse(50, 26, 20, 7), mix(inside, (0, 0, 0), 0.45), shade=False)
        rim = smooth([(17, 27), (32, 34), (50, 36), (68, 34), (83, 27)], closed=False)
        canvas.body([*ellipse(50, 27, 33, 25, 0, 180), *rim])
        canvas.body(smooth([(41, 38), (50, 35), (59, 38), (61, 49), (56, 57), (44, 57), (39, 49)]))
    else:
        _fringe(canvas, 22, 42, 80)
        _fringe(canvas, 58, 78, 86)
        canvas.part(tube(ellipse(50, 27, 15, 9, 180, 360), 11), inside)
        canvas.body(smooth([(58, 24), (67, 22), (74, 34), (78, 86), (78, 86), (58, 87), (58, 87), (55, 46)]))
        canvas.body(smooth([(42, 24), (33, 22), (26, 34), (22, 80), (22, 80), (42, 81), (42, 81), (52, 52), (56, 42)]))


def _fringe(canvas: Canvas, left: float, right: float, top: float) -> None:
    count = int((right - left) / 3.4)
    for i in range(count + 1):
        x = left + 1 + i * (right - left - 2) / count
        canvas.part(tube([(x, top - 1), (x, top + 8)], 1.9), canvas.tones.deep, shade=False)
