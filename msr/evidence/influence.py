"""The last stage of a run: how much each history item moved the scores of the explained recommendations."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from dataclasses import replace

from msr.backbones.protocol import Backbone
from msr.events import Explained, StageProgress
from msr.evidence import reason_check
from msr.evidence.kinds.leave_one_out import leave_one_out
from msr.evidence.probe import DIRECT, REGENERATED, Answers, Probe
from msr.evidence.units import ITEM, Inputs, units
from msr.schema import Influence, Recommendation


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

    measured = reason_check.held_against(
        [replace(r, influence=tuple(row)) for r, row in zip(recommended, rows, strict=True)],
        {item.id: item for item in inputs.candidates},
        inputs.history,
        inputs.summaries,
    )
    for recommendation in measured:
        yield Explained(recommendation)
    return measured
