"""Patterns and materials: the marks printed over a product's colour, the texture under them, and the shine."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from PIL import Image, ImageDraw

from train.draw.attributes import RGB, Swatch, mix
from train.draw.geometry import Path, ellipse

LOW, HIGH = -15.0, 115.0  # beyond the picture's edges, so that a tilted product is covered too

Mark = tuple[Path, float]  # an outline, and how strongly it is printed (1: in the full contrast colour)
Box = tuple[int, int, int, int]

GRAINS = 4  # different pieces of wood
WHITE: RGB = (255, 255, 255)
METAL_LIGHT = ((0.0, 20), (0.16, 175), (0.24, 30), (0.62, 0), (0.8, 95), (0.88, 10), (1.0, 0))
METAL_DARK = ((0.0, 70), (0.12, 0), (0.3, 30), (0.55, 85), (0.78, 0), (1.0, 110))
SHEEN = ((0.0, 0), (0.3, 70), (0.6, 0), (1.0, 0))


def marks(pattern: str, period: float, rng: random.Random) -> Iterator[Mark]:
    """The marks of `pattern`, which repeats every `period`; `rng` shifts it."""
    if pattern == "plain":
        return iter(())
    return _MAKERS[pattern](period, rng.random() * period, rng)


def _bands(period: float, phase: float, width: float) -> list[tuple[float, float]]:
    start = LOW + phase
    count = int((HIGH - start) / period) + 1
    return [(start + i * period, start + i * period + width) for i in range(count)]


def _striped(period: float, phase: float, rng: random.Random) -> Iterator[Mark]:
    for a, b in _bands(period, phase, period * 0.45):
        yield [(LOW, a), (HIGH, a), (HIGH, b), (LOW, b)], 1.0


def _checked(period: float, phase: float, rng: random.Random) -> Iterator[Mark]:
    period *= 1.15
    bands = _bands(period, phase, period * 0.46)
    for a, b in bands:
        yield [(LOW, a), (HIGH, a), (HIGH, b), (LOW, b)], 0.5
        yield [(a, LOW), (b, LOW), (b, HIGH), (a, HIGH)], 0.5
    for a, b in bands:
        for c, d in bands:
            yield [(a, c), (b, c), (b, d), (a, d)], 1.0


def _grid(step: float, phase: float) -> Iterator[tuple[float, float]]:
    rows = int((HIGH - LOW) / (step * 0.87)) + 1
    for row in range(rows):
        y = LOW + phase + row * step * 0.87
        for column in range(int((HIGH - LOW) / step) + 1):
            yield LOW + phase * 0.5 + (column + 0.5 * (row % 2)) * step, y


def _dotted(period: float, phase: float, rng: random.Random) -> Iterator[Mark]:
    for x, y in _grid(period, phase):
        yield ellipse(x, y, period * 0.25, steps=18), 1.0


def _floral(period: float, phase: float, rng: random.Random) -> Iterator[Mark]:
    for x, y in _grid(period * 1.5, phase):
        turn = rng.random() * math.tau
        for i in range(5):
            a = turn + i * math.tau / 5
            dx, dy = math.cos(a) * period * 0.31, math.sin(a) * period * 0.31
            yield ellipse(x + dx, y + dy, period * 0.23, steps=14), 1.0
        yield ellipse(x, y, period * 0.19, steps=12), -1.0


def _zigzag(period: float, phase: float, rng: random.Random) -> Iterator[Mark]:
    half, rise = period * 0.6, period * 0.55
    xs = [LOW + i * half for i in range(int((HIGH - LOW) / half) + 2)]
    for a, b in _bands(period * 1.15, phase, period * 0.42):
        top = [(x, a + rise * (i % 2)) for i, x in enumerate(xs)]
        bottom = [(x, b + rise * (i % 2)) for i, x in enumerate(xs)]
        yield top + bottom[::-1], 1.0


_MAKERS = {"striped": _striped, "checked": _checked, "dotted": _dotted, "floral": _floral, "zigzag": _zigzag}


def texture(tile: Image.Image, box: Box, pixels: int, material: str, tones: Swatch, variant: int) -> None:
    """Paint the material's texture on `tile`, in place. The tile is the part `box` of a picture `pixels` wide."""
    if material == "wood":
        dark = sum(tones.main) < 200
        tile.paste(mix(tones.main, WHITE, 0.6) if dark else tones.dusk, mask=_grain(pixels, variant).crop(box))
    elif material == "wool":
        gaps, backs = _knit(pixels)
        tile.paste(tones.dusk, mask=gaps.crop(box))
        tile.paste(mix(tones.main, WHITE, 0.65), mask=backs.crop(box))
    elif material == "cotton":
        tile.paste(tones.dusk, mask=_weave(pixels).crop(box))


@lru_cache(maxsize=16)
def _grain(pixels: int, variant: int) -> Image.Image:
    """The grain of wood: long wavy lines that bend round a few knots."""
    rng = random.Random(variant)
    mask = Image.new("L", (pixels, pixels))
    draw = ImageDraw.Draw(mask)
    unit = pixels / 100
    knots = [(rng.uniform(20, 80), rng.uniform(20, 80)) for _ in range(3)]
    y = 0.0
    while y < 100:
        line = []
        for x in range(0, 101, 4):
            bend = sum(5 * (1 if y > ky else -1) / (1 + ((x - kx) / 7) ** 2 + abs(y - ky) / 3) for kx, ky in knots)
            line.append((x * unit, (y + bend) * unit))
        draw.line(line, fill=rng.choice((70, 100, 130)), width=max(1, round(unit * rng.choice((0.35, 0.5, 0.8)))))
        y += rng.uniform(1.5, 3.2)
    for kx, ky in knots:
        draw.ellipse([(kx - 2.4) * unit, (ky - 1.3) * unit, (kx + 2.4) * unit, (ky + 1.3) * unit], fill=120)
    return mask


@lru_cache(maxsize=4)
def _knit(pixels: int) -> tuple[Image.Image, Image.Image]:
    """Two masks of columns of V-shaped stitches: their dark gaps and their bright backs."""
    dark, bright = Image.new("L", (pixels, pixels)), Image.new("L", (pixels, pixels))
    unit = pixels / 100
    step, width = 3.6 * unit, max(1, round(0.75 * unit))
    for mask, shift, value in ((dark, 0.0, 105), (bright, 0.45, 80)):
        draw = ImageDraw.Draw(mask)
        for column in range(int(pixels / step) + 1):
            for row in range(int(pixels / (step * 0.8)) + 2):
                x, y = column * step, (row + shift) * step * 0.8
                draw.line([(x, y - step * 0.4), (x + step / 2, y), (x + step, y - step * 0.4)], fill=value, width=width)
    return dark, bright


@lru_cache(maxsize=4)
def _weave(pixels: int) -> Image.Image:
    """A fine canvas weave."""
    mask = Image.new("L", (pixels, pixels))
    draw = ImageDraw.Draw(mask)
    step = pixels / 100 * 1.4
    width = max(1, round(step * 0.3))
    for i in range(int(pixels / step) + 1):
        at = round(i * step)
        draw.line([(at, 0), (at, pixels)], fill=38, width=width)
        draw.line([(0, at), (pixels, at)], fill=52, width=width)
    return mask


def shifted(mask: Image.Image, dx: float, dy: float) -> Image.Image:
    """Move a mask within its frame."""
    moved = Image.new("L", mask.size)
    moved.paste(mask, (round(dx), round(dy)))
    return moved


@lru_cache(maxsize=32)
def _ramp(stops: tuple[tuple[float, int], ...]) -> Image.Image:
    """A gradient one pixel high through `stops`, which are (position, value)."""
    values = []
    for i in range(256):
        t = i / 255
        (a, va), (b, vb) = next(pair for pair in pairwise(stops) if t <= pair[1][0])
        values.append(round(va + (vb - va) * (t - a) / (b - a)))
    strip = Image.new("L", (256, 1))
    strip.putdata(values)
    return strip


def finish(tile: Image.Image, mask: Image.Image, material: str, tones: Swatch, unit: float) -> None:
    """Paint the light that the material reflects on one part of the product, in place."""
    width = mask.width
    if material == "metal":
        tile.paste(tones.dusk, mask=_ramp(METAL_DARK).resize(mask.size))
        tile.paste(WHITE, mask=_ramp(METAL_LIGHT).resize(mask.size))
    elif material == "leather":
        tile.paste(WHITE, mask=_ramp(SHEEN).resize(mask.size))
    elif material in ("ceramic", "glass"):
        _gloss(tile, mask, 0.1 * width, 0.045 * width + unit * 0.6, 190 if material == "glass" else 165)
        if material == "glass":
            _gloss(tile, mask, -0.14 * width, unit * 0.9, 150)
            tile.paste(WHITE, mask=_wall(mask, unit))
    elif material == "plastic":
        _gloss(tile, mask, 0.07 * width, 0.16 * width, 66)


def _wall(mask: Image.Image, unit: float) -> Image.Image:
    """The thick edge of glass: `mask` without a smaller copy of itself."""
    edge = round(2.4 * unit)
    inner = mask.resize((max(1, mask.width - 2 * edge), max(1, mask.height - 2 * edge)), Image.Resampling.BILINEAR)
    wall = mask.point(lambda v: v * 90 // 255)
    wall.paste(0, (edge, edge), inner)
    return wall


def _gloss(tile: Image.Image, mask: Image.Image, inset: float, band: float, strength: int) -> None:
    """Paint a bright band along the left edge (the right one for a negative `inset`)."""
    sign = 1 if inset > 0 else -1
    outer, inner = shifted(mask, inset, abs(inset) * 0.5), shifted(mask, inset + sign * band, abs(inset) * 0.5)
    ridge = Image.new("L", mask.size)
    ridge.paste(outer)
    ridge.paste(0, mask=inner)
    # Only the upper part shines; a band from top to bottom would look like a stripe.
    fade = Image.new("L", mask.size)
    draw = ImageDraw.Draw(fade)
    draw.rectangle([0, mask.height * 0.14, mask.width, mask.height * 0.62], fill=strength)
    fade.paste(0, mask=ridge.point(lambda v: 255 - v))
    fade.paste(0, mask=mask.point(lambda v: 255 - v))
    tile.paste(WHITE, mask=fade)
