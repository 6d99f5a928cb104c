"""Materials: the texture laid into a product's cloth and the finish on each of its parts."""

from __future__ import annotations

import random
from functools import lru_cache
from itertools import pairwise

from PIL import Image, ImageDraw

from .palette import RGB, Swatch, mix

Box = tuple[int, int, int, int]
GRAINS = 4  # how many different cuts of wood there are

WHITE: RGB = (255, 255, 255)


def texture(tile: Image.Image, box: Box, pixels: int, material: str, tones: Swatch, variant: int) -> None:
    """Lay the material's texture over `tile`, which is cut from a picture of `pixels` at `box`, in place."""
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
    """Long wavering lines, some of them bending round a knot."""
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
    """Columns of V stitches: their dark gaps and their bright backs."""
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
    """`mask` moved inside its own frame."""
    moved = Image.new("L", mask.size)
    moved.paste(mask, (round(dx), round(dy)))
    return moved


@lru_cache(maxsize=32)
def _ramp(stops: tuple[tuple[float, int], ...]) -> Image.Image:
    """A one-pixel-high strip that runs through (place, value) `stops`."""
    values = []
    for i in range(256):
        t = i / 255
        (a, va), (b, vb) = next(pair for pair in pairwise(stops) if t <= pair[1][0])
        values.append(round(va + (vb - va) * (t - a) / (b - a)))
    strip = Image.new("L", (256, 1))
    strip.putdata(values)
    return strip


METAL_LIGHT = ((0.0, 20), (0.16, 175), (0.24, 30), (0.62, 0), (0.8, 95), (0.88, 10), (1.0, 0))
METAL_DARK = ((0.0, 70), (0.12, 0), (0.3, 30), (0.55, 85), (0.78, 0), (1.0, 110))
SHEEN = ((0.0, 0), (0.3, 70), (0.6, 0), (1.0, 0))


def finish(tile: Image.Image, mask: Image.Image, material: str, tones: Swatch, unit: float) -> None:
    """Light on one part of the product, in place: gloss, gradient or sheen, as the material has it."""
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
    """The thick edge of glass: what of `mask` lies outside a smaller copy of it."""
    edge = round(2.4 * unit)
    inner = mask.resize((max(1, mask.width - 2 * edge), max(1, mask.height - 2 * edge)), Image.Resampling.BILINEAR)
    wall = mask.point(lambda v: v * 90 // 255)
    wall.paste(0, (edge, edge), inner)
    return wall


def _gloss(tile: Image.Image, mask: Image.Image, inset: float, band: float, strength: int) -> None:
    """A bright band that follows the left edge (the right one for a negative `inset`)."""
    sign = 1 if inset > 0 else -1
    outer, inner = shifted(mask, inset, abs(inset) * 0.5), shifted(mask, inset + sign * band, abs(inset) * 0.5)
    ridge = Image.new("L", mask.size)
    ridge.paste(outer)
    ridge.paste(0, mask=inner)
    # Only the upper part shines; a gloss all the way down reads as a stripe.
    fade = Image.new("L", mask.size)
    draw = ImageDraw.Draw(fade)
    draw.rectangle([0, mask.height * 0.14, mask.width, mask.height * 0.62], fill=strength)
    fade.paste(0, mask=ridge.point(lambda v: 255 - v))
    fade.paste(0, mask=mask.point(lambda v: 255 - v))
    tile.paste(WHITE, mask=fade)
