"""Why this and not that: what would have to be left out of the history for two candidates to swap."""

from __future__ import annotations

from collections.abc import Mapping

from msr.render.drawing import Pen, figure, signed
from msr.schema import Contrast, Item, Measured, Recommendation

TITLE = "Why this and not that"


def contrasts(
    shown: Recommendation, found: Measured, ranks: Mapping[str, int], items: Mapping[str, Item], pen: Pen
) -> str:
    """`ranks` and `items` by id."""
    listed = "".join(
        _contrast(shown, one, ranks, items, pen) for one in found.contrasts if one.other in ranks and one.other in items
    )
    return figure("contrasts", TITLE, listed) if listed else ""


def _contrast(
    shown: Recommendation, found: Contrast, ranks: Mapping[str, int], items: Mapping[str, Item], pen: Pen
) -> str:
    upper, lower = sorted((shown.item_id, found.other), key=lambda item_id: ranks[item_id])
    first, second = pen.name(items[upper]), pen.name(items[lower])
    left_out = "".join(
        f"<li>{pen.thumb(items.get(unit.key))}<span>{pen.unit(unit)}</span></li>" for unit in found.removed or ()
    )
    return (
        f'<article class="contrast"><div class="versus"><span>{pen.thumb(items[upper])}<b>{ranks[upper]}</b></span>'
        f'<i aria-hidden="true">›</i><span>{pen.thumb(items[lower])}<b>{ranks[lower]}</b></span></div>'
        f"<div><p>{_sentence(found, first, second, pen)}</p>"
        f"{f'<ul>{left_out}</ul>' if left_out else ''}"
        f"<small>Lead of the first: {signed(found.margin)} nats, and {signed(found.margin_without)} without "
        f"{'these' if found.removed else 'any of the history'}"
        f"{', preference written anew' if found.reading == 'regenerated' else ', text left as it is'}.</small>"
        "</div></article>"
    )


def _sentence(found: Contrast, first: str, second: str, pen: Pen) -> str:
    if found.removed is None:
        return f"Whatever is left out of the history, {first} stays ahead of {second}."
    named = pen.listed([pen.unit(unit) for unit in found.removed])
    smallest = "Nothing smaller does that." if found.exact else "Smaller sets were not all tried."
    return f"{first} is ahead of {second} because of {named}. Leave that out and they swap. {smallest}"
