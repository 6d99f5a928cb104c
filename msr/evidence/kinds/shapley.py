"""Shapley values: what each item of the history adds on average, over all subsets of the other items.

The values are estimated by sampling permutations (Castro et al. 2009, "Polynomial calculation of the Shapley value
based on sampling", section 3), and each has the standard error of its sample.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from msr import untrusted
from msr.evidence.kind import FigureContext, Kind, Stage, Step, Subject, Unavailable, read_reading, read_unit
from msr.evidence.probe import REGENERATED
from msr.render.html import block_name, figure, sign, signed, text, thumb
from msr.schema import Unit

Player = TypeVar("Player")
Values = Callable[[Sequence[frozenset[Player]]], Iterable[Sequence[float]]]

MOST = 12  # players; beyond that, the error of a sample that is affordable is too large
ORDERS = 12  # sampled permutations
_SMALLEST_SCALE = 0.1  # nats of a full column
_MOST_ROWS = 2_000  # shares in a run.json


@dataclass(frozen=True)
class Share:
    """The Shapley value of one unit of the history, with its standard error; both in nats of the logit."""

    unit: Unit
    reading: str
    value: float
    error: float

    def to_json(self) -> dict[str, Any]:
        numbers = {"value": round(self.value, 6), "error": round(self.error, 6)}
        return self.unit.to_json() | {"reading": self.reading} | numbers


@dataclass(frozen=True)
class Shares:
    """The shares of one recommendation; estimates after `orders` sampled permutations."""

    rows: tuple[Share, ...] = ()
    orders: int = 0

    def to_json(self) -> dict[str, Any]:
        return {"shares": [row.to_json() for row in self.rows], "orders": self.orders}


@dataclass(frozen=True)
class Estimate:
    """Estimates after some permutations.

    `values[i][c]` is player i's share of what candidate c's logit gains from all players. `errors` are their standard
    errors, infinite after one permutation. For each candidate the values sum to the gain (efficiency).
    """

    permutations: int
    values: tuple[tuple[float, ...], ...]
    errors: tuple[tuple[float, ...], ...]


def shapley(
    players: Sequence[Player], values: Values[Player], permutations: int = 32, seed: int = 0
) -> Iterator[Estimate]:
    """Yield the estimate after each permutation; the same seed gives the same permutations.

    `values` takes sets of players that are *gone* and returns one row, (candidates,), for each; no set is asked twice.
    In a permutation the players go one by one, so each contribution is measured among the players that are left.
    Raises ValueError for no player, more than MOST, or no permutation.
    """
    if not 1 <= len(players) <= MOST or permutations < 1:
        raise ValueError(
            f"{len(players)} players and {permutations} permutations: there must be from 1 to {MOST} players, and at "
            "least 1 permutation"
        )
    rng = random.Random(seed)
    known: dict[frozenset[Player], Sequence[float]] = {}
    sums: list[list[float]] = []
    squares: list[list[float]] = []
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


def _estimate(count: int, sums: list[list[float]], squares: list[list[float]]) -> Estimate:
    means = tuple(tuple(total / count for total in row) for row in sums)
    errors = tuple(
        tuple(_error(count, mean, total) for mean, total in zip(row, totals, strict=True))
        for row, totals in zip(means, squares, strict=True)
    )
    return Estimate(count, means, errors)


def _error(count: int, mean: float, squares: float) -> float:
    """Standard error of a mean, from the sum of squares."""
    if count == 1:
        return math.inf
    return math.sqrt(max(0.0, squares - count * mean**2) / (count - 1) / count)


class Shapley(Kind[Shares]):
    """Shares of the history's items; of its blocks where there are more than MOST items."""

    name = "shares"
    title = "Fair shares of the history"
    empty = Shares()
    stages = (Stage("shares", "Sharing out the history", 4.0, slow=True),)

    def steps(self, stage: Stage, subject: Subject) -> int:
        return 0 if subject.known(self).orders >= ORDERS else ORDERS

    def measure(self, stage: Stage, subject: Subject) -> Iterator[Step[Shares]]:
        players, reading = subject.history_units(MOST), subject.readings[-1]
        if len(players) > MOST:
            raise Unavailable(f"Shapley values are sampled for up to {MOST} items or blocks; this history has more.")
        probe = subject.probe(subject.item)
        for found in shapley(players, lambda sets: list(probe.logits(sets, reading)), ORDERS):
            rows = tuple(
                Share(unit, reading, value, error)
                for unit, (value,), (error,) in zip(players, found.values, found.errors, strict=True)
            )
            # One order alone has no error.
            grown = {subject.item.id: Shares(rows, found.permutations)} if found.permutations > 1 else {}
            yield Step(found.permutations, grown)

    def read(self, stored: Mapping[str, Any]) -> Shares:
        rows = tuple(map(_read, untrusted.entries(stored.get("shares", []), _MOST_ROWS)))
        return Shares(rows, untrusted.count(stored.get("orders", 0)))

    def draw(self, record: Shares, context: FigureContext) -> str:
        if not record.rows:
            return ""
        scale = max([_SMALLEST_SCALE, *(abs(share.value) + share.error for share in record.rows)])
        columns = "".join(_column(share, scale, context) for share in record.rows)
        widest = max(share.error for share in record.rows)
        anew = record.rows[0].reading == REGENERATED
        said = (
            "Shapley values: what each adds on average, whatever else of the history is there, in nats, with "
            f"{'the preference written anew' if anew else 'the text left as it is'}. After {record.orders} sampled "
            f"orders the standard error is at most {widest:.2f} (the whiskers)."
        )
        return figure(self.name, self.title, f"<ol>{columns}</ol>", said)


def _read(row: Mapping[str, Any]) -> Share:
    return Share(read_unit(row), read_reading(row), untrusted.number(row["value"]), untrusted.number(row["error"]))


def _column(share: Share, scale: float, context: FigureContext) -> str:
    """One signed column with a whisker of one standard error to either side."""
    low, high = (50 + 50 * max(-1.0, min(1.0, (share.value + e) / scale)) for e in (-share.error, share.error))
    if share.unit.kind == "block":
        foot = f'<span class="share-name">{block_name(share.unit)}</span>'
    else:
        foot = thumb(context.items.get(share.unit.key), context.media, beside_name=True)
    spoken = f"{text(share.unit.text)}: {signed(share.value)}, plus or minus {share.error:.2f} nats"
    return (
        f'<li title="{spoken}"><span class="share-bar" aria-hidden="true">'
        f'<i class="{sign(share.value)}" style="--h:{50 * min(1.0, abs(share.value) / scale):.1f}%"></i>'
        f'<u style="bottom:{low:.1f}%;height:{high - low:.1f}%"></u></span>{foot}'
        f'<b class="number {sign(share.value)}" aria-hidden="true">{signed(share.value)}</b>'
        f'<span class="sr-only">{spoken}</span></li>'
    )


KIND = Shapley()
