"""Leave-one-out effects: how the logit and the rank change when one piece of the input is taken away."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msr import untrusted
from msr.evidence.kind import FigureContext, Kind, Stage, Step, Subject, read_reading, read_unit
from msr.evidence.probe import DIRECT, READINGS, REGENERATED, TOGETHER, Answers, Logits, Probe
from msr.evidence.units import IMAGE, REWRITTEN, TITLE, apart, units
from msr.render.html import bar_width, block_name, figure, sign, signed, thumb, unit_name
from msr.schema import Unit

_GROUPS = {
    "item": "History items",
    "block": "Blocks of the history",
    "sentence": "Parts of the preference",
    "own": "The candidate itself",
    "description": "Descriptions of the history",
}
_FOLDED = ("description",)  # many, and mostly small
_SMALLEST_SCALE = 0.1  # nats of a full bar: below that, bars would magnify noise
_MOST = 2_000  # effects in a run.json


@dataclass(frozen=True)
class Effect:
    """What taking one unit away did to one candidate.

    `logit` is the Yes-minus-No logit with the unit minus that without it, in nats; positive: the unit helped. `ranks`
    is how many places the candidate falls without the unit, among the run's recommendations. `reading` is "direct" or
    "regenerated".
    """

    unit: Unit
    reading: str
    logit: float
    ranks: int

    def to_json(self) -> dict[str, Any]:
        return self.unit.to_json() | {"reading": self.reading, "logit": round(self.logit, 6), "ranks": self.ranks}


@dataclass(frozen=True)
class Effects:
    """The effects on one recommendation, in the order in which they were measured."""

    rows: tuple[Effect, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {"effects": [row.to_json() for row in self.rows]}


# Measuring


@dataclass(frozen=True)
class Removal:
    """The answers about all candidates with the whole input, and with one unit less."""

    unit: Unit
    whole: Answers
    less: Answers


def leave_one_out(
    probe: Probe, units: Sequence[Unit], reading: str, whole: Answers | None = None, together: int = TOGETHER
) -> Iterator[Removal]:
    """Take each unit away once, and yield the answers as they come.

    `whole` are the answers with nothing taken away, if they are known. `together` preferences are written anew in a
    batch. Raises StopRequested.
    """
    if whole is None:
        (whole,) = probe.answers([frozenset()], DIRECT)
    removals = [frozenset({unit}) for unit in units]
    for unit, less in zip(units, probe.answers(removals, reading, together), strict=True):
        yield Removal(unit, whole, less)


def effects(probe: Probe, units: Sequence[Unit], readings: Sequence[str] = READINGS) -> Iterator[Mapping[str, Effect]]:
    """Yield each unit's effects by candidate id as they are measured, the quick reading first.

    A sentence, an image and a title have a direct reading only. An image or a title has no effect on a candidate that
    has nothing else. Ranks are counted among the probe's candidates. Raises StopRequested.
    """
    for reading in readings:
        asked = [unit for unit in units if reading == DIRECT or unit.kind in REWRITTEN]
        for removal in leave_one_out(probe, asked, reading):
            yield _effects(probe, removal, reading)


def ranks(ids: Sequence[str], logits: Logits) -> list[int]:
    """Places from 1, by logit, then by id, as `msr.stages.rank` orders."""
    order = sorted(range(len(ids)), key=lambda n: (-logits[n], ids[n]))
    places = {n: place for place, n in enumerate(order, start=1)}
    return [places[n] for n in range(len(ids))]


def _effects(probe: Probe, removal: Removal, reading: str) -> dict[str, Effect]:
    candidates = probe.inputs.candidates
    ids = [candidate.id for candidate in candidates]
    full, less = (tuple(answer.logit for answer in answers) for answers in (removal.whole, removal.less))
    before, after = ranks(ids, full), ranks(ids, less)
    found = {}
    for n, candidate in enumerate(candidates):
        if removal.unit.kind in (IMAGE, TITLE):  # the others keep theirs
            if not apart(candidate):
                continue
            after = ranks(ids, (*full[:n], less[n], *full[n + 1 :]))
        found[candidate.id] = Effect(removal.unit, reading, full[n] - less[n], after[n] - before[n])
    return found


class LeaveOneOut(Kind[Effects]):
    """Effects of all recommendations are measured together: the model is asked about them together anyway."""

    name = "effects"
    title = "What each piece adds"
    empty = Effects()
    stages = (
        Stage(DIRECT, "Taking pieces away", 0.7),
        Stage(REGENERATED, "Writing the preference anew without each piece", 1.2, slow=True),
    )

    def steps(self, stage: Stage, subject: Subject) -> int:
        return len(self._lacking(stage.name, subject))

    def measure(self, stage: Stage, subject: Subject) -> Iterator[Step[Effects]]:
        known = {item.id: self._rows(subject, item.id) for item in subject.inputs.candidates}
        measured = effects(subject.probe(), self._lacking(stage.name, subject), (stage.name,))
        for done, found in enumerate(measured, start=1):
            for item_id, effect in found.items():
                known[item_id] = (*known[item_id], effect)
            yield Step(done, {item_id: Effects(known[item_id]) for item_id in found})

    def _lacking(self, reading: str, subject: Subject) -> list[Unit]:
        """Units whose effect in a reading is not in the run."""
        if reading not in subject.readings:
            return []
        rows = [row for item in subject.inputs.candidates for row in self._rows(subject, item.id)]
        known = {row.unit for row in rows if row.reading == reading}
        found = [unit for unit in units(subject.inputs) if unit not in known]
        return [unit for unit in found if reading == DIRECT or unit.kind in REWRITTEN]

    def _rows(self, subject: Subject, item_id: str) -> tuple[Effect, ...]:
        return subject.known(self, item_id).rows

    def read(self, stored: Mapping[str, Any]) -> Effects:
        return Effects(tuple(map(_read, untrusted.entries(stored.get("effects", []), _MOST))))

    def draw(self, record: Effects, context: FigureContext) -> str:
        if not record.rows:
            return ""
        scale = max([_SMALLEST_SCALE, *(abs(effect.logit) for effect in record.rows)])
        by_unit: dict[Unit, dict[str, Effect]] = defaultdict(dict)
        for effect in record.rows:
            by_unit[effect.unit][effect.reading] = effect
        groups: dict[str, list[str]] = defaultdict(list)
        for unit, readings in by_unit.items():
            group = "own" if unit.kind in (IMAGE, TITLE) else unit.kind
            groups[group].append(_row(unit, readings, scale, context))
        body = "".join(_group(kind, groups[kind]) for kind in _GROUPS if kind in groups)
        said = (
            "Each piece is taken away once and the candidate scored again. Right: it helped. Left: it counted against. "
            f"A full bar is {scale:.2f} nats of the Yes-minus-No logit. ▼ and ▲: places lost or won without it, among "
            f"{len(context.run.recommendations)} recommendations."
        )
        return figure(self.name, self.title, f"{_LEGEND}{body}", said)


def _read(row: Mapping[str, Any]) -> Effect:
    return Effect(
        read_unit(row), read_reading(row), untrusted.number(row["logit"]), int(untrusted.number(row["ranks"]))
    )


# Drawing: signed bars of both readings, and the places lost or won


def _group(kind: str, rows: Sequence[str]) -> str:
    listed = f"<ol>{''.join(rows)}</ol>"
    if kind in _FOLDED:
        return f"<details><summary>{_GROUPS[kind]} ({len(rows)})</summary>{listed}</details>"
    return f"<section><h5>{_GROUPS[kind]}</h5>{listed}</section>"


def _row(unit: Unit, readings: Mapping[str, Effect], scale: float, context: FigureContext) -> str:
    direct, anew = readings.get(DIRECT), readings.get(REGENERATED)
    shown = [(name, effect) for name, effect in (("anew", anew), ("direct", direct)) if effect is not None]
    main = shown[0][1]
    bars = "".join(
        f'<i class="{name} {sign(effect.logit)}" style="--w:{bar_width(effect.logit, scale)}"></i>'
        for name, effect in shown
    )
    pictured = thumb(context.items.get(unit.key), context.media, beside_name=True) if unit.kind == "item" else ""
    name = f"{block_name(unit)}: {unit_name(unit)}" if unit.kind == "block" else unit_name(unit)
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

KIND = LeaveOneOut()
