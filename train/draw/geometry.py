"""Outlines as lists of points, in hundredths of the picture (x to the right, y down)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

Point = tuple[float, float]
Path = list[Point]


def ellipse(
    cx: float, cy: float, rx: float, ry: float | None = None, start: float = 0, end: float = 360, steps: int = 56
) -> Path:
    """An ellipse or, with `start` and `end` in degrees (0 is right, 90 is down), an arc of it."""
    ry = rx if ry is None else ry
    angles = (math.radians(start + (end - start) * i / steps) for i in range(steps + 1))
    return [(cx + rx * math.cos(a), cy + ry * math.sin(a)) for a in angles]


def rounded(x0: float, y0: float, x1: float, y1: float, r: float) -> Path:
    """A rectangle with round corners."""
    corners = ((x1 - r, y0 + r, -90), (x1 - r, y1 - r, 0), (x0 + r, y1 - r, 90), (x0 + r, y0 + r, 180))
    return [p for cx, cy, a in corners for p in ellipse(cx, cy, r, r, a, a + 90, 10)]


def smooth(points: Sequence[Point], closed: bool = True, steps: int = 10) -> Path:
    """A Catmull-Rom curve through `points`; a point given twice stays a corner."""
    n = len(points)
    last = n if closed else n - 1
    curve: Path = []
    for i in range(last):
        if closed:
            p0, p1, p2, p3 = (points[(i + k) % n] for k in (-1, 0, 1, 2))
        else:
            p0, p1, p2, p3 = (points[min(max(i + k, 0), n - 1)] for k in (-1, 0, 1, 2))
        if p1 == p2:
            continue
        for s in range(steps):
            t = s / steps
            curve.append(tuple(_spline(p0[d], p1[d], p2[d], p3[d], t) for d in (0, 1)))  # type: ignore[arg-type]
    return curve if closed else [*curve, points[-1]]


def _spline(a: float, b: float, c: float, d: float, t: float) -> float:
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t * t + (3 * b - a - 3 * c + d) * t**3)


def lathe(profile: Sequence[Point], cx: float = 50, soft: bool = True) -> Path:
    """A shape turned on a lathe about the vertical line at `cx`; `profile` lists (half width, y) from the top down."""
    side = smooth(list(profile), closed=False) if soft else list(profile)
    return [(cx + w, y) for w, y in side] + [(cx - w, y) for w, y in reversed(side)]


def tube(points: Sequence[Point], width: float, end_width: float | None = None) -> Path:
    """A band along `points` with round ends, `width` across at the start and `end_width` at the end."""
    end_width = width if end_width is None else end_width
    n = len(points)
    left: Path = []
    right: Path = []
    for i, (x, y) in enumerate(points):
        ax, ay = points[max(i - 1, 0)]
        bx, by = points[min(i + 1, n - 1)]
        length = math.hypot(bx - ax, by - ay) or 1.0
        half = (width + (end_width - width) * i / max(n - 1, 1)) / 2
        nx, ny = -(by - ay) / length * half, (bx - ax) / length * half
        left.append((x + nx, y + ny))
        right.append((x - nx, y - ny))
    return left + _cap(points[-1], left[-1]) + right[::-1] + _cap(points[0], right[0])


def _cap(centre: Point, edge: Point) -> Path:
    r = math.hypot(edge[0] - centre[0], edge[1] - centre[1])
    a = math.degrees(math.atan2(edge[1] - centre[1], edge[0] - centre[0]))
    return ellipse(*centre, r, r, a, a - 180, 10)


def shrink(path: Sequence[Point], share: float) -> Path:
    """Scale `path` about the middle of its bounding box."""
    xs, ys = [p[0] for p in path], [p[1] for p in path]
    cx, cy = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
    return [(cx + (x - cx) * share, cy + (y - cy) * share) for x, y in path]


def rotate(path: Sequence[Point], degrees: float, cx: float = 50, cy: float = 50) -> Path:
    """Rotate `path` clockwise about a point."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [(cx + (x - cx) * c - (y - cy) * s, cy + (x - cx) * s + (y - cy) * c) for x, y in path]


def flip(path: Sequence[Point], cx: float = 50) -> Path:
    """The mirror image of `path` about the vertical line at `cx`."""
    return [(2 * cx - x, y) for x, y in path]


def dashes(points: Sequence[Point], on: float, off: float) -> list[Path]:
    """Cut a line into dashes of length `on` with gaps of length `off`."""
    pieces: list[Path] = []
    current: Path = [points[0]]
    left, drawing = on, True
    for (ax, ay), (bx, by) in pairwise(points):
        length = math.hypot(bx - ax, by - ay)
        done = 0.0
        while length - done > left:
            done += left
            t = done / length
            spot = (ax + (bx - ax) * t, ay + (by - ay) * t)
            if drawing:
                pieces.append([*current, spot])
            current, drawing = [spot], not drawing
            left = on if drawing else off
        left -= length - done
        if drawing:
            current.append((bx, by))
    return pieces
