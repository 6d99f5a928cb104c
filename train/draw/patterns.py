"""Patterns: the marks that are printed over a product's own colour."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from .geometry import Path, ellipse

LOW, HIGH = -15.0, 115.0  # past the picture's edges, so that a tilted product is still covered

# A mark is an outline and how strongly it is printed (1 is the full contrast colour).
Mark = tuple[Path, float]


def marks(pattern: str, period: float, rng: random.Random) -> Iterator[Mark]:
    """The marks of `pattern`, one repeat being `period` across; `rng` moves the pattern about."""
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
