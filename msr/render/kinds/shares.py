"""Shapley values of the history as columns; whiskers are one standard error to either side."""

from __future__ import annotations

from collections.abc import Mapping

from msr.render.drawing import Pen, figure, sign, signed
from msr.schema import Item, Measured, Share

TITLE = "Fair shares of the history"
_SMALLEST = 0.1  # nats of a full column


def shares(found: Measured, items: Mapping[str, Item], pen: Pen) -> str:
    scale = max([_SMALLEST, *(abs(share.value) + share.error for share in found.shares)])
    columns = "".join(_column(share, scale, items, pen) for share in found.shares)
    widest = max(share.error for share in found.shares)
    reading = "the preference written anew" if found.shares[0].reading == "regenerated" else "the text left as it is"
    said = (
        "Shapley values: what each adds on average, whatever else of the history is there, in nats, with "
        f"{reading}. After {found.orders} sampled orders the standard error is at most {widest:.2f} (the whiskers)."
    )
    return figure("shares", TITLE, f"<ol>{columns}</ol>", said)


def _column(share: Share, scale: float, items: Mapping[str, Item], pen: Pen) -> str:
    low, high = (50 + 50 * max(-1.0, min(1.0, (share.value + e) / scale)) for e in (-share.error, share.error))
    block = share.unit.kind == "block"
    foot = f'<span class="share-name">{pen.block(share.unit)}</span>' if block else pen.thumb(items.get(share.unit.key))
    spoken = f"{pen.text(share.unit.text)}: {signed(share.value)}, plus or minus {share.error:.2f} nats"
    return (
        f'<li title="{spoken}"><span class="share-bar" aria-hidden="true">'
        f'<i class="{sign(share.value)}" style="--h:{50 * min(1.0, abs(share.value) / scale):.1f}%"></i>'
        f'<u style="bottom:{low:.1f}%;height:{high - low:.1f}%"></u></span>{foot}'
        f'<b class="number {sign(share.value)}" aria-hidden="true">{signed(share.value)}</b>'
        f'<span class="sr-only">{spoken}</span></li>'
    )
