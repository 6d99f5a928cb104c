"""Limits of reading for one request: pixels, seconds, and whether the caller is still connected."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from msr.config import Limits
from msr.intake.text import IntakeError


class Spent(IntakeError):
    """The budget is spent; nothing more is read for this request."""


class Budget:
    """Counts decoded pixels and time. Without arguments it is unlimited, for files that the user of the program names.

    `gone` tells whether the caller has disconnected. Either all of the input is read, or nothing.
    """

    def __init__(
        self, pixels: float = math.inf, seconds: float = math.inf, gone: Callable[[], bool] = lambda: False
    ) -> None:
        self._pixels, self._left = pixels, pixels
        self._seconds, self._end = seconds, time.monotonic() + seconds
        self._gone = gone

    @classmethod
    def of(cls, limits: Limits, gone: Callable[[], bool] = lambda: False) -> Budget:
        """A budget for one request of a visitor."""
        return cls(limits.max_total_pixels, limits.max_seconds, gone)

    def spend(self, where: str, pixels: int = 0) -> None:
        """Count `pixels`; call it before each piece of work. Raises Spent."""
        self._left -= pixels
        if self._left < 0:
            raise Spent(
                f"{where}: all pictures together have too many pixels; at most {self._pixels / 1e6:g} million are read "
                "at a time. Bring fewer or smaller ones."
            )
        if time.monotonic() > self._end:
            raise Spent(
                f"{where}: reading took longer than {self._seconds:g} seconds and was ended. "
                "Bring fewer or smaller files."
            )
        if self._gone():
            raise Spent(f"{where}: the caller has disconnected.")
