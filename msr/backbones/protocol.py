"""The protocol of a backbone: all that the rest of the program asks of a model; and the batches that it is asked in.

A new backbone implements `Backbone`; the pipeline wraps it into a `RecallingBackbone`. A model whose gradients can be
had implements `Attributes` too. The tests of the contract are in `tests/backbones/test_contract.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np

from msr.certainty import Certainty
from msr.prompts import Prompt
from msr.schema import Picture, YesNo

T = TypeVar("T")

_GPU_FACTOR = 16  # a GPU's batch size over a laptop's, for the pocket model


class BackboneError(RuntimeError):
    """A model cannot be loaded or used; the message says what was wrong, where, and what to do."""


def in_a_line(error: Exception) -> str:
    """A library's error message in one line, for a message of ours; its class name if it has no text."""
    return " ".join(str(error).split())[:300] or type(error).__name__


class StopRequested(Exception):
    """Raised by a backbone within one forward pass after `stop` was set."""


@dataclass(frozen=True)
class Generation:
    """A greedy answer and the geometric mean of its tokens' probabilities, in (0, 1]; NaN if that is not known."""

    text: str
    confidence: float


@dataclass(frozen=True)
class Reading:
    """A prompt as a model reads it: the text in its chat format, pictures as <image>, and its length in tokens."""

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
    """Weights of words in the order of the text.

    `change` is the logit minus that with the words blanked out, which integrated weights should sum to; None for a
    method without such a sum.
    """

    words: tuple[WordWeight, ...]
    change: float | None = None


class Backbone(Protocol):
    """A model that writes and scores.

    Every method is deterministic (greedy, no sampling), may be called by any thread, returns an empty list for an empty
    sequence (`views` needs a picture), and raises StopRequested soon after `stop` is set, or at once if it is set.
    """

    def identity(self) -> Mapping[str, Any]:
        """Describe what answers this thread, for reports and cache keys. Called often, so it must be cheap.

        Needed: name, revision, adapter, adapter_sha256, device, dtype and versions (of packages, by name). Equal name,
        revision, adapter_sha256 (adapter, if no hash is known) and dtype must mean equal answers. Inside `adapter_off`,
        adapter and adapter_sha256 are None. Optional: tower, a name of the vision tower; equal towers must have equal
        `views`.
        """

    def generate(
        self, prompts: Sequence[Prompt], max_new_tokens: int, stop: threading.Event | None = None
    ) -> list[Generation]:
        """Answer independent prompts as one batch, in order."""

    def stream(
        self, prompt: Prompt, max_new_tokens: int, stop: threading.Event | None = None
    ) -> Generator[str, None, None]:
        """Yield the growing answer, each time the whole text so far; the last one is what `generate` answers.

        Closing the generator ends the work.
        """

    def score(self, prompts: Sequence[Prompt], stop: threading.Event | None = None) -> list[YesNo]:
        """Yes and No logits at the answer position of each prompt; a shared prefix is computed once."""

    def reading(self, prompts: Sequence[Prompt]) -> list[Reading]:
        """Each prompt as `score` and `generate` read it."""

    def certainty(self, pictures: Sequence[Picture]) -> list[Certainty]:
        """How sure the model is of what each picture shows. A model that cannot tell answers `Certainty()`."""

    def views(self, pictures: Sequence[Picture]) -> np.ndarray:
        """The vision tower's features of each picture (at least one), (N, F) float32: alike pictures are near."""

    def adapter_off(self) -> AbstractContextManager[None]:
        """Let the base model answer this thread while entered; a thread may enter again.

        Other threads are still answered by the model with its adapter; they may have to wait.
        """


class RecallingBackbone(Backbone, Protocol):
    """A backbone that remembers its answers, which is what the stages work on. `CachedBackbone` makes one of any."""

    def recall(self, prompt: Prompt, max_new_tokens: int) -> Generation | None:
        """The remembered answer, or None; never asks the model."""


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


def at_once(identity: Mapping[str, Any], most: int) -> int:
    """Batch size for this backbone, given the laptop's batch size `most`.

    On a GPU a small batch leaves the processor idle, so the pocket model takes more there. How much of a GPU's memory a
    larger model needs is not known.
    """
    small = identity.get("name") == "pocket" and identity.get("device") == "cuda"
    return most * _GPU_FACTOR if small else most


def even_batches(work: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    """Consecutive batches of at most `most`, as few as possible; their sizes differ by at most one.

    A lonely last item would cost a model almost as much as a full batch.
    """
    count = -(-len(work) // most)
    for n in range(count):
        yield work[len(work) * n // count : len(work) * (n + 1) // count]
