"""The answers about a run's candidates when any set of units is taken away; all measurements are made of these."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import groupby, islice

from msr import prompts
from msr.backbones.protocol import Backbone, at_once, even_batches
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
from msr.prompts import Prompt
from msr.schema import READINGS, Item, YesNo
from msr.stages.preference import recompute

DIRECT, REGENERATED = READINGS
TOGETHER = 16  # preferences that are written anew in one batch
_CALL = 32  # answers in one scoring call: enough for large matrices, few enough to stop soon

Answers = tuple[YesNo, ...]  # (candidates,)
Logits = tuple[float, ...]  # (candidates,)
Context = tuple[str, Sequence[str]]  # a preference, and titles of the history, oldest first


class Probe:
    """Ask a backbone about the candidates of `inputs` with units taken away.

    An equal question is asked once, and a preference that was written anew is remembered.
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
        self._written: dict[Removed, str] = {}
        self._scores: dict[frozenset[str], _Scores] = {}

    def logits(self, removals: Sequence[Removed], reading: str) -> Iterator[Logits]:
        """Yield the Yes-minus-No logits, (candidates,), for each set of units that is gone; see `answers`."""
        for answers in self.answers(removals, reading):
            yield tuple(answer.logit for answer in answers)

    def answers(self, removals: Sequence[Removed], reading: str, together: int = TOGETHER) -> Iterator[Answers]:
        """Yield the answers, (candidates,), for each set of units that is gone, as soon as they are there.

        "direct": the preference text stays, but for its own sentences. "regenerated": it is written anew from what
        is left of the history, `together` texts in a batch. Raises ValueError where a text is written anew and
        sentences of it are to go, and StopRequested.
        """
        for some in even_batches(removals, at_once(self._backbone.identity(), together)):
            asked = zip(some, self._texts(some, reading), strict=True)
            for scores, alike in groupby(asked, lambda one: self._about(one[0])):
                contexts = [(text, self._titles(removed, reading)) for removed, text in alike]
                yield from scores.each(contexts)

    def write(self, removals: Sequence[Removed]) -> Iterator[int]:
        """Write the preference anew without each set of units, all in one batch; yields how many blocks are read.

        Raises ValueError where sentences of the text are to go, and StopRequested.
        """
        new = [removed for removed in dict.fromkeys(removals) if removed not in self._written]
        if any(unit.kind == SENTENCE for removed in new for unit in removed):
            raise ValueError("a preference that is written anew has other sentences; remove them in a direct reading")
        histories = [reading_without(self.inputs, removed) for removed in new]
        texts = [""] * len(new)
        growing = recompute(self._backbone, histories, self._limit, self._stop, self.inputs.drafts)
        for done, grown in enumerate(growing, start=1):
            texts = grown
            yield done
        self._written |= dict(zip(new, texts, strict=True))

    def _texts(self, removals: Sequence[Removed], reading: str) -> list[str]:
        anew = {removed for removed in removals if reading == REGENERATED and _rewrites(removed)}
        deque(self.write([removed for removed in removals if removed in anew]), maxlen=0)
        return [
            self._written[removed] if removed in anew else text_without(self.inputs, removed) for removed in removals
        ]

    def _titles(self, removed: Removed, reading: str) -> list[str]:
        return titles_without(self.inputs, removed, move_up=reading == REGENERATED and _rewrites(removed))

    def _about(self, removed: Removed) -> _Scores:
        own = frozenset(unit.kind for unit in removed) & {IMAGE, TITLE}
        if own not in self._scores:
            items = candidates_without(self.inputs.candidates, removed)
            self._scores[own] = _Scores(self._backbone, items, self._stop)
        return self._scores[own]


class _Scores:
    """Answers about the same items after different contexts; an equal context is scored once."""

    def __init__(self, backbone: Backbone, items: Sequence[Item], stop: threading.Event | None) -> None:
        self._backbone = backbone
        self._items = items
        self._stop = stop
        self._known: dict[tuple[str, ...], Answers] = {}
        # In half precision rounding depends on the batch, so there each context is a batch of its own.
        exact = backbone.identity().get("dtype") == "float32"
        self._contexts = max(1, _CALL // max(1, len(items))) if exact else 1

    def each(self, contexts: Sequence[Context]) -> Iterator[Answers]:
        """Yield the answers after each context as they come; a few contexts are scored in one call."""
        asked = [[prompts.recommend(*context, item) for item in self._items] for context in contexts]
        for some in even_batches(asked, self._contexts):
            keys = [tuple(prompt.text for prompt in about) for about in some]
            new = {key: about for key, about in zip(keys, some, strict=True) if key not in self._known}
            answers = iter(self._answers([prompt for about in new.values() for prompt in about]))
            self._known |= {key: tuple(islice(answers, len(key))) for key in new}
            yield from (self._known[key] for key in keys)

    def _answers(self, asked: Sequence[Prompt]) -> list[YesNo]:
        batches = even_batches(asked, _CALL)
        return [answer for batch in batches for answer in self._backbone.score(batch, self._stop)]


def _rewrites(removed: Removed) -> bool:
    return any(unit.kind in REWRITTEN for unit in removed)
