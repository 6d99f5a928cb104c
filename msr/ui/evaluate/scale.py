"""The scale of a plot: round ticks that hold all values."""

from __future__ import annotations

import math
from dataclasses import dataclass

_MOST = 5  # steps; more labels than that do not fit on a phone
_LEAST = 0.01  # from end to end: less would magnify noise
_SLACK = 1e-9  # steps: 0.1 + 0.2 lies on 0.3


@dataclass(frozen=True)
class Scale:
    """`ticks` are evenly spaced, two at least; `decimals` tell them apart."""

    ticks: tuple[float, ...]
    decimals: int

    @classmethod
    def over(cls, low: float, high: float) -> Scale:
        """The finest scale of few steps of 1, 2 or 5 times a power of ten that holds both."""
        high = max(high, low + _LEAST)
        power = math.floor(math.log10(high - low)) - 1
        while True:
            for step in (digit * 10.0**power for digit in (1, 2, 5)):
                first, last = math.floor(low / step + _SLACK), math.ceil(high / step - _SLACK)
                if last - first <= _MOST:
                    return cls(tuple(n * step for n in range(first, last + 1)), max(0, -power))
            power += 1

    def at(self, value: float, left: bool = True) -> str:
        """Where a value lies, as a share of the width from the left end, or from the right."""
        share = (value - self.ticks[0]) / (self.ticks[-1] - self.ticks[0])
        return f"{100 * (share if left else 1 - share):.2f}%"
