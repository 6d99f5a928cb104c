"""How far a job is, on a terminal or in a log."""

from __future__ import annotations

import shutil
import time
from typing import TextIO

_PAUSE = 2.0  # seconds between two lines of a log


class Progress:
    """Call it with a message and a fraction in [0, 1].

    A terminal shows one line that is written over; anything else gets a line now and then and one at the end of
    each stage (fraction 1). A quiet one writes nothing.
    """

    def __init__(self, stream: TextIO, quiet: bool = False) -> None:
        self._stream = stream
        self._quiet = quiet
        self._terminal = stream.isatty()
        self._last = ("", -_PAUSE)  # the line and when it was written

    def __call__(self, message: str, fraction: float) -> None:
        line = f"{message} {min(max(fraction, 0.0), 1.0):.0%}"
        said, when = self._last
        now = time.monotonic()
        if self._quiet or line == said or not (self._terminal or fraction >= 1 or now - when >= _PAUSE):
            return
        self._last = (line, now)
        if self._terminal:
            self._stream.write(f"\r\033[K{line[: shutil.get_terminal_size().columns - 1]}")
        else:
            self._stream.write(f"{line}\n")
        self._stream.flush()

    def clear(self) -> None:
        """Makes room for another line on a terminal."""
        if self._terminal and not self._quiet:
            self._stream.write("\r\033[K")
            self._stream.flush()
