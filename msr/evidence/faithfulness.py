"""Measure whether the score depends on the units that an explanation points to.

The figures are those of ERASER (DeYoung et al. 2020, section 4). Comprehensiveness is how much the score falls without
the first k units of an order; high is faithful. Sufficiency is how much it falls if only these units are left; low is
faithful. An order that was found by leaving out one unit at a time has the largest comprehensiveness at k = 1 by
construction, if both are measured in the same reading. For such an order only the other figures are evidence.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

U = TypeVar("U", bound=Hashable)
Value = Callable[[Sequence[frozenset[U]]], Iterable[float]]  # sets of units that are gone -> scores

SIZES = (1, 2, 3)


@dataclass(frozen=True)
class Faithfulness:
    """The figures of one order of units.

    Both mappings hold the fall of the score by k. The areas under these curves, from k = 0 on, are divided by the
    largest k, so they are mean falls of the score.
    """

    comprehensiveness: Mapping[int, float]
    sufficiency: Mapping[int, float]
    comprehensiveness_area: float
    sufficiency_area: float

    def figures(self) -> dict[str, float]:
        """All figures by name: "comprehensiveness@1", ..., "comprehensiveness area", and the same for sufficiency."""
        pairs = (("comprehensiveness", self.comprehensiveness), ("sufficiency", self.sufficiency))
        areas = {
            "comprehensiveness area": self.comprehensiveness_area,
            "sufficiency area": self.sufficiency_area,
        }
        return {f"{name}@{k}": value for name, curve in pairs for k, value in curve.items()} | areas


def by_effect(units: Sequence[U], effects: Mapping[U, float]) -> list[U]:
    """Sort the most helpful units first, equal ones in the given order; a unit without an effect counts as 0."""
    return sorted(units, key=lambda unit: -effects.get(unit, 0.0))


def at_random(units: Sequence[U], seed: int) -> list[U]:
    """Shuffle the units; the same seed gives the same order."""
    return random.Random(seed).sample(list(units), len(units))


def named_first(units: Sequence[U], named: Mapping[U, int], seed: int) -> list[U]:
    """Sort the units that an explanation names most often first; equal ones stand as `at_random` puts them."""
    return sorted(at_random(units, seed), key=lambda unit: -named.get(unit, 0))


def asked(units: Sequence[U], orders: Iterable[Sequence[U]], sizes: Sequence[int] = SIZES) -> list[frozenset[U]]:
    """The sets of units whose value `faithfulness` needs, each one once."""
    everything = frozenset(units)
    firsts = [frozenset(order[:k]) for order in orders for k in sizes]
    return list(dict.fromkeys([frozenset(), everything, *(s for f in firsts for s in (f, everything - f))]))


def faithfulness(
    units: Sequence[U], orders: Mapping[str, Sequence[U]], value: Value[U], sizes: Sequence[int] = SIZES
) -> dict[str, Faithfulness]:
    """Measure each order, by name, with one call of `value`; a size larger than the number of units means all of them.

    Raises ValueError if there are no units.
    """
    if not units:
        raise ValueError("no units to take away")
    everything = frozenset(units)
    firsts = {name: [frozenset(order[:k]) for k in sizes] for name, order in orders.items()}
    sets = asked(units, orders.values(), sizes)
    scores = dict(zip(sets, value(sets), strict=True))
    full = scores[frozenset()]
    found = {}
    for name, some in firsts.items():
        without = {k: full - scores[first] for k, first in zip(sizes, some, strict=True)}
        alone = {k: full - scores[everything - first] for k, first in zip(sizes, some, strict=True)}
        areas = (_area({0: 0.0} | without), _area({0: full - scores[everything]} | alone))
        found[name] = Faithfulness(without, alone, *areas)
    return found


def _area(curve: Mapping[int, float]) -> float:
    """The area under straight lines between the points, divided by the width of the curve."""
    points = sorted(curve.items())
    whole = sum((b - a) * (left + right) / 2 for (a, left), (b, right) in itertools.pairwise(points))
    return whole / (points[-1][0] - points[0][0])
