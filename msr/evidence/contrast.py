"""Why this and not that: the fewest units of the history whose removal swaps two candidates.

A counterfactual explanation of an order (Tan et al. 2021, "Counterfactual Explainable Recommendation", section 3, asks
for the smallest change that alters a recommendation); here the change is a removal, and it is measured.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from msr.batches import even_batches
from msr.evidence.probe import DIRECT, Probe
from msr.schema import Unit

EXACT = 3  # all sets up to this size are tried
_AT_ONCE = 16


@dataclass(frozen=True)
class Contrast:
    """`removed` swaps the two, None if not even greedy removal of all units did. `exact`: no smaller set does.

    `margin`: the upper candidate's logit minus the lower one's, in nats; `margin_without` the same without `removed`
    (without all units if nothing swaps them).
    """

    removed: tuple[Unit, ...] | None
    exact: bool
    margin: float
    margin_without: float


def contrast(probe: Probe, units: Sequence[Unit], reading: str) -> Contrast:
    """Searches all sets of one, two and three units, then goes on greedily from the best three.

    The probe has two candidates. Within a size, sets whose units alone narrow the margin most are tried first, and the
    search ends with the batch that swaps. Raises ValueError for another number of candidates, and StopRequested.
    """
    if len(probe.inputs.candidates) != 2:
        raise ValueError(f"a contrast is between two candidates, not {len(probe.inputs.candidates)}")
    ((first, second),) = probe.logits([frozenset()], DIRECT)
    margin, sign = abs(first - second), 1.0 if first >= second else -1.0

    def margins(sets: Iterable[tuple[Unit, ...]]) -> list[float]:
        return [sign * (one - other) for one, other in probe.logits([frozenset(some) for some in sets], reading)]

    alone = dict(zip(units, margins((unit,) for unit in units), strict=True))
    best: tuple[Unit, ...] = ()
    least = margin
    for size in range(1, min(EXACT, len(units)) + 1):
        sets = sorted(itertools.combinations(units, size), key=lambda some: sum(alone[unit] for unit in some))
        least = float("inf")
        for some in even_batches(sets, _AT_ONCE):
            left, found = min(zip(margins(some), some, strict=True), key=lambda pair: pair[0])
            if left < least:
                least, best = left, found
            if least < 0:
                return Contrast(best, True, margin, least)
    while len(best) < len(units):
        larger = [(*best, unit) for unit in units if unit not in best]
        least, best = min(zip(margins(larger), larger, strict=True), key=lambda pair: pair[0])
        if least < 0:
            return Contrast(best, False, margin, least)
    return Contrast(None, len(units) <= EXACT, margin, least)
