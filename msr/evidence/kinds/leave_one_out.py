"""Leave-one-out for every kind of unit: the change of the logit and of the rank, in both readings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msr.evidence.probe import DIRECT, READINGS, Logits, Probe
from msr.evidence.units import IMAGE, REWRITTEN, TITLE, apart
from msr.schema import Effect, Unit


def effects(probe: Probe, units: Sequence[Unit], readings: Sequence[str] = READINGS) -> Iterator[Mapping[str, Effect]]:
    """Takes each unit away once; yields its effects by candidate id as they are measured, the quick readings first.

    A sentence, an image and a title have a direct reading only; an image or a title has no effect on a candidate that
    has nothing else. Ranks are counted among the probe's candidates. Raises StopRequested.
    """
    (full,) = probe.logits([frozenset()], DIRECT)
    for reading in readings:
        asked = [unit for unit in units if reading == DIRECT or unit.kind in REWRITTEN]
        measured = probe.logits([frozenset({unit}) for unit in asked], reading)
        for unit, less in zip(asked, measured, strict=True):
            yield _effects(probe, unit, reading, full, less)


def ranks(ids: Sequence[str], logits: Logits) -> list[int]:
    """Places from 1, by logit, then by id, as `msr.stages.rank` orders."""
    order = sorted(range(len(ids)), key=lambda n: (-logits[n], ids[n]))
    places = {n: place for place, n in enumerate(order, start=1)}
    return [places[n] for n in range(len(ids))]


def _effects(probe: Probe, unit: Unit, reading: str, full: Logits, less: Logits) -> dict[str, Effect]:
    candidates = probe.inputs.candidates
    ids = [candidate.id for candidate in candidates]
    before, after = ranks(ids, full), ranks(ids, less)
    found = {}
    for n, candidate in enumerate(candidates):
        if unit.kind in (IMAGE, TITLE):  # the others keep theirs
            if not apart(candidate):
                continue
            after = ranks(ids, (*full[:n], less[n], *full[n + 1 :]))
        found[candidate.id] = Effect(unit, reading, full[n] - less[n], after[n] - before[n])
    return found
