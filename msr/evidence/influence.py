"""Measured influence: what happens to a score when one history item is taken away (leave-one-out).

Two readings. "regenerated": the item was never there; the preference is written anew without it and its title is not
among the recent ones. "direct": the preference text stays and only the title is struck from the prompt, so an item
whose title is not shown has a delta of exactly 0. `measure` has both, for more than items.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from msr import prompts
from msr.backbones.protocol import Backbone, even_batches
from msr.events import Explained, StageProgress
from msr.evidence import reason_check
from msr.prompts import Prompt
from msr.schema import Block, Evidence, Item, ItemSummary, Recommendation, YesNo
from msr.stages.preference import described, recompute

_CALL = 32  # answers a scoring call: enough for large matrices, few enough for Stop

Context = tuple[str, Sequence[str]]  # a preference, and titles of the history, oldest first


def influence(
    backbone: Backbone,
    history: Sequence[Item],
    blocks: Sequence[Block],
    summaries: Mapping[str, ItemSummary],
    preferences: Sequence[str],
    recommended: Sequence[Recommendation],
    items: Mapping[str, Item],
    max_preference_tokens: int,
    stop: threading.Event | None = None,
    regenerate: bool = True,
) -> Generator[StageProgress | Explained, None, tuple[Recommendation, ...]]:
    """Leaves out each history item once; returns the recommendations with an `Evidence` row for each, and with the
    agreement of their reasons with these.

    `preferences` are the texts after each block; candidates are scored by the last. The reading is the regenerated
    one, or without `regenerate` the direct one: a text that a person wrote cannot be written anew.

    An item leaves its own block and the other blocks keep their bounds. Deltas are to the scores of the ranking; those
    of a model that computes in half precision are asked for again among the recommended items alone, because there
    equal prompts in other batches differ by as much as small deltas.
    Yields progress after every preference step and every item, and all `Explained` last. Raises StopRequested.
    """
    writing = len(blocks) if regenerate else 0
    steps = writing + len(history)
    yield StageProgress("influence", 0, steps)
    anew = [""] * len(history)
    varied = [_without(left_out, history, blocks, summaries) for left_out in history if regenerate]
    for done, texts in enumerate(recompute(backbone, varied, max_preference_tokens, stop, preferences), start=1):
        anew = texts
        yield StageProgress("influence", done, steps)

    titles = [item.title for item in history]
    shown = [n for n, title in enumerate(titles) if title][-prompts.RECENT_TITLES :]
    if regenerate:
        reading = "regenerated"
        contexts = [(anew[n], titles[:n] + titles[n + 1 :]) for n in range(len(history))]
    else:
        reading = "direct"
        contexts = [(preferences[-1], [titles[m] for m in shown if m != n]) for n in range(len(history))]
    scores = Scores(backbone, [items[r.item_id] for r in recommended], stop)
    full = [r.score for r in recommended]
    if backbone.identity().get("dtype") != "float32":
        full = [answer.score for answer in next(scores.each([(preferences[-1], titles)]))]
    rows: list[list[Evidence]] = [[] for _ in recommended]
    for n, (left_out, answers) in enumerate(zip(history, scores.each(contexts), strict=True), start=1):
        for row, whole, less in zip(rows, full, answers, strict=True):
            row.append(Evidence(left_out.id, whole - less.score, reading))
        yield StageProgress("influence", writing + n, steps)

    measured = [replace(r, influence=tuple(row)) for r, row in zip(recommended, rows, strict=True)]
    measured = reason_check.held_against(measured, items, history, summaries)
    for recommendation in measured:
        yield Explained(recommendation)
    return measured


def _without(
    left_out: Item, history: Sequence[Item], blocks: Sequence[Block], summaries: Mapping[str, ItemSummary]
) -> list[list[tuple[Item, ItemSummary]]]:
    items = {item.id: item for item in history}
    return [[pair for pair in described(block, items, summaries) if pair[0].id != left_out.id] for block in blocks]


class Scores:
    """Answers about the same items behind different contexts; an equal context is scored once."""

    def __init__(self, backbone: Backbone, items: Sequence[Item], stop: threading.Event | None) -> None:
        self._backbone = backbone
        self._items = items
        self._stop = stop
        self._known: dict[tuple[str, ...], list[YesNo]] = {}
        # In half precision rounding depends on the batch, so there each context is a batch of its own.
        exact = backbone.identity().get("dtype") == "float32"
        self._contexts = max(1, _CALL // max(1, len(items))) if exact else 1

    def each(self, contexts: Sequence[Context]) -> Iterator[list[YesNo]]:
        """The answers behind each context, as they come: a few contexts are scored in one call."""
        asked = [[prompts.recommend(*context, item) for item in self._items] for context in contexts]
        for some in even_batches(asked, self._contexts):
            keys = [tuple(prompt.text for prompt in about) for about in some]
            new = {key: about for key, about in zip(keys, some, strict=True) if key not in self._known}
            answers = iter(self._answers([prompt for about in new.values() for prompt in about]))
            self._known |= {key: list(islice(answers, len(key))) for key in new}
            yield from (self._known[key] for key in keys)

    def _answers(self, asked: Sequence[Prompt]) -> list[YesNo]:
        batches = even_batches(asked, _CALL)
        return [answer for batch in batches for answer in self._backbone.score(batch, self._stop)]
