"""How often a name and a password may be tried."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable


class Attempts:
    """Failed logins of the last `window` seconds: at most `each` of one address and `most` of all together."""

    def __init__(
        self, each: int = 10, most: int = 100, window: float = 300.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._each = each
        self._most = most
        self._window = window
        self._clock = clock
        self._tried: deque[tuple[float, str]] = deque()

    def begin(self, address: str) -> float:
        """Seconds until this address may try again; 0 lets it try now, which counts as failed until `succeeded`."""
        now = self._clock()
        while self._tried and self._tried[0][0] <= now - self._window:
            self._tried.popleft()
        own = [when for when, tried in self._tried if tried == address]
        for times, limit in ((own, self._each), ([when for when, _ in self._tried], self._most)):
            if len(times) >= limit:
                return times[-limit] + self._window - now
        self._tried.append((now, address))
        return 0.0

    def succeeded(self, address: str) -> None:
        """The latest try of this address was right."""
        for attempt in reversed(self._tried):
            if attempt[1] == address:
                self._tried.remove(attempt)
                return
