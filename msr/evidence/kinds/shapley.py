"""Shapley values by sampling permutations (Castro et al. 2009, "Polynomial calculation of the Shapley value based on
sampling", section 3), with the standard error that the sample has."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

Player = TypeVar("Player")
Values = Callable[[Sequence[frozenset[Player]]], Iterable[Sequence[float]]]

MOST = 12  # players; beyond that, the error of an affordable sample says too little


@dataclass(frozen=True)
class Shapley:
    """Estimates after some permutations. `values[i][c]`: player i's share of what candidate c's logit gains from all
    players; `errors` are their standard errors, infinite after one permutation. For each candidate the values sum to
    the gain (efficiency)."""

    permutations: int
    values: tuple[tuple[float, ...], ...]
    errors: tuple[tuple[float, ...], ...]


def shapley(
    players: Sequence[Player], values: Values[Player], permutations: int = 32, seed: int = 0
) -> Iterator[Shapley]:
    """Yields the estimate after each permutation; the same seed gives the same permutations.

    `values` takes sets of players that are *gone* and gives one row, (candidates,), for each; no set is asked twice.
    A permutation lets the players go one by one, so each one's contribution is measured among what is still there.
    Raises ValueError for no player, more than MOST, or no permutation.
    """
    if not 1 <= len(players) <= MOST or permutations < 1:
        raise ValueError(f"{len(players)} players, {permutations} permutations; from 1 to {MOST} players, at least 1")
    rng = random.Random(seed)
    known: dict[frozenset[Player], Sequence[float]] = {}
    sums, squares = [], []
    for count in range(1, permutations + 1):
        order = rng.sample(range(len(players)), len(players))
        gone = [frozenset(players[n] for n in order[:size]) for size in range(len(players) + 1)]
        new = [some for some in gone if some not in known]
        known.update(zip(new, values(new), strict=True))
        if not sums:
            sums, squares = ([[0.0] * len(known[gone[0]]) for _ in players] for _ in range(2))
        for player, (before, after) in zip(order, itertools.pairwise(gone), strict=True):
            for c, (more, less) in enumerate(zip(known[before], known[after], strict=True)):
                sums[player][c] += more - less
                squares[player][c] += (more - less) ** 2
        yield _estimate(count, sums, squares)


def _estimate(count: int, sums: list[list[float]], squares: list[list[float]]) -> Shapley:
    means = tuple(tuple(total / count for total in row) for row in sums)
    errors = tuple(
        tuple(_error(count, mean, total) for mean, total in zip(row, totals, strict=True))
        for row, totals in zip(means, squares, strict=True)
    )
    return Shapley(count, means, errors)


def _error(count: int, mean: float, squares: float) -> float:
    """Standard error of a mean from the sum of squares."""
    if count == 1:
        return math.inf
    return math.sqrt(max(0.0, squares - count * mean**2) / (count - 1) / count)
