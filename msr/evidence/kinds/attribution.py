"""Which words of the preference and of a candidate's title push its logit, by the gradients of a local model."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from msr import prompts
from msr.backbones.protocol import INTEGRATED, Attributes
from msr.schema import Item, Word


@dataclass(frozen=True)
class WordEvidence:
    """`missing`: nats that the words changed together and the weights do not account for; None where the method
    promises no sum."""

    words: tuple[Word, ...]
    missing: float | None


def words(
    backbone: Attributes,
    preference_text: str,
    recent: Sequence[str],
    candidate: Item,
    method: str = INTEGRATED,
    stop: threading.Event | None = None,
) -> WordEvidence:
    """One candidate's evidence, in the order of its prompt. `recent` are the history's titles, oldest first.

    Raises BackboneError for a model without gradients, ValueError for an unknown method, and StopRequested.
    """
    prompt = prompts.recommend(preference_text, recent, candidate)
    ends = {"preference": (0, len(preference_text))}
    if candidate.title:
        ends["title"] = (len(prompt.text) - len(prompts.quoted(candidate.title)) + 1, len(prompt.text) - 1)
    found = backbone.attribute(prompt, list(ends.values()), method, stop)
    told = tuple(
        Word(prompt.text[w.start : w.end], "preference" if w.start < ends["preference"][1] else "title", w.weight)
        for w in found.words
    )
    return WordEvidence(told, None if found.change is None else found.change - sum(w.weight for w in told))
