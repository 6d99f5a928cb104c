"""Why this and not that: the fewest units of the history whose removal swaps two candidates.

A counterfactual explanation of an order (Tan et al. 2021, "Counterfactual Explainable Recommendation", section 3, asks
for the smallest change that alters a recommendation); here the change is a removal, and it is measured.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Generator, Sequence

from msr.backbones.protocol import even_batches
from msr.evidence.probe import DIRECT, Probe
from msr.schema import Contrast, Unit

EXACT = 3  # all sets up to this size are tried
_AT_ONCE = 16

Set = tuple[Unit, ...]


def contrast(probe: Probe, units: Sequence[Unit], reading: str) -> Generator[int, None, Contrast]:
    """Searches all sets of one, two and three units, then goes on greedily from the best three.

    The probe has two candidates, the second of which is `other`. Within a size, sets whose units alone narrow the
    margin most are tried first, and the search ends with the batch that swaps. Yields how many sets were tried so
    far. Raises ValueError for another number of candidates, and StopRequested.
    """
    if len(probe.inputs.candidates) != 2:
        raise ValueError(f"a contrast is between two candidates, not {len(probe.inputs.candidates)}")
    ((first, second),) = probe.logits([frozenset()], DIRECT)
    margin, sign = abs(first - second), 1.0 if first >= second else -1.0
    tried = 0

    def least(sets: Sequence[Set]) -> Generator[int, None, tuple[float, Set]]:
        """The narrowest margin of some sets and the set that leaves it, as soon as one swaps."""
        nonlocal tried
        best = (math.inf, ())
        for some in even_batches(sets, _AT_ONCE):
            answers = probe.logits([frozenset(one) for one in some], reading)
            for one, (upper, lower) in zip(some, answers, strict=True):
                left[one] = sign * (upper - lower)
                best = min(best, (left[one], one), key=lambda pair: pair[0])
            tried += len(some)
            yield tried
            if best[0] < 0:
                break
        return best

    def found(removed: Set | None, exact: bool, without: float) -> Contrast:
        return Contrast(probe.inputs.candidates[1].id, reading, removed, exact, margin, without)

    left: dict[Set, float] = {}
    without, best = margin, ()
    for size in range(1, min(EXACT, len(units)) + 1):
        sets = list(itertools.combinations(units, size))
        if size > 1:
            sets.sort(key=lambda some: sum(left[unit,] for unit in some))
        without, best = yield from least(sets)
        if without < 0:
            return found(best, True, without)
    while len(best) < len(units):
        without, best = yield from least([(*best, unit) for unit in units if unit not in best])
        if without < 0:
            return found(best, False, without)
    return found(None, len(units) <= EXACT, without)


def most(units: int) -> int:
    """How many sets of so many units a search tries before it goes on greedily."""
    return sum(math.comb(units, size) for size in range(1, EXACT + 1))
