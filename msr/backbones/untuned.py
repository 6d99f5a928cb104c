"""A backbone with its adapter set aside: what the base model answers alone, for comparison."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from msr.backbones.base import INTEGRATED, Attribution, Generation, Reading, Span
from msr.backbones.cached import CachedBackbone
from msr.certainty import Certainty
from msr.prompts import Prompt
from msr.schema import Picture, YesNo


class UntunedBackbone:
    """The adapter is off during each call and on between calls: whoever asks in between has the tuned model.

    A call ends in the thread in which it began, so a text that would stream comes whole.
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

    def stream(self, prompt: Prompt, max_new_tokens: int, stop: threading.Event | None = None) -> Iterator[str]:
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
