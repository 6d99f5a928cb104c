"""All figures of one recommendation: a figure for each kind of evidence that was measured."""

from __future__ import annotations

from pathlib import Path

from msr.evidence.kind import FigureContext
from msr.evidence.kinds import IN_ORDER, NOTHING
from msr.render.html import Addresses, awaited_figure, unavailable_figure
from msr.schema import Recommendation, Run

STYLE = Path(__file__).with_name("figures.css")


def figures(run: Run, shown: Recommendation, media: Addresses, waiting: bool = False) -> str:
    """Draw what was measured about one recommendation; "" if there is nothing.

    A kind that cannot be measured says why. While `waiting`, a kind that is still to come has its place kept.
    """
    found = shown.measured or NOTHING
    context = FigureContext(run, shown, media)
    parts = []
    for kind in IN_ORDER:
        drawn = kind.draw(found.records.get(kind.name, kind.empty), context)
        if not drawn and kind.name in found.unavailable:
            drawn = unavailable_figure(kind.name, kind.title, found.unavailable[kind.name])
        elif not drawn and waiting and not kind.between_two:
            drawn = awaited_figure(kind.name, kind.title)
        parts.append(drawn)
    body = "".join(parts)
    return f'<div class="figures"><div class="figures-sheet">{body}</div></div>' if body else ""
