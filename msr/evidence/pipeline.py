"""Measure evidence: influence as the last stage of a run, and all other kinds for one recommendation of a finished run.

Quick kinds come first. What the run holds already is not measured again, so a measurement that was stopped goes on
where it ended.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from msr.backbones.protocol import Backbone
from msr.backbones.wrappers import CachedBackbone, UntunedBackbone, model_key
from msr.events import Explained, Grown, StageProgress
from msr.evidence import reason_check
from msr.evidence.kind import Kind, Stage, Subject, Unavailable
from msr.evidence.kinds import KINDS, NOTHING
from msr.evidence.kinds.leave_one_out import leave_one_out
from msr.evidence.probe import DIRECT, REGENERATED, Answers, Probe
from msr.evidence.units import ITEM, Inputs, units
from msr.schema import Influence, InputProblem, Item, Measurements, Recommendation, Record, Run


def measure(
    backbone: CachedBackbone,
    run: Run,
    item_id: str,
    other: str | None = None,
    stop: threading.Event | None = None,
) -> Iterator[StageProgress | Grown]:
    """Yield the run with more and more evidence about one recommendation.

    With the id of an `other` recommendation, only the kinds that compare two are measured, else all the others. The
    first events name every stage and its number of steps. Raises InputProblem for a run of another model, a run
    without a preference text, an item that it does not recommend, and an item compared with itself; the iterator
    raises StopRequested.
    """
    asked = _backbone_of(run, backbone)
    if not run.preferences:
        raise InputProblem("This run holds no preference text, so nothing can be measured.")
    item = _offered(run, item_id)
    if other == item_id:
        raise InputProblem("Choose two different items.")
    return _events(Subject(asked, run, item, _offered(run, other) if other else None, stop))


def _backbone_of(run: Run, backbone: CachedBackbone) -> CachedBackbone | UntunedBackbone:
    """The backbone as the run had it."""
    asked = backbone if run.settings.get("adapter", True) else UntunedBackbone(backbone)
    rounding = {"dtype": None}  # how numbers are rounded does not make another model
    now, then = ({**model_key(model), **rounding} for model in (asked.identity(), run.model))
    if now != then:
        raise InputProblem(
            f"This run was made by another model ({then['name']}). Nothing can be measured with the one loaded now."
        )
    return asked


def _offered(run: Run, item_id: str) -> Item:
    found = next((item for item in run.offered if item.id == item_id), None)
    if found is None:
        raise InputProblem("Choose an item that the run recommends.")
    return found


def _events(subject: Subject) -> Iterator[StageProgress | Grown]:
    run = subject.run
    work = [(kind, stage, count) for kind, stage in _stages(subject) if (count := kind.steps(stage, subject))]
    yield from (StageProgress(stage.name, 0, count) for _, stage, count in work)
    for kind, stage, count in work:
        yield StageProgress(stage.name, 0, count)
        try:
            for step in kind.measure(stage, replace(subject, run=run)):
                run = _grown(run, kind, step.records)
                yield StageProgress(stage.name, min(step.done, count), count)
                yield Grown(run)
        except Unavailable as why:
            run = _without(run, kind, subject.item.id, str(why))
            yield Grown(run)
        yield StageProgress(stage.name, count, count)


def _stages(subject: Subject) -> list[tuple[Kind[Any], Stage]]:
    """The stages that are asked for, but for those of kinds that cannot be measured; slow ones last."""
    known = _measurements(subject.run, subject.item.id)
    asked = [
        (kind, stage)
        for kind in KINDS
        if kind.between_two == (subject.other is not None) and kind.name not in known.unavailable
        for stage in kind.stages
    ]
    return sorted(asked, key=lambda pair: pair[1].slow)


def _measurements(run: Run, item_id: str) -> Measurements:
    return next(r.measured for r in run.recommendations if r.item_id == item_id) or NOTHING


def _grown(run: Run, kind: Kind[Any], records: Mapping[str, Record]) -> Run:
    """The run with these records of a kind, by the id of the recommended item."""
    for item_id, record in records.items():
        known = _measurements(run, item_id)
        run = _with(run, item_id, replace(known, records={**known.records, kind.name: record}))
    return run


def _without(run: Run, kind: Kind[Any], item_id: str, why: str) -> Run:
    """The run, which now says why a kind cannot be measured."""
    known = _measurements(run, item_id)
    return _with(run, item_id, replace(known, unavailable={**known.unavailable, kind.name: why}))


def _with(run: Run, item_id: str, measured: Measurements) -> Run:
    changed = (replace(r, measured=measured) if r.item_id == item_id else r for r in run.recommendations)
    return replace(run, recommendations=tuple(changed))


def influence(
    backbone: Backbone,
    inputs: Inputs,
    recommended: Sequence[Recommendation],
    answers: Answers,
    max_preference_tokens: int,
    stop: threading.Event | None = None,
    regenerate: bool = True,
) -> Generator[StageProgress | Explained, None, tuple[Recommendation, ...]]:
    """Leave each history item out once, and measure how P(Yes) of the recommendations changes.

    Args:
        inputs: Its candidates are the recommended items, in the same order.
        answers: Those of the ranking, for each recommendation. Deltas are to these. In half precision, score again
            first: rounding between batches can be as large as a small delta.
        regenerate: Whether the preference is written anew without the item (the reading "regenerated"). If not, the
            text stays and only the title leaves the prompt ("direct"), so an item whose title is not shown has a delta
            of exactly 0. A text that a person wrote cannot be written anew.

    Yields progress after every block that is read anew and after every item, and all `Explained` last. Returns the
    recommendations with an `Influence` row for each item, and with the agreement of their reasons with these rows.
    Raises StopRequested.
    """
    reading = REGENERATED if regenerate else DIRECT
    probe, items = Probe(backbone, inputs, max_preference_tokens, stop), units(inputs, (ITEM,))
    writing = len(inputs.blocks) if regenerate else 0
    steps = writing + len(items)
    yield StageProgress("influence", 0, steps)
    if regenerate:
        for done in probe.write([frozenset({item}) for item in items]):
            yield StageProgress("influence", done, steps)

    exact = backbone.identity().get("dtype") == "float32"
    rows: list[list[Influence]] = [[] for _ in recommended]
    removals = leave_one_out(probe, items, reading, answers if exact else None, together=len(items))
    for done, removal in enumerate(removals, start=writing + 1):
        for row, whole, less in zip(rows, removal.whole, removal.less, strict=True):
            row.append(Influence(removal.unit.key, whole.score - less.score, reading))
        yield StageProgress("influence", done, steps)

    measured = reason_check.with_agreement(
        [replace(r, influence=tuple(row)) for r, row in zip(recommended, rows, strict=True)],
        {item.id: item for item in inputs.candidates},
        inputs.history,
        inputs.summaries,
    )
    for recommendation in measured:
        yield Explained(recommendation)
    return measured
