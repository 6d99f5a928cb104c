"""Backbones around a backbone: one that remembers answers, and one whose adapter is off.

Equal questions to an equal model are answered once, in this run or an earlier one.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from typing import Any

import numpy as np

from msr.backbones.protocol import (
    INTEGRATED,
    Attributes,
    Attribution,
    Backbone,
    BackboneError,
    Generation,
    Reading,
    Span,
)
from msr.certainty import Certainty
from msr.prompts import Prompt
from msr.schema import Picture, YesNo
from msr.storage import TextCache, content_key

_SHAPES_THE_ANSWER = ("name", "revision", "adapter_sha256", "dtype")


def model_key(identity: Mapping[str, Any]) -> dict[str, Any]:
    """The part of an identity that decides what the model answers, for cache keys and run ids.

    An adapter counts by its hash, and by its name where a server tells no hash.
    """
    key = {name: identity.get(name) for name in _SHAPES_THE_ANSWER}
    named = identity.get("adapter") if key["adapter_sha256"] is None else None
    return key | ({"adapter": named} if named else {})


class CachedBackbone:
    """`RecallingBackbone` that keeps texts and certainties in a `TextCache`; scores are always computed.

    The key is all that the model sees: the prompt's text, its pictures' digests, the token limit and the model that
    answers the calling thread. `generate` also knows text that was streamed; its confidence was not measured: NaN.
    """

    def __init__(self, backbone: Backbone, cache: TextCache) -> None:
        self._backbone = backbone
        self._cache = cache

    def identity(self) -> Mapping[str, Any]:
        return self._backbone.identity()

    def recall(self, prompt: Prompt, max_new_tokens: int) -> Generation | None:
        """The remembered answer, or None; never asks the model."""
        return self._recall(self._key(prompt, max_new_tokens))

    def generate(
        self, prompts: Sequence[Prompt], max_new_tokens: int, stop: threading.Event | None = None
    ) -> list[Generation]:
        """Answers in order; the distinct unknown prompts go to the model as one batch."""
        keys = [self._key(prompt, max_new_tokens) for prompt in prompts]
        answers = {key: answer for key in keys if (answer := self._recall(key)) is not None}
        unknown = {key: prompt for key, prompt in zip(keys, prompts, strict=True) if key not in answers}
        if unknown:
            new = self._backbone.generate(list(unknown.values()), max_new_tokens, stop)
            for key, answer in zip(unknown, new, strict=True):
                known = None if math.isnan(answer.confidence) else answer.confidence
                self._cache.put(key, {"text": answer.text, "confidence": known})
                answers[key] = answer
        return [answers[key] for key in keys]

    def stream(
        self, prompt: Prompt, max_new_tokens: int, stop: threading.Event | None = None
    ) -> Generator[str, None, None]:
        """The growing text; a remembered one comes whole, at once. Only a text that was read to its end is kept."""
        key = self._key(prompt, max_new_tokens)
        known = self._recall(key)
        if known is not None:
            yield known.text
            return
        text = ""
        with closing(self._backbone.stream(prompt, max_new_tokens, stop)) as growing:
            for text in growing:
                yield text
        self._cache.put(key, {"text": text, "confidence": None})

    def score(self, prompts: Sequence[Prompt], stop: threading.Event | None = None) -> list[YesNo]:
        return self._backbone.score(prompts, stop)

    def reading(self, prompts: Sequence[Prompt]) -> list[Reading]:
        return self._backbone.reading(prompts)

    def certainty(self, pictures: Sequence[Picture]) -> list[Certainty]:
        model = model_key(self.identity())
        keys = [content_key(kind="certainty", model=model, picture=p.digest) for p in pictures]
        known: dict[str, Any] = {key: self._cache.get(key) for key in keys}
        unknown = {key: picture for key, picture in zip(keys, pictures, strict=True) if known[key] is None}
        if unknown:
            new = self._backbone.certainty(list(unknown.values()))
            for key, value in zip(unknown, new, strict=True):
                known[key] = [None if math.isnan(chance) else chance for chance in (value.name, value.group)]
                self._cache.put(key, known[key])
        return [Certainty(*(math.nan if c is None else c for c in known[key])) for key in keys]

    def views(self, pictures: Sequence[Picture]) -> np.ndarray:
        return self._backbone.views(pictures)

    def attribute(
        self, prompt: Prompt, spans: Sequence[Span], method: str = INTEGRATED, stop: threading.Event | None = None
    ) -> Attribution:
        if not isinstance(self._backbone, Attributes):
            raise BackboneError("this model shows no gradients; choose one that runs in this process")
        return self._backbone.attribute(prompt, spans, method, stop)

    def adapter_off(self) -> AbstractContextManager[None]:
        return self._backbone.adapter_off()

    def _key(self, prompt: Prompt, max_new_tokens: int) -> str:
        return content_key(
            kind="answer",
            model=model_key(self.identity()),
            prompt=prompt.text,
            pictures=[picture.digest for picture in prompt.pictures],
            max_new_tokens=max_new_tokens,
        )

    def _recall(self, key: str) -> Generation | None:
        entry = self._cache.get(key)
        if entry is None:
            return None
        return Generation(entry["text"], math.nan if entry["confidence"] is None else entry["confidence"])


class UntunedBackbone:
    """`RecallingBackbone` of the base model alone: the adapter is off during each call, and on between calls.

    A call has to end in the thread in which it began, so `stream` yields the whole text at once.
    """

    def __init__(self, backbone: CachedBackbone) -> None:
        self._backbone = backbone

    def identity(self) -> Mapping[str, Any]:
        with self._backbone.adapter_off():
            return self._backbone.identity()

    def recall(self, prompt: Prompt, max_new_tokens: int) -> Generation | None:
        with self._backbone.adapter_off():
            return self._backbone.recall(prompt, max_new_tokens)

    def generate(
        self, prompts: Sequence[Prompt], max_new_tokens: int, stop: threading.Event | None = None
    ) -> list[Generation]:
        with self._backbone.adapter_off():
            return self._backbone.generate(prompts, max_new_tokens, stop)

    def stream(
        self, prompt: Prompt, max_new_tokens: int, stop: threading.Event | None = None
    ) -> Generator[str, None, None]:
        with self._backbone.adapter_off():
            *_, whole = ["", *self._backbone.stream(prompt, max_new_tokens, stop)]
        yield whole

    def score(self, prompts: Sequence[Prompt], stop: threading.Event | None = None) -> list[YesNo]:
        with self._backbone.adapter_off():
            return self._backbone.score(prompts, stop)

    def reading(self, prompts: Sequence[Prompt]) -> list[Reading]:
        return self._backbone.reading(prompts)

    def certainty(self, pictures: Sequence[Picture]) -> list[Certainty]:
        return self._backbone.certainty(pictures)

    def views(self, pictures: Sequence[Picture]) -> np.ndarray:
        return self._backbone.views(pictures)

    def attribute(
        self, prompt: Prompt, spans: Sequence[Span], method: str = INTEGRATED, stop: threading.Event | None = None
    ) -> Attribution:
        with self._backbone.adapter_off():
            return self._backbone.attribute(prompt, spans, method, stop)

    def adapter_off(self) -> AbstractContextManager[None]:
        return self._backbone.adapter_off()
