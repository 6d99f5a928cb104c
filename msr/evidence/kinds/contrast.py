"""Contrast: the fewest units of the history whose removal swaps two candidates.

This is a counterfactual explanation of an order. Tan et al. 2021 ("Counterfactual Explainable Recommendation",
section 3) ask for the smallest change that alters a recommendation; here the change is a removal, and it is measured.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msr import untrusted
from msr.backbones.protocol import even_batches
from msr.evidence.kind import FigureContext, Kind, Stage, Step, Subject, read_reading, read_unit
from msr.evidence.kinds.shapley import MOST
from msr.evidence.probe import DIRECT, REGENERATED, Probe
from msr.render.html import figure, listed, name, signed, thumb, unit_name
from msr.schema import Unit

EXACT = 3  # all sets up to this size are tried
_AT_ONCE = 16  # sets of one batch
_MOST_ROWS = 2_000  # contrasts, and units of one, in a run.json

Set = tuple[Unit, ...]


@dataclass(frozen=True)
class Contrast:
    """What swaps a candidate and the candidate `other` when it is removed.

    `removed` is None if not even the removal of all units does. `exact` says that no smaller set does. `margin` is the
    upper candidate's logit minus the lower one's, in nats; `margin_without` is the same without `removed`, or without
    all units if nothing swaps the two. `reading` is "direct" or "regenerated".
    """

    other: str
    reading: str
    removed: Set | None
    exact: bool
    margin: float
    margin_without: float

    def to_json(self) -> dict[str, Any]:
        return {
            "other": self.other,
            "reading": self.reading,
            "removed": None if self.removed is None else [unit.to_json() for unit in self.removed],
            "exact": self.exact,
            "margin": round(self.margin, 6),
            "margin_without": round(self.margin_without, 6),
        }


@dataclass(frozen=True)
class Contrasts:
    """The contrasts of one recommendation, at most one with each other recommendation."""

    rows: tuple[Contrast, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {"contrasts": [row.to_json() for row in self.rows]}


def contrast(probe: Probe, units: Sequence[Unit], reading: str) -> Generator[int, None, Contrast]:
    """Search all sets of one, two and three units, then go on greedily from the best three.

    The second candidate of the probe is `other`. Among sets of one size, those whose units narrow the margin most
    when each is removed alone are tried first, and the search ends with the batch that swaps the two. Yields how many
    sets were tried so far. Raises ValueError for another number of candidates than two, and StopRequested.
    """
    if len(probe.inputs.candidates) != 2:
        raise ValueError(f"a contrast needs two candidates, got {len(probe.inputs.candidates)}")
    ((first, second),) = probe.logits([frozenset()], DIRECT)
    margin, sign = abs(first - second), 1.0 if first >= second else -1.0
    tried = 0

    def least(sets: Sequence[Set]) -> Generator[int, None, tuple[float, Set]]:
        """Return the narrowest margin of some sets, and its set; ends early as soon as one swaps."""
        nonlocal tried
        best: tuple[float, Set] = (math.inf, ())
        for some in even_batches(sets, _AT_ONCE):
            answers = probe.logits([frozenset(one) for one in some], reading)
            for one, (upper, lower) in zip(some, answers, strict=True):
                left[one] = sign * (upper - lower)
                best = min(best, (left[one], one), key=lambda pair: pair[0])
            tried += len(some)
            yield tried
            if best[0] < 0:
                break
        return best

    def found(removed: Set | None, exact: bool, without: float) -> Contrast:
        return Contrast(probe.inputs.candidates[1].id, reading, removed, exact, margin, without)

    left: dict[Set, float] = {}
    without: float = margin
    best: Set = ()
    for size in range(1, min(EXACT, len(units)) + 1):
        sets = list(itertools.combinations(units, size))
        if size > 1:
            sets.sort(key=lambda some: sum(left[unit,] for unit in some))
        without, best = yield from least(sets)
        if without < 0:
            return found(best, True, without)
    while len(best) < len(units):
        without, best = yield from least([(*best, unit) for unit in units if unit not in best])
        if without < 0:
            return found(best, False, without)
    return found(None, len(units) <= EXACT, without)


def most(units: int) -> int:
    """Count the sets that a search among so many units tries before it goes on greedily."""
    return sum(math.comb(units, size) for size in range(1, EXACT + 1))


class WhyNot(Kind[Contrasts]):
    name = "contrasts"
    title = "Why this and not that"
    empty = Contrasts()
    stages = (Stage("contrast", "Looking for what swaps them", 0.7, slow=True),)
    between_two = True

    def steps(self, stage: Stage, subject: Subject) -> int:
        return most(len(subject.history_units(MOST)))

    def measure(self, stage: Stage, subject: Subject) -> Iterator[Step[Contrasts]]:
        if subject.other is None:
            raise ValueError("a contrast needs another recommendation to compare with")
        other, tried = subject.other, 0
        search = contrast(subject.probe(subject.item, other), subject.history_units(MOST), subject.readings[-1])
        while True:
            try:
                tried = next(search)
            except StopIteration as end:
                found: Contrast = end.value
                break
            yield Step(tried, {})
        others = [row for row in subject.known(self).rows if row.other != other.id]
        yield Step(tried, {subject.item.id: Contrasts((*others, found))})

    def read(self, stored: Mapping[str, Any]) -> Contrasts:
        return Contrasts(tuple(map(_read, untrusted.entries(stored.get("contrasts", []), _MOST_ROWS))))

    def draw(self, record: Contrasts, context: FigureContext) -> str:
        articles = "".join(
            _article(row, context) for row in record.rows if row.other in context.ranks and row.other in context.items
        )
        return figure(self.name, self.title, articles) if articles else ""


def _read(row: Mapping[str, Any]) -> Contrast:
    units = None if row["removed"] is None else untrusted.entries(row["removed"], _MOST_ROWS)
    if units == []:
        raise ValueError("expected at least one removed unit")
    return Contrast(
        other=untrusted.text(row["other"], untrusted.MAX_ID),
        reading=read_reading(row),
        removed=None if units is None else tuple(map(read_unit, units)),
        exact=row["exact"] is True,
        margin=untrusted.number(row["margin"]),
        margin_without=untrusted.number(row["margin_without"]),
    )


def _article(found: Contrast, context: FigureContext) -> str:
    """Both candidates, the upper one first, and what would have to be left out for them to swap."""
    ranks, items = context.ranks, context.items
    upper, lower = sorted((context.shown.item_id, found.other), key=lambda item_id: ranks[item_id])

    def small(item_id: str) -> str:
        return thumb(items.get(item_id), context.media, beside_name=True)

    left_out = "".join(f"<li>{small(unit.key)}<span>{unit_name(unit)}</span></li>" for unit in found.removed or ())
    return (
        f'<article class="contrast"><div class="versus"><span>{small(upper)}<b>{ranks[upper]}</b></span>'
        f'<i aria-hidden="true">›</i><span>{small(lower)}<b>{ranks[lower]}</b></span></div>'
        f"<div><p>{_sentence(found, name(items[upper]), name(items[lower]))}</p>"
        f"{f'<ul>{left_out}</ul>' if left_out else ''}"
        f"<small>Lead of the first: {signed(found.margin)} nats, and {signed(found.margin_without)} without "
        f"{'these' if found.removed else 'any of the history'}"
        f"{', preference written anew' if found.reading == REGENERATED else ', text left as it is'}.</small>"
        "</div></article>"
    )


def _sentence(found: Contrast, first: str, second: str) -> str:
    if found.removed is None:
        return f"Whatever is left out of the history, {first} stays ahead of {second}."
    named = listed([unit_name(unit) for unit in found.removed])
    smallest = "Nothing smaller does that." if found.exact else "Smaller sets were not all tried."
    return f"{first} is ahead of {second} because of {named}. Leave that out and they swap. {smallest}"


KIND = WhyNot()
