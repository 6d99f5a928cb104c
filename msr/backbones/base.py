"""The protocol that every model answers: generate, stream, score, certainty, adapter on and off.

A model whose gradients can be had answers `Attributes` too.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from msr.certainty import Certainty
from msr.prompts import Prompt
from msr.schema import Picture, YesNo


class BackboneError(RuntimeError):
    """A model cannot be had or used; the message says what was wrong, where, and what to do."""


class StopRequested(Exception):
    """Raised by a backbone within one forward pass after `stop` was set."""


@dataclass(frozen=True)
class Generation:
    """A greedy answer and the geometric mean of its tokens' probabilities, in (0, 1]; NaN if not known."""

    text: str
    confidence: float


@dataclass(frozen=True)
class Reading:
    """What a model reads of a prompt: the text in its chat format, pictures as <image>, and its length in tokens."""

    text: str
    tokens: int


GRADIENT, INTEGRATED = METHODS = ("gradient x input", "integrated gradients")
Span = tuple[int, int]  # characters of a text, from the first to before the second


@dataclass(frozen=True)
class WordWeight:
    """What one word adds to the Yes-minus-No logit, in nats; `start` and `end` are characters of the prompt's text."""

    start: int
    end: int
    weight: float


@dataclass(frozen=True)
class Attribution:
    """Weights of words in the order of the text. `change`: the logit minus that with the words blanked out, which
    integrated weights should sum to; None for a method that promises no sum."""

    words: tuple[WordWeight, ...]
    change: float | None = None


class Backbone(Protocol):
    """Every method is deterministic (greedy, no sampling) and raises StopRequested soon after `stop` is set."""

    def identity(self) -> Mapping[str, Any]:
        """What answers, for reports and cache keys: name, revision, adapter, adapter_sha256, device, dtype, versions.

        Asked often, so cheap; inside `adapter_off` the adapter is None.
        """

    def generate(
        self, prompts: Sequence[Prompt], max_new_tokens: int, stop: threading.Event | None = None
    ) -> list[Generation]:
        """Answers independent prompts as one batch, in order."""

    def stream(self, prompt: Prompt, max_new_tokens: int, stop: threading.Event | None = None) -> Iterator[str]:
        """Yields the growing answer text, the whole of it so far each time."""

    def score(self, prompts: Sequence[Prompt], stop: threading.Event | None = None) -> list[YesNo]:
        """Yes and No logits at the answer position of each prompt; a shared prefix is computed once."""

    def reading(self, prompts: Sequence[Prompt]) -> list[Reading]:
        """What `score` and `generate` read of each prompt."""

    def certainty(self, pictures: Sequence[Picture]) -> list[Certainty]:
        """How far each picture is known."""

    def views(self, pictures: Sequence[Picture]) -> np.ndarray:
        """What the vision tower makes of each picture (at least one), (N, F) float32: alike pictures are near."""

    def adapter_off(self) -> AbstractContextManager[None]:
        """While entered, the base model answers alone."""


@runtime_checkable
class Attributes(Protocol):
    """What a backbone with gradients can do besides."""

    def attribute(
        self, prompt: Prompt, spans: Sequence[Span], method: str = INTEGRATED, stop: threading.Event | None = None
    ) -> Attribution:
        """What each word in `spans` of the prompt's text adds to the Yes-minus-No logit.

        Raises ValueError for a method that is not in METHODS, BackboneError where there are no gradients, and
        StopRequested.
        """
