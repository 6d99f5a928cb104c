"""Word attribution: which words of the preference and of a candidate's title push its logit.

A word's weight is its gradient times its input (Shrikumar et al. 2016, arXiv 1605.01713), so it needs a local model.
It is a first-order estimate of what the word adds, not a removal.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from msr import prompts, untrusted
from msr.backbones.protocol import GRADIENT, Attributes, BackboneError
from msr.evidence.kind import FigureContext, Kind, Stage, Step, Subject, Unavailable
from msr.render.html import figure, scale_legend, sign, signed, text
from msr.schema import Item

_PARTS = {"preference": "The preference text", "title": "The candidate's title"}
_DEEPEST = 42  # percent of colour behind the strongest word, at which it can still be read easily
_MOST = 2_000  # words in a run.json


@dataclass(frozen=True)
class Word:
    """`part` is "preference" or "title"; `weight` is in nats of the Yes-minus-No logit, positive for Yes."""

    text: str
    part: str
    weight: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"weight": round(self.weight, 6)}


@dataclass(frozen=True)
class WordWeights:
    """The weights for one recommendation, in the order of its prompt."""

    words: tuple[Word, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {"words": [word.to_json() for word in self.words]}


def word_weights(
    backbone: Attributes,
    preference_text: str,
    recent: Sequence[str],
    candidate: Item,
    method: str = GRADIENT,
    stop: threading.Event | None = None,
) -> WordWeights:
    """Weigh the words about one candidate. `recent` are the history's titles, oldest first.

    Raises BackboneError for a model without gradients, ValueError for an unknown method, and StopRequested.
    """
    prompt = prompts.recommend(preference_text, recent, candidate)
    spans = {"preference": (0, len(preference_text))}
    if candidate.title:
        spans["title"] = (len(prompt.text) - len(prompts.quoted(candidate.title)) + 1, len(prompt.text) - 1)
    found = backbone.attribute(prompt, list(spans.values()), method, stop)
    return WordWeights(
        tuple(
            Word(prompt.text[w.start : w.end], "preference" if w.start < spans["preference"][1] else "title", w.weight)
            for w in found.words
        )
    )


class Attribution(Kind[WordWeights]):
    name = "words"
    title = "Which words it read"
    empty = WordWeights()
    stages = (Stage("words", "Weighing words", 3.0),)

    def steps(self, stage: Stage, subject: Subject) -> int:
        return 0 if subject.known(self).words else 1

    def measure(self, stage: Stage, subject: Subject) -> Iterator[Step[WordWeights]]:
        preference_text = subject.inputs.preference
        try:
            found = word_weights(
                subject.backbone, preference_text, subject.titles, subject.item, GRADIENT, subject.stop
            )
        except BackboneError as error:
            raise Unavailable(f"Word weights are not available: {error}.") from error
        yield Step(1, {subject.item.id: found})

    def read(self, stored: Mapping[str, Any]) -> WordWeights:
        return WordWeights(tuple(map(_read, untrusted.entries(stored.get("words", []), _MOST))))

    def draw(self, record: WordWeights, context: FigureContext) -> str:
        if not record.words:
            return ""
        strongest = max(abs(word.weight) for word in record.words) or 1.0
        body = "".join(
            f"<section><h5>{name}</h5><p>{' '.join(_shaded(word, strongest) for word in part)}</p></section>"
            for key, name in _PARTS.items()
            if (part := [word for word in record.words if word.part == key])
        )
        most = sorted(record.words, key=lambda word: -abs(word.weight))[:3]
        listed = ", ".join(f"“{text(word.text)}” {signed(word.weight)}" for word in most)
        said = (
            "Gradient times input of each word, in nats of the Yes-minus-No logit: a first-order estimate, not a "
            f"removal. Strongest: {listed}."
        )
        return figure(self.name, self.title, f"{scale_legend(strongest)}{body}", said)


def _read(row: Mapping[str, Any]) -> Word:
    return Word(
        untrusted.text(row["text"]), untrusted.one_of(row["part"], tuple(_PARTS)), untrusted.number(row["weight"])
    )


def _shaded(word: Word, strongest: float) -> str:
    depth = _DEEPEST * abs(word.weight) / strongest
    return f'<span class="word {sign(word.weight)}" style="--d:{depth:.1f}%">{text(word.text)}</span>'


KIND = Attribution()
