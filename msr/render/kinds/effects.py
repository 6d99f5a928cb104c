"""What taking each unit away did, as signed bars: both readings, and the places lost or won."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msr.render.drawing import Pen, figure, sign, signed, width
from msr.schema import Effect, Item, Measured, Unit

TITLE = "What each piece adds"
_GROUPS = {
    "item": "History items",
    "block": "Blocks of the history",
    "sentence": "Parts of the preference",
    "own": "The candidate itself",
    "description": "Descriptions of the history",
}
_FOLDED = ("description",)  # many, and mostly quiet
_SMALLEST = 0.1  # nats of a full bar: below that, bars would magnify noise


def effects(found: Measured, items: Mapping[str, Item], among: int, pen: Pen) -> str:
    """`items` by id, for their pictures; ranks are counted among so many recommendations."""
    scale = max([_SMALLEST, *(abs(effect.logit) for effect in found.effects)])
    rows: dict[Unit, dict[str, Effect]] = {}
    for effect in found.effects:
        rows.setdefault(effect.unit, {})[effect.reading] = effect
    groups: dict[str, list[str]] = {}
    for unit, readings in rows.items():
        kind = "own" if unit.kind in ("image", "title") else unit.kind
        groups.setdefault(kind, []).append(_row(unit, readings, scale, items, pen))
    body = "".join(_group(kind, groups[kind]) for kind in _GROUPS if kind in groups)
    said = (
        "Each piece is taken away once and the candidate scored again. Right: it helped. Left: it counted against. "
        f"A full bar is {scale:.2f} nats of the Yes-minus-No logit. ▼ and ▲: places lost or won without it, among "
        f"{among} recommendations."
    )
    return figure("effects", TITLE, f"{_LEGEND}{body}", said)


def _group(kind: str, rows: Sequence[str]) -> str:
    listed = f"<ol>{''.join(rows)}</ol>"
    if kind in _FOLDED:
        return f"<details><summary>{_GROUPS[kind]} ({len(rows)})</summary>{listed}</details>"
    return f"<section><h5>{_GROUPS[kind]}</h5>{listed}</section>"


def _row(unit: Unit, readings: Mapping[str, Effect], scale: float, items: Mapping[str, Item], pen: Pen) -> str:
    direct, anew = readings.get("direct"), readings.get("regenerated")
    main = anew or direct
    bars = "".join(
        f'<i class="{name} {sign(effect.logit)}" style="--w:{width(effect.logit, scale)}"></i>'
        for name, effect in (("anew", anew), ("direct", direct))
        if effect is not None
    )
    pictured = pen.thumb(items.get(unit.key)) if unit.kind == "item" else ""
    name = f"{pen.block(unit)}: {pen.unit(unit)}" if unit.kind == "block" else pen.unit(unit)
    return (
        f'<li class="{"pictured" if pictured else "worded"}">{pictured}<span class="effect-name">{name}</span>'
        f'<span class="axis" aria-hidden="true">{bars}</span>'
        f'<b class="number {sign(main.logit)}" aria-hidden="true">{signed(main.logit)}</b>'
        f'<span class="places" aria-hidden="true">{_places(main.ranks)}</span>'
        f'<span class="sr-only">{_spoken(direct, anew, main.ranks)}</span></li>'
    )


def _places(ranks: int) -> str:
    return "" if ranks == 0 else f"{'▼' if ranks > 0 else '▲'} {abs(ranks)}"


def _spoken(direct: Effect | None, anew: Effect | None, ranks: int) -> str:
    told = [f"{words} {signed(e.logit)} nats" for words, e in (("written anew", anew), ("direct", direct)) if e]
    moved = f"; without it the candidate {'falls' if ranks > 0 else 'rises'} {abs(ranks)} places" if ranks else ""
    return ", ".join(told) + moved


_LEGEND = (
    '<p class="figure-legend"><span><i class="swatch anew"></i>preference written anew</span>'
    '<span><i class="swatch direct"></i>text left as it is</span></p>'
)
