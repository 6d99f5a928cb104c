"""Measure the time of a run, stage by stage."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from typing import TypeVar

from msr.backbones.protocol import StopRequested
from msr.events import PreferenceText

E = TypeVar("E")
R = TypeVar("R")


class StageClock:
    """Count the seconds of each stage on a monotonic clock.

    The time that the consumer spends between two events of a stage does not count. `stage` is the one that runs now.
    """

    def __init__(self, stop: threading.Event) -> None:
        self.stage = "describe"
        self._stop = stop
        self._began = time.monotonic()
        self._spent: dict[str, float] = {}
        self._first_word: float | None = None

    def timed(self, stage: str, work: Generator[E, None, R]) -> Generator[E, None, R]:
        """Pass on the events of a stage, and return its result. Raises StopRequested after a stop."""
        self.stage = stage
        try:
            while True:
                if self._stop.is_set():
                    raise StopRequested
                began = time.monotonic()
                try:
                    event = next(work)
                except StopIteration as end:
                    return end.value
                finally:
                    self._spent[stage] = self._spent.get(stage, 0.0) + time.monotonic() - began
                if self._first_word is None and isinstance(event, PreferenceText):
                    self._first_word = self._spent[stage]
                yield event
        finally:
            work.close()

    def timings(self) -> dict[str, float]:
        """Seconds by stage, "first_preference_word" since the start of its stage, "total" since this clock was made."""
        first = {} if self._first_word is None else {"first_preference_word": self._first_word}
        return self._spent | first | {"total": time.monotonic() - self._began}
