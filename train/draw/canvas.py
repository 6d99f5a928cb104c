"""The canvas of one product: it places outlines and paints them with pattern, texture, shade, shine and ink."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from PIL import Image, ImageDraw

from train.draw.attributes import INK, KINDS, RGB, STEEL, TIMBER, Look, mix, swatch
from train.draw.geometry import Point, dashes, shrink
from train.draw.materials import GRAINS, finish, marks, shifted, texture

GLASS_OPACITY = 196
NIGHT: RGB = (30, 16, 60)
SHADE = 62  # how strongly the dark side of a part is darkened, of 255


class Canvas:
    """Draws one product on `layer`; `alpha` is the mask of what it covers."""

    def __init__(self, look: Look, pixels: int, rng: random.Random) -> None:
        self.look = look
        self.tones = swatch(look.colour)
        self.unit = pixels / 100
        tilt = math.radians(rng.uniform(-4, 4))
        zoom = rng.uniform(0.93, 1.05) * self.unit
        self._cos, self._sin = math.cos(tilt) * zoom, math.sin(tilt) * zoom
        self._x, self._y = (self.unit * (50 + rng.uniform(-2.5, 2.5)) for _ in "xy")
        self.layer = Image.new("RGB", (pixels, pixels), self.tones.main)
        self.alpha = Image.new("L", (pixels, pixels))
        self.ink: RGB | None = INK if look.style == "retro" else None
        self.edge = mix(self.tones.deep, (0, 0, 0), 0.0 if look.colour == "black" else 0.22)
        self.frame: RGB = STEEL if look.material == "metal" else TIMBER
        self._grain = rng.randrange(GRAINS)
        self._cloth = self._print(rng)

    def place(self, path: Sequence[Point]) -> list[tuple[float, float]]:
        """Convert an outline to pixels: scaled, tilted and moved as the picture's seed decides."""
        c, s, px, py = self._cos, self._sin, self._x, self._y
        return [((x - 50) * c - (y - 50) * s + px, (x - 50) * s + (y - 50) * c + py) for x, y in path]

    def _print(self, rng: random.Random) -> Image.Image:
        look, tones = self.look, self.tones
        cloth = Image.new("RGB", self.layer.size, tones.main)
        draw = ImageDraw.Draw(cloth)
        period = KINDS[look.type].period * rng.uniform(0.92, 1.1)
        heart = mix(tones.main, tones.contrast, 0.15)
        for path, strength in marks(look.pattern, period, rng):
            colour = heart if strength < 0 else mix(tones.main, tones.contrast, strength)
            draw.polygon(self.place(path), fill=colour)
        return cloth

    def body(self, path: Sequence[Point], stitched: bool = True) -> None:
        """Paint `path` with the product's colour, pattern and material."""
        self._fill(path, None, shade=True)
        if stitched and self.look.material == "leather":
            self.stitch(shrink(path, 0.9), mix(self.tones.main, self.tones.light, 0.9))

    def part(self, path: Sequence[Point], colour: RGB, shade: bool = True) -> None:
        """Paint `path` in one flat colour."""
        self._fill(path, colour, shade)

    def stitch(self, path: Sequence[Point], colour: RGB) -> None:
        """Sew a dashed seam along `path`."""
        draw = ImageDraw.Draw(self.layer)
        for dash in dashes([*path, path[0]], 2.0, 1.5):
            draw.line(self.place(dash), fill=colour, width=max(1, round(self.unit * 0.6)))

    def seam(self, path: Sequence[Point], colour: RGB, width: float = 0.8) -> None:
        """Draw a thin open line on what is already painted."""
        ImageDraw.Draw(self.layer).line(
            self.place(path), fill=colour, width=max(1, round(self.unit * width)), joint="curve"
        )

    def _fill(self, path: Sequence[Point], colour: RGB | None, shade: bool) -> None:
        spots = self.place(path)
        x0, y0 = (max(0, math.floor(min(p[d] for p in spots))) for d in (0, 1))
        x1, y1 = (min(self.layer.width, math.ceil(max(p[d] for p in spots)) + 1) for d in (0, 1))
        if x1 <= x0 or y1 <= y0:
            return
        mask = Image.new("L", (x1 - x0, y1 - y0))
        ImageDraw.Draw(mask).polygon([(x - x0, y - y0) for x, y in spots], fill=255)
        if colour is None:
            box = (x0, y0, x1, y1)
            tile = self._cloth.crop(box)
            texture(tile, box, self.layer.width, self.look.material, self.tones, self._grain)
        else:
            tile = Image.new("RGB", mask.size, colour)
        if shade:
            lit = shifted(mask, -0.16 * mask.width, -0.05 * mask.height)
            dark = Image.new("L", mask.size, SHADE)
            dark.paste(0, mask=lit)
            tile.paste(self.tones.dusk if colour is None else NIGHT, mask=dark)
        if colour is None:
            finish(tile, mask, self.look.material, self.tones, self.unit)
        self.layer.paste(tile, (x0, y0), mask)
        glass = colour is None and self.look.material == "glass"
        self.alpha.paste(GLASS_OPACITY if glass else 255, (x0, y0), mask)
        closed = [*spots, spots[0], spots[1]]
        if self.ink is not None:
            width = max(1, round(self.unit * 0.9))
            ImageDraw.Draw(self.layer).line(closed, fill=self.ink, width=width, joint="curve")
            ImageDraw.Draw(self.alpha).line(closed, fill=255, width=width, joint="curve")
        elif colour is None:
            # A fine edge in the product's own hue keeps two patterned parts apart.
            ImageDraw.Draw(self.layer).line(closed, fill=self.edge, width=max(1, round(self.unit * 0.6)))
