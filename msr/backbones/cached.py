"""A backbone that remembers: equal questions to an equal model are answered once, in this run or an earlier one."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from typing import Any

import numpy as np

from msr.backbones.base import (
    INTEGRATED,
    Attributes,
    Attribution,
    Backbone,
    BackboneError,
    Generation,
    Reading,
    Span,
)
from msr.cache import TextCache, content_key
from msr.certainty import Certainty
from msr.prompts import Prompt
from msr.schema import Picture, YesNo

_SHAPES_THE_ANSWER = ("name", "revision", "adapter_sha256", "dtype")


def model_key(identity: Mapping[str, Any]) -> dict[str, Any]:
    """The part of an identity that decides what the model answers; an engine only where there is another than usual."""
    key = {name: identity.get(name) for name in _SHAPES_THE_ANSWER}
    return key | ({"engine": engine} if (engine := identity.get("engine")) else {})


class CachedBackbone:
    """`Backbone` with texts and certainties kept in a `TextCache`; scores are always computed.

    The key is all that the model sees: the prompt's text, its pictures' digests, the token limit and the model. Text
    that was streamed is known to `generate` too; its confidence was not measured and is NaN.
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
        answers = {key: self._recall(key) for key in keys}
        unknown = {key: prompt for key, prompt in zip(keys, prompts, strict=True) if answers[key] is None}
        if unknown:
            new = self._backbone.generate(list(unknown.values()), max_new_tokens, stop)
            for key, answer in zip(unknown, new, strict=True):
                known = None if math.isnan(answer.confidence) else answer.confidence
                self._cache.put(key, {"text": answer.text, "confidence": known})
                answers[key] = answer
        return [answers[key] for key in keys]

    def stream(self, prompt: Prompt, max_new_tokens: int, stop: threading.Event | None = None) -> Iterator[str]:
        """The growing text; a remembered one comes whole, at once. Only a text that was heard out is remembered."""
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
        known = {key: self._cache.get(key) for key in keys}
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
