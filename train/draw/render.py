"""The drawer of each product type."""

from __future__ import annotations

import random
from collections.abc import Callable

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from train.draw import shapes_home, shapes_wear
from train.draw.attributes import KINDS, RGB, Look
from train.draw.canvas import Canvas
from train.draw.grounds import ground

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


# ---- A picture of a look: ground, shadow, product; the same look, seed and size always give the same pixels.


SUPERSAMPLE = 3
SHADOW: RGB = (38, 30, 62)


def render(look: Look, seed: int, size: int = 320) -> Image.Image:
    """Draw `look`, `size` pixels square; `seed` moves, tilts and tints it without changing what it is.

    The seed alone decides the jitter, so two looks under one seed differ only in what their words say.
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
    """Lay the soft shadow (and, in the playful style, the white sticker edge) under the product."""
    small = 160  # blurs are cheap on a small copy and nobody sees the difference
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
    """Paint `colour` through a `mask` smaller than the picture, only where it has something to paint."""
    step = picture.width / mask.width
    box = mask.getbbox()
    if box is None:
        return
    x0, y0, x1, y1 = (round(v * step) for v in box)
    grown = mask.crop(box).resize((x1 - x0, y1 - y0), Image.Resampling.BILINEAR)
    picture.paste(colour, (x0, y0, x1, y1), grown)
