"""Lines over a few steps as one SVG file, without a plotting library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

_WIDE, _TALL, _LEFT, _TOP, _RIGHT, _BOTTOM = 720, 380, 56, 44, 200, 50
_COLOURS = ("#1f5fbf", "#c2571a", "#2e8540", "#7a3fa0")


def lines(title: str, across: str, steps: Sequence[str], curves: Mapping[str, Sequence[float | None]]) -> str:
    """Curves of shares in [0, 1] over named steps; a None leaves a gap."""
    wide, tall = _WIDE - _LEFT - _RIGHT, _TALL - _TOP - _BOTTOM

    def at(step: int, value: float) -> tuple[float, float]:
        return _LEFT + wide * step / max(len(steps) - 1, 1), _TOP + tall * (1 - value)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDE} {_TALL}" role="img" aria-label="{escape(title)}"'
        ' font-family="sans-serif" font-size="13"><rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="{_LEFT}" y="24" font-size="16">{escape(title)}</text>',
        f'<text x="{_LEFT + wide / 2}" y="{_TALL - 8}" text-anchor="middle">{escape(across)}</text>',
    ]
    for share in (0, 0.25, 0.5, 0.75, 1):
        x, y = at(0, share)
        parts.append(f'<path d="M{x} {y:.1f}h{wide}" stroke="#ddd"/>')
        parts.append(f'<text x="{x - 8}" y="{y + 4:.1f}" text-anchor="end">{share:.0%}</text>')
    for n, step in enumerate(steps):
        parts.append(f'<text x="{at(n, 0)[0]:.1f}" y="{_TALL - 30}" text-anchor="middle">{escape(step)}</text>')
    for n, (name, values) in enumerate(curves.items()):
        colour = _COLOURS[n % len(_COLOURS)]
        dots = [at(step, value) for step, value in enumerate(values) if value is not None]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in dots)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>' for x, y in dots]
        parts.append(f'<text x="{_WIDE - _RIGHT + 16}" y="{_TOP + 20 * n + 10}" fill="{colour}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>", ""])
