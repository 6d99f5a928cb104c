"""Where a run's time goes, stage by stage."""

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
    """Seconds on a monotonic clock. A stage's time is what the stage took, without what its consumer did between
    two events; `total` runs from first to last; `first_preference_word` from the stage's start to its first text."""

    def __init__(self, stop: threading.Event) -> None:
        self.stage = "describe"
        self._stop = stop
        self._began = time.monotonic()
        self._spent: dict[str, float] = {}
        self._first_word: float | None = None

    def timed(self, stage: str, work: Generator[E, None, R]) -> Generator[E, None, R]:
        """Passes events on and the result back; asks for no further event after a stop."""
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
        return self._spent | {"first_preference_word": self._first_word, "total": time.monotonic() - self._began}
