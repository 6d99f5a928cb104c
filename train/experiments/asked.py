"""The model as a system of an experiment: how it reads histories can be varied, and what that costs is counted."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from msr.backbones.base import Backbone, Generation
from msr.backbones.cached import CachedBackbone
from msr.prompts import Prompt
from train.asking import Model, ScoreLog
from train.names import GENERATED
from train.preferences import Reading, Shelf, writer
from train.splits import Case


class Meter:
    """A backbone that writes everything anew and counts the `tokens` of its prompts and the `seconds` that it took."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone
        self.tokens = 0
        self.seconds = 0.0

    def generate(
        self, prompts: Sequence[Prompt], max_new_tokens: int, stop: threading.Event | None = None
    ) -> list[Generation]:
        self.tokens += sum(reading.tokens for reading in self._backbone.reading(prompts))
        started = time.perf_counter()
        answers = self._backbone.generate(prompts, max_new_tokens, stop)
        self.seconds += time.perf_counter() - started
        return answers


class Asked(Model):
    """`Model` with preferences in one `Reading`.

    `described` shows the history's items, `shelf` the candidates. Descriptions may come from a cache; preferences are
    written anew, so that what they cost is measured.
    """

    def __init__(
        self,
        name: str,
        backbone: Backbone,
        cached: CachedBackbone,
        shelf: Shelf,
        log: ScoreLog,
        reading: Reading,
        tuned: bool = True,
        described: Shelf | None = None,
    ) -> None:
        self._meter = Meter(backbone)
        write = writer(GENERATED, described or shelf, cached, reading, self._meter)
        super().__init__(name, cached, shelf, write, log, tuned, reading.history)
        self._costs: dict[str, dict[str, float]] = {}

    def prepare(self, cases: Sequence[Case]) -> None:
        """Writes the preferences of the cases' users in one batch; each has an equal share of what it costs."""
        new = [case.user for case in cases if case.user not in self.texts]
        tokens, seconds = self._meter.tokens, self._meter.seconds
        super().prepare(cases)
        for user in new:
            self._costs[user] = {
                "preference tokens": (self._meter.tokens - tokens) / len(new),
                "preference seconds": (self._meter.seconds - seconds) / len(new),
            }

    def costs(self, user: str) -> dict[str, float]:
        """{"preference tokens": read, "preference seconds"} of a user whose text was written."""
        return self._costs[user]
