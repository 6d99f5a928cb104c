"""A deterministic model in a few lines, and small items to feed it; tests of the stages need no weights."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from PIL import Image, ImageColor, ImageStat

from msr.backbones.protocol import (
    INTEGRATED,
    METHODS,
    Attribution,
    Generation,
    Reading,
    Span,
    StopRequested,
    WordWeight,
)
from msr.backbones.transformers.worker import CallerLock
from msr.certainty import NOTHING, Certainty
from msr.prompts import CERTAIN, Prompt
from msr.schema import Item, Picture, YesNo

COLOURS = ("red", "blue", "green", "yellow", "purple", "white", "black")
NOUNS = ("mug", "shirt", "lamp", "chair", "bag")
PATTERNS = ("plain", "striped", "dotted", "checked")
CONFIDENCE = 0.8
KNOWN, UNKNOWN = Certainty(0.9, 0.95), Certainty(0.1, 0.2)
_SMALL_WORDS = frozenset(
    ("a", "an", "the", "user", "appears", "to", "have", "preference", "for", "and", "of", "is", "not", "known")
    + ("so", "far", "none", "seen", "unclear")
)


def picture(colour: str = "red", size: int = 24) -> Picture:
    """A plain square of a named colour."""
    return Picture.from_pixels(Image.new("RGB", (size, size), colour))


def noise(seed: int = 0, size: int = 24) -> Picture:
    """A square of noise, for pictures that a model should not recognise."""
    pixels = bytes((seed * 31 + i * i * 7 + i * 13) % 256 for i in range(size * size * 3))
    return Picture.from_pixels(Image.frombytes("RGB", (size, size), pixels))


def items(n: int, prefix: str = "h") -> tuple[Item, ...]:
    """A history: titles name a pattern and a noun, pictures show a colour; each three items share their noun."""
    return tuple(
        Item(f"{prefix}{i}", f"{PATTERNS[i % 4]} {NOUNS[i // 3 % 5]}", picture(COLOURS[i % 7])) for i in range(n)
    )


def catalogue(n: int) -> tuple[Item, ...]:
    """Candidates with titles of their own ("edition 0", "edition 1", ...), so none equals a history item."""
    return tuple(
        Item(f"c{i:03d}", f"{PATTERNS[i % 4]} {NOUNS[i // 2 % 5]} edition {i}", picture(COLOURS[i % 7]))
        for i in range(n)
    )


def colour_of(shown: Picture) -> str:
    """The name in COLOURS nearest to the picture's mean colour."""
    mean = ImageStat.Stat(shown.open()).mean

    def distance(name: str) -> float:
        return sum((a - b) ** 2 for a, b in zip(mean, ImageColor.getrgb(name), strict=True))

    return min(COLOURS, key=distance)


def words(text: str) -> list[str]:
    """Content words in lower case, in order."""
    return [w for w in re.findall(r"[a-z0-9]+", text.lower()) if w not in _SMALL_WORDS]


class FakeBackbone:
    """Answers from the words of a prompt and the mean colour of its picture.

    `delay` is seconds per answered word (per batch) or scored prompt; pictures whose digest is in `unknown` are
    UNKNOWN to it, all others KNOWN. `calls` counts calls by method, `prompts` keeps what each method was asked, and
    `streaming` counts streams that are open. As with a real model, a thread inside `adapter_off` keeps others waiting.
    """

    def __init__(self, delay: float = 0.0, unknown: Collection[str] = (), adapter: str = "fake-adapter") -> None:
        self.delay = delay
        self.unknown = frozenset(unknown)
        self.adapter = adapter
        self._lock = CallerLock()
        self._off = False
        self.streaming = 0
        self.calls: Counter[str] = Counter()
        self.prompts: dict[str, list[Prompt]] = {"generate": [], "stream": [], "score": [], "attribute": []}

    @property
    def adapted(self) -> bool:
        """Does the adapter answer this thread?"""
        return not (self._off and self._lock.mine)

    def identity(self) -> Mapping[str, Any]:
        return {
            "name": "fake",
            "revision": "1",
            "adapter": self.adapter if self.adapted else None,
            "adapter_sha256": f"sha-of-{self.adapter}" if self.adapted else None,
            "device": "cpu",
            "dtype": "float32",
            "versions": {},
        }

    def generate(
        self, prompts: Sequence[Prompt], max_new_tokens: int, stop: threading.Event | None = None
    ) -> list[Generation]:
        with self._lock:
            self._called("generate", prompts)
            answers = [self._answer(p).split()[:max_new_tokens] for p in prompts]
            for _ in range(max(map(len, answers), default=0)):
                self._step(stop)
            return [Generation(" ".join(a), CONFIDENCE) for a in answers]

    def stream(
        self, prompt: Prompt, max_new_tokens: int, stop: threading.Event | None = None
    ) -> Generator[str, None, None]:
        with self._lock:  # the answer is known; a slow reader keeps nobody waiting
            self._called("stream", [prompt])
            answer = self._answer(prompt).split()[:max_new_tokens]
        self.streaming += 1
        try:
            for n in range(1, len(answer) + 1):
                self._step(stop)
                yield " ".join(answer[:n])
        finally:
            self.streaming -= 1

    def score(self, prompts: Sequence[Prompt], stop: threading.Event | None = None) -> list[YesNo]:
        """Yes logit = half the times that the candidate's words (title and colour) occur before it, minus 2."""
        with self._lock:
            self._called("score", prompts)
            answers = []
            for prompt in prompts:
                self._step(stop)
                *context, _question, candidate = prompt.text.splitlines()
                known = Counter(words("\n".join(context)))
                asked = set(words(candidate.replace("<image>", "")))
                asked.update(colour_of(p) for p in prompt.pictures)
                answers.append(YesNo(0.5 * sum(known[w] for w in asked) - 2.0 if self.adapted else 0.0, 0.0))
            return answers

    def reading(self, prompts: Sequence[Prompt]) -> list[Reading]:
        """The chat format is "User: ...", a token is a word."""
        texts = [f"User: {prompt.text}\nAssistant:" for prompt in prompts]
        return [Reading(text, len(text.split())) for text in texts]

    def certainty(self, pictures: Sequence[Picture]) -> list[Certainty]:
        self.calls["certainty"] += 1
        return [UNKNOWN if p.digest in self.unknown else KNOWN for p in pictures]

    def views(self, pictures: Sequence[Picture]) -> np.ndarray:
        """The mean colour."""
        self.calls["views"] += 1
        return np.array([ImageStat.Stat(p.open()).mean for p in pictures], dtype=np.float32) / 255

    @contextmanager
    def adapter_off(self) -> Iterator[None]:
        with self._lock:
            if self._off:  # this thread is inside already
                yield
                return
            self._off = True
            try:
                yield
            finally:
                self._off = False

    def _called(self, method: str, prompts: Sequence[Prompt]) -> None:
        self.calls[method] += 1
        self.prompts[method].extend(prompts)

    def _step(self, stop: threading.Event | None) -> None:
        if stop is not None and stop.is_set():
            raise StopRequested
        if self.delay:
            time.sleep(self.delay)

    def _answer(self, prompt: Prompt) -> str:
        lines = prompt.text.splitlines()
        if lines[-1] == "Describe the item in one sentence.":
            title = re.search(r'^Title: "(.*)"$', prompt.text, re.MULTILINE)
            name = " ".join(words(title.group(1))) if title else "item"
            if CERTAIN[NOTHING] in lines:
                return f"An unclear picture of {name}."
            return f"A {colour_of(prompt.pictures[0]) if prompt.pictures else 'not seen'} {name}."
        if lines[-1] == "Rewrite the preference.":
            return self._preference(lines)
        if lines[-1].endswith("Explain it in one sentence."):
            wanted = set(words(lines[0]))
            shared = sorted(wanted & set(words(lines[1].removeprefix("Candidate: "))))
            verb = "fits" if "Decision: Yes" in lines[-1] else "does not fit"
            return f"It {verb} the preference through {', '.join(shared) or 'nothing'}."
        raise AssertionError(f"an unknown prompt: {prompt.text!r}")

    @staticmethod
    def _preference(lines: list[str]) -> str:
        """Words that the block repeats (all of them if none repeats) before those of the previous preference."""
        counts = Counter(w for line in lines[2:-1] for w in set(words(line)))
        new = sorted(w for w, n in counts.items() if n > 1) or sorted(counts)
        old = [w for w in words(lines[0].removeprefix("Preference so far:")) if w not in new]
        return f"The user appears to have a preference for {' and '.join((new + old)[:8])}."


class OpenBackbone(FakeBackbone):
    """A fake with gradients, whose score also rises with two nats times the mean saturation of a picture."""

    def score(self, prompts: Sequence[Prompt], stop: threading.Event | None = None) -> list[YesNo]:
        with self._lock:
            answers = super().score(prompts, stop)
            tints = [sum(map(_saturation, prompt.pictures)) if self.adapted else 0.0 for prompt in prompts]
        return [YesNo(answer.yes + 2 * tint, answer.no) for answer, tint in zip(answers, tints, strict=True)]

    def attribute(
        self, prompt: Prompt, spans: Sequence[Span], method: str = INTEGRATED, stop: threading.Event | None = None
    ) -> Attribution:
        """Half a nat for each time that a word stands in the other part of the prompt too; a little against others."""
        if method not in METHODS:
            raise ValueError(f"method {method!r}; there are {', '.join(METHODS)}")
        with self._lock:
            self._called("attribute", [prompt])
            self._step(stop)
        context, candidate = prompt.text.rsplit("\n", 1)
        found = [m.span() for start, end in spans for m in re.compile(r"\S+").finditer(prompt.text, start, end)]
        weights = []
        for start, end in found:
            other = candidate if start < len(context) else context
            shared = sum(words(other).count(word) for word in words(prompt.text[start:end]))
            weights.append(WordWeight(start, end, 0.5 * shared if shared else -0.05 * (end - start)))
        return Attribution(tuple(weights))


def _saturation(shown: Picture) -> float:
    return ImageStat.Stat(shown.open().convert("HSV")).mean[1] / 255
