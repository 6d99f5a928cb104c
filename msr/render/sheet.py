"""All figures of one recommendation on one sheet."""

from __future__ import annotations

from msr.render.drawing import Pen, awaited, figure
from msr.render.kinds import attribution, contrasts, effects, patches, shares
from msr.schema import Measured, Recommendation, Run


def evidence(run: Run, shown: Recommendation, pen: Pen, waiting: bool = False) -> str:
    """What was measured about one recommendation; while `waiting`, what is still to come has its place kept."""
    found = shown.measured or Measured()
    items = {item.id: item for item in (*run.history, *run.offered)}
    item = items.get(shown.item_id)
    ranks = {r.item_id: r.rank for r in run.recommendations}
    closed = dict(found.unavailable)
    pictured = found.patches if item and item.picture else None
    drawn = (
        ("effects", effects.TITLE, found.effects and effects.effects(found, items, len(run.recommendations), pen)),
        ("words", attribution.TITLE, found.words and attribution.words(found, pen)),
        ("patches", patches.TITLE, pictured and patches.patches(item, pictured, pen)),
        ("shares", shares.TITLE, found.shares and shares.shares(found, items, pen)),
    )
    parts = [
        html or (closed.get(kind) and _closed(kind, title, closed[kind], pen)) or (waiting and awaited(kind, title))
        for kind, title, html in drawn
    ]
    body = "".join(part for part in parts if part)
    if found.contrasts:
        body += contrasts.contrasts(shown, found, ranks, items, pen)
    return f'<div class="figures"><div class="figures-sheet">{body}</div></div>' if body else ""


def _closed(kind: str, title: str, why: str, pen: Pen) -> str:
    return figure(kind, title, f'<p class="figure-closed">{pen.text(why)}</p>')
