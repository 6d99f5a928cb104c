"""Means with their intervals at named places, as a PNG drawn with Pillow: no plotting library is needed."""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from PIL import Image, ImageDraw, ImageFont

Interval = Mapping[str, float]  # "mean", "low", "high"

_WIDE, _TALL, _LEFT, _TOP, _RIGHT, _BOTTOM = 1000, 572, 80, 60, 250, 108
_FINE = 2  # drawn larger, then scaled down
_COLOURS = ("#1f5fbf", "#c2571a", "#2e8540", "#7a3fa0", "#8a6d00", "#5b6770")  # each 4.5:1 or more on white
_DODGE = 9  # pixels between points of several lines at one place


@dataclass(frozen=True)
class Plot:
    """lines: intervals by place, by line; levels: means that hold at every place; `joined` places have an order."""

    title: str
    across: str
    up: str
    lines: Mapping[str, Mapping[str, Interval]]
    levels: Mapping[str, float] = field(default_factory=dict)
    joined: bool = False

    def places(self) -> list[str]:
        """In the order in which the lines name them."""
        return list(dict.fromkeys(place for points in self.lines.values() for place in points))

    def bounds(self) -> tuple[float, float]:
        """Tenths that hold every interval and level."""
        ends = [v for points in self.lines.values() for p in points.values() for v in (p["low"], p["high"])]
        ends += self.levels.values()
        low, high = math.floor(min(ends) * 10) / 10, math.ceil(max(ends) * 10) / 10
        return low, max(high, low + 0.1)


def png(plot: Plot) -> bytes:
    """The picture as a file; the same bytes for the same figures."""
    file = io.BytesIO()
    _Canvas(plot).drawn().resize((_WIDE, _TALL), Image.Resampling.LANCZOS).save(file, "PNG", optimize=True)
    return file.getvalue()


class _Canvas:
    def __init__(self, plot: Plot) -> None:
        self._plot = plot
        self._places = plot.places()
        self._low, self._high = plot.bounds()
        self._image = Image.new("RGB", (_WIDE * _FINE, _TALL * _FINE), "white")
        self._pen = ImageDraw.Draw(self._image)
        self._slot = (_WIDE - _LEFT - _RIGHT) / len(self._places)

    def drawn(self) -> Image.Image:
        self._axes()
        names = [*self._plot.lines, *self._plot.levels]
        colours = {name: _COLOURS[n % len(_COLOURS)] for n, name in enumerate(names)}
        for name, value in self._plot.levels.items():
            self._dashes(self._y(value), colours[name])
        for n, (name, points) in enumerate(self._plot.lines.items()):
            self._points(points, (n - (len(self._plot.lines) - 1) / 2) * _DODGE, colours[name])
        for n, name in enumerate(names):
            self._legend(name, _TOP + 8 + 40 * n, colours[name], dashed=name in self._plot.levels)
        return self._image

    def _axes(self) -> None:
        self._text((_LEFT, 26), self._plot.title, 19, "lm")
        self._text((_LEFT, _TOP - 14), self._plot.up, 13, "lm")
        for tenth in range(round(self._low * 10), round(self._high * 10) + 1):
            y = self._y(tenth / 10)
            self._line([(_LEFT, y), (_WIDE - _RIGHT, y)], "#dddddd", 1)
            self._text((_LEFT - 10, y), f"{tenth / 10:.1f}", 13, "rm")
        for n, place in enumerate(self._places):
            told = "\n".join(textwrap.wrap(place, max(8, int(self._slot / 8))))
            self._text((self._x(n), _TALL - _BOTTOM + 10), told, 13, "ma")
        self._text(((_LEFT + _WIDE - _RIGHT) / 2, _TALL - 28), self._plot.across, 14, "mm")

    def _points(self, points: Mapping[str, Interval], dodge: float, colour: str) -> None:
        spots = {place: (self._x(self._places.index(place)) + dodge, point) for place, point in points.items()}
        if self._plot.joined:
            self._line([(x, self._y(point["mean"])) for x, point in spots.values()], colour, 2)
        for x, point in spots.values():
            low, mean, high = (self._y(point[name]) for name in ("low", "mean", "high"))
            self._line([(x, low), (x, high)], colour, 1.5)
            for end in (low, high):
                self._line([(x - 5, end), (x + 5, end)], colour, 1.5)
            self._pen.ellipse([_FINE * v for v in (x - 5, mean - 5, x + 5, mean + 5)], fill=colour)

    def _legend(self, name: str, y: float, colour: str, dashed: bool) -> None:
        x = _WIDE - _RIGHT + 20
        if dashed:
            self._dashes(y, colour, x, x + 24)
        else:
            self._pen.ellipse([_FINE * v for v in (x + 7, y - 5, x + 17, y + 5)], fill=colour)
        self._text((x + 32, y), "\n".join(textwrap.wrap(name, 26)), 13, "lm", colour)

    def _dashes(self, y: float, colour: str, start: float = _LEFT, end: float = _WIDE - _RIGHT) -> None:
        for x in range(round(start), round(end), 10):
            self._line([(x, y), (min(x + 6, end), y)], colour, 1.5)

    def _line(self, path: Sequence[tuple[float, float]], colour: str, width: float) -> None:
        self._pen.line([(_FINE * x, _FINE * y) for x, y in path], colour, round(_FINE * width), joint="curve")

    def _text(self, at: tuple[float, float], text: str, size: int, anchor: str, colour: str = "#222222") -> None:
        font = ImageFont.load_default(_FINE * size)
        self._pen.text((_FINE * at[0], _FINE * at[1]), text, colour, font, anchor, align="center")

    def _x(self, place: int) -> float:
        return _LEFT + self._slot * (place + 0.5)

    def _y(self, value: float) -> float:
        tall = _TALL - _TOP - _BOTTOM
        return _TOP + tall * (self._high - value) / (self._high - self._low)
