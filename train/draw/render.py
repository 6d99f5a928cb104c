"""Render a look: the product and its shadow on a backdrop that shows the style."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from train.draw import shapes_home, shapes_wear
from train.draw.attributes import KINDS, RGB, Look, mix
from train.draw.canvas import Canvas
from train.draw.geometry import dashes, ellipse, rounded, smooth

SUPERSAMPLE = 3
SHADOW: RGB = (38, 30, 62)
CONFETTI: tuple[RGB, ...] = ((255, 140, 120), (255, 203, 92), (120, 200, 180), (136, 160, 240), (240, 150, 200))
Drawer = Callable[[Canvas, str, random.Random], None]

DRAWERS: dict[str, Drawer] = {
    "mug": shapes_home.mug,
    "teapot": shapes_home.teapot,
    "vase": shapes_home.vase,
    "plant pot": shapes_home.plant_pot,
    "water bottle": shapes_home.water_bottle,
    "lamp": shapes_home.lamp,
    "clock": shapes_home.clock,
    "chair": shapes_home.chair,
    "armchair": shapes_home.armchair,
    "cushion": shapes_home.cushion,
    "backpack": shapes_wear.backpack,
    "notebook": shapes_wear.notebook,
    "umbrella": shapes_wear.umbrella,
    "t-shirt": shapes_wear.t_shirt,
    "sneaker": shapes_wear.sneaker,
    "hat": shapes_wear.hat,
    "scarf": shapes_wear.scarf,
    "headphones": shapes_wear.headphones,
    "bike helmet": shapes_wear.bike_helmet,
    "guitar": shapes_wear.guitar,
}


def ground(style: str, colour: str, pixels: int, rng: random.Random) -> Image.Image:
    """The backdrop of a style, `pixels` wide and high, in colours that differ from the product's `colour`."""
    return _MAKERS[style](colour, pixels, rng)


def _draw(pixels: int, base: RGB) -> tuple[Image.Image, ImageDraw.ImageDraw, float]:
    image = Image.new("RGB", (pixels, pixels), base)
    return image, ImageDraw.Draw(image), pixels / 100


def _scaled(path: Sequence[tuple[float, float]], unit: float) -> list[tuple[float, float]]:
    return [(x * unit, y * unit) for x, y in path]


def _minimal(colour: str, pixels: int, rng: random.Random) -> Image.Image:
    pale = ((236, 239, 243), (241, 238, 233), (232, 237, 234))
    tinted = ((178, 198, 220), (180, 204, 190), (226, 200, 184))  # for a white product, which must stand out
    base = rng.choice(tinted if colour == "white" else pale)
    image, draw, unit = _draw(pixels, base)
    floor = rng.uniform(74, 79)
    draw.rectangle([0, floor * unit, pixels, pixels], fill=mix(base, (90, 96, 110), 0.1))
    return image


def _retro(colour: str, pixels: int, rng: random.Random) -> Image.Image:
    base = rng.choice(((244, 228, 192), (243, 222, 190), (238, 226, 196)))
    ray = rng.choice(((230, 188, 130), (226, 180, 140), (208, 200, 158)))
    image, draw, unit = _draw(pixels, base)
    cx, cy = 50 + rng.uniform(-3, 3), 56 + rng.uniform(-3, 3)
    phase, count = rng.random() * 30, 14
    for i in range(count):
        a, b = (math.radians(phase + 360 / count * (i + k)) for k in (0, 0.5))
        draw.polygon(
            _scaled([(cx, cy)] + [(cx + 90 * math.cos(t), cy + 90 * math.sin(t)) for t in (a, b)], unit), fill=ray
        )
    for radius, tone in ((40, mix(ray, (120, 60, 30), 0.3)), (37.5, mix(base, (255, 255, 255), 0.35))):
        draw.polygon(_scaled(ellipse(cx, cy, radius), unit), fill=tone)
    return image


def _sporty(colour: str, pixels: int, rng: random.Random) -> Image.Image:
    base = (214, 222, 231) if colour != "white" else (178, 190, 205)
    image, draw, unit = _draw(pixels, base)
    at = rng.uniform(-4, 4)
    # The bands cross two corners, so they suggest speed and do not touch the product.
    bands = ((-30, 30, (74, 86, 108)), (3, 5, (190, 234, 64)), (10.5, 2.2, (250, 252, 255)))
    for corner in (0, 1):
        for start, width, tone in bands:
            x0, x1 = at + start - 34, at + start + width - 34
            strip = [(x0, 100), (x1, 100), (x1 + 56, 0), (x0 + 56, 0)]
            draw.polygon(_scaled([(100 - x, 100 - y) for x, y in strip] if corner else strip, unit), fill=tone)
    return image


def _playful(colour: str, pixels: int, rng: random.Random) -> Image.Image:
    base = rng.choice(((224, 214, 250), (205, 238, 230), (255, 226, 208), (210, 230, 252)))
    image, draw, unit = _draw(pixels, base)
    for cx, cy in ((rng.uniform(5, 25), rng.uniform(5, 25)), (rng.uniform(75, 95), rng.uniform(72, 92))):
        blob = [
            (cx + math.cos(a) * rng.uniform(18, 30), cy + math.sin(a) * rng.uniform(18, 30))
            for a in (i * math.tau / 7 for i in range(7))
        ]
        draw.polygon(_scaled(smooth(blob), unit), fill=mix(base, (255, 255, 255), 0.45))
    for i in range(30):
        a, r = rng.random() * math.tau, rng.uniform(33, 66)
        x, y, tone = 50 + r * math.cos(a), 50 + r * math.sin(a), CONFETTI[i % len(CONFETTI)]
        if i % 3 == 0:
            draw.polygon(_scaled(star(x, y, 3.2, rng.random() * 90), unit), fill=tone)
        elif i % 3 == 1:
            draw.polygon(_scaled(ellipse(x, y, 1.5, steps=16), unit), fill=tone)
        else:
            dx, dy = 2.4 * math.cos(a * 3), 2.4 * math.sin(a * 3)
            draw.line(_scaled([(x - dx, y - dy), (x + dx, y + dy)], unit), fill=tone, width=round(1.5 * unit))
    return image


def star(cx: float, cy: float, r: float, turn: float) -> list[tuple[float, float]]:
    """A five-pointed star."""
    return [
        (cx + k * math.cos(math.radians(turn + 36 * i)), cy + k * math.sin(math.radians(turn + 36 * i)))
        for i, k in enumerate([r, r * 0.45] * 5)
    ]


def _rustic(colour: str, pixels: int, rng: random.Random) -> Image.Image:
    base = rng.choice(((214, 198, 170), (206, 194, 172), (220, 202, 172)))
    image, draw, unit = _draw(pixels, base)
    for i in range(64):
        tone = mix(base, rng.choice(((255, 250, 235), (120, 96, 64))), rng.uniform(0.08, 0.24))
        at = (i * 100 / 64 + rng.uniform(-0.3, 0.3)) * unit
        line = [(0, at), (pixels, at + rng.uniform(-1, 1) * unit)]
        draw.line(line if i % 2 else [(y, x) for x, y in line], fill=tone, width=max(1, round(unit * 0.55)))
    thread = mix(base, (96, 66, 40), 0.75)
    border = rounded(5, 5, 95, 95, 5)
    for dash in dashes([*border, border[0]], 4.2, 2.6):
        draw.line(_scaled(dash, unit), fill=thread, width=round(unit * 1.1))
    return image


_MAKERS = {"minimal": _minimal, "retro": _retro, "sporty": _sporty, "playful": _playful, "rustic": _rustic}


def render(look: Look, seed: int, size: int = 320) -> Image.Image:
    """Draw `look`, `size` pixels wide and high; the same arguments always give the same pixels.

    The seed alone decides how the product is moved and tilted and which backdrop is drawn, so two looks with one seed
    differ only in their attributes.
    """
    rng = random.Random(f"product {seed}")
    pixels = size * SUPERSAMPLE
    canvas = Canvas(look, pixels, rng)
    DRAWERS[look.type](canvas, look.shape, rng)
    picture = ground(look.style, look.colour, pixels, random.Random(f"ground {seed}"))
    _cast(picture, canvas, KINDS[look.type].stands)
    box = canvas.alpha.getbbox()
    picture.paste(canvas.layer.crop(box), box, canvas.alpha.crop(box))
    # A whole-number box filter is as smooth as Lanczos here and ten times as fast.
    return picture.reduce(SUPERSAMPLE)


def _cast(picture: Image.Image, canvas: Canvas, stands: bool) -> None:
    """Paint a soft shadow under the product, and in the playful style the white edge of a sticker."""
    small = 160  # a small copy is blurred faster, and the difference cannot be seen
    unit = small / 100
    outline = canvas.alpha.resize((small, small), Image.Resampling.BOX)
    shadow = ImageChops.offset(outline, 0 if stands else round(unit), round(2.2 * unit)).point(lambda v: v * 70 // 255)
    box = outline.getbbox()
    if box is None:
        raise ValueError("the product covers nothing of its picture")
    left, _, right, bottom = box
    if stands:
        reach = (right - left) * 0.04
        pool = [left - reach, bottom - 3.2 * unit, right + reach, bottom + 3.4 * unit]
        ImageDraw.Draw(shadow).ellipse(pool, fill=120)
    _tint(picture, SHADOW, shadow.filter(ImageFilter.GaussianBlur(1.7 * unit)))
    if canvas.look.style == "playful":
        edge = canvas.alpha.reduce(SUPERSAMPLE).filter(ImageFilter.GaussianBlur(canvas.unit * 0.23))
        _tint(picture, (255, 255, 255), edge.point(lambda v: min(255, v * 32)))


def _tint(picture: Image.Image, colour: RGB, mask: Image.Image) -> None:
    """Paint `colour` through a mask that is smaller than the picture, within the mask's bounding box only."""
    step = picture.width / mask.width
    box = mask.getbbox()
    if box is None:
        return
    x0, y0, x1, y1 = (round(v * step) for v in box)
    grown = mask.crop(box).resize((x1 - x0, y1 - y0), Image.Resampling.BILINEAR)
    picture.paste(colour, (x0, y0, x1, y1), grown)
