"""Logits of a run's candidates with any set of units taken away: what all measures of evidence are made of."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from itertools import groupby

from msr.backbones.protocol import Backbone, at_once, even_batches
from msr.evidence.influence import Scores
from msr.evidence.units import (
    IMAGE,
    REWRITTEN,
    SENTENCE,
    TITLE,
    Inputs,
    Removed,
    candidates_without,
    reading_without,
    text_without,
    titles_without,
)
from msr.measured import READINGS
from msr.stages.preference import recompute

DIRECT, REGENERATED = READINGS
TOGETHER = 16  # preferences that are written anew in one batch

Logits = tuple[float, ...]  # (candidates,)


class Probe:
    """Asks the backbone; an equal context is scored once, behind its shared prefix.

    Texts that are written anew are remembered if the backbone remembers (`CachedBackbone`).
    """

    def __init__(
        self,
        backbone: Backbone,
        inputs: Inputs,
        max_preference_tokens: int = 90,
        stop: threading.Event | None = None,
    ) -> None:
        self.inputs = inputs
        self._backbone = backbone
        self._limit = max_preference_tokens
        self._stop = stop
        self._scores: dict[frozenset[str], Scores] = {}

    def logits(self, removals: Sequence[Removed], reading: str) -> Iterator[Logits]:
        """Yes-minus-No logits, (candidates,), for each set of units that is gone, as they come.

        "direct": the preference text stays, but for its own sentences. "regenerated": it is written anew from what
        is left of the history. Raises ValueError where sentences of a text are to go that is written anew, and
        StopRequested.
        """
        for some in even_batches(removals, at_once(self._backbone.identity(), TOGETHER)):
            asked = zip(some, self._texts(some, reading), strict=True)
            for scores, alike in groupby(asked, lambda one: self._about(one[0])):
                contexts = [(text, self._titles(removed, reading)) for removed, text in alike]
                for answers in scores.each(contexts):
                    yield tuple(answer.logit for answer in answers)

    def _titles(self, removed: Removed, reading: str) -> list[str]:
        return titles_without(self.inputs, removed, move_up=reading == REGENERATED and _rewrites(removed))

    def _texts(self, removals: Sequence[Removed], reading: str) -> list[str]:
        anew = [n for n, removed in enumerate(removals) if reading == REGENERATED and _rewrites(removed)]
        if any(unit.kind == SENTENCE for n in anew for unit in removals[n]):
            raise ValueError("a preference that is written anew has other sentences; remove them in a direct reading")
        texts = [text_without(self.inputs, removed) for removed in removals]
        histories = [reading_without(self.inputs, removals[n]) for n in anew]
        *_, written = [""] * len(anew), *recompute(self._backbone, histories, self._limit, self._stop)
        for n, text in zip(anew, written, strict=True):
            texts[n] = text
        return texts

    def _about(self, removed: Removed) -> Scores:
        own = frozenset(unit.kind for unit in removed) & {IMAGE, TITLE}
        if own not in self._scores:
            items = candidates_without(self.inputs.candidates, removed)
            self._scores[own] = Scores(self._backbone, items, self._stop)
        return self._scores[own]


def _rewrites(removed: Removed) -> bool:
    return any(unit.kind in REWRITTEN for unit in removed)
