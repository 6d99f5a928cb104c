"""Negatives of a case: uniform, popularity-matched or hard, and never anything that only the future knows.

The rule of the pool, for every kind:
1. Not the target, not an item of the history, and nothing else that the user has in the *training* logs.
2. Where the target's moment is known, only items that the training logs show strictly before it: what did not exist
   yet, or nobody had chosen yet, cannot have been passed over. Where it is not, the whole catalogue.
3. What the user chose after the target is not looked at. It may be drawn, as anything may that was there by then: to
   leave it out would tell a model, by what is missing, what comes next.
Popularity counts the interactions of rule 2 and nothing else.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from train.logs import UserLog
from train.splits import Case

TRAIN_NEGATIVES, TEST_NEGATIVES = 1, 20  # of each positive, as in the paper (arXiv 2408.09698)
HARD_POOL = 100


class TooFewItems(ValueError):
    """The pool of a case is smaller than the number of negatives."""


class Sampler:
    """Draws the negatives of a case; the same ones for the same seed, user and place in the log, in any order of calls.

    catalogue: all items that there are. train: the training logs (`Split.train`), of which the pools are made.
    """

    def __init__(self, catalogue: Iterable[str], train: Iterable[UserLog], seed: int = 0) -> None:
        self._items = sorted(set(catalogue))
        self._place = {item: place for place, item in enumerate(self._items)}
        self._seed = seed
        self._known: dict[str, set[str]] = defaultdict(set)
        events: list[int] = []
        times: list[int] = []
        for log in train:
            self._known[log.user].update(log.items)
            kept = [place for place, item in enumerate(log.items) if item in self._place]
            events += [self._place[log.items[place]] for place in kept]
            times += [log.times[place] for place in kept] if log.times else []
        if len(times) not in (0, len(events)):
            raise ValueError("some of the training logs have times and some have not")
        self._timed = bool(times)
        order = np.argsort(times, kind="stable") if times else slice(None)
        self._times = np.array(times, np.int64)[order]  # (N,) seconds, ascending
        self._events = np.array(events, np.int64)[order]  # (N,) places of the items
        self._all = self._counted(len(events))

    def counts(self, moment: int | None) -> np.ndarray:
        """(items,) interactions in the training logs strictly before `moment`, by item in sorted order; None: all."""
        if moment is None or not self._timed:
            return self._all
        return self._counted(int(np.searchsorted(self._times, moment, side="left")))

    def pool(self, case: Case) -> list[str]:
        """The items that may be negatives of a case, sorted."""
        return [self._items[place] for place in np.flatnonzero(self._open(case))]

    def uniform(self, case: Case, count: int = TEST_NEGATIVES) -> Case:
        """Every item of the pool is as likely. Raises TooFewItems."""
        return self._drawn(case, count, self._open(case).astype(float))

    def popular(self, case: Case, count: int = TEST_NEGATIVES, alpha: float = 1.0) -> Case:
        """Items drawn in proportion to popularity ** alpha; 1 is the standard of the field since BERT4Rec (2019).

        Items without an interaction are not drawn. Raises TooFewItems.
        """
        counts = self.counts(case.moment)
        return self._drawn(case, count, np.where(self._open(case) & (counts > 0), counts.astype(float) ** alpha, 0.0))

    def hard(
        self,
        case: Case,
        score: Callable[[Case, Sequence[str]], Sequence[float]],
        count: int = TRAIN_NEGATIVES,
        among: int = HARD_POOL,
    ) -> Case:
        """The highest-scored of `among` uniform ones, or of the pool if it is smaller (dynamic sampling, Zhang 2013).

        `score` gives each of the items a number, higher for what the model takes for more likely. Raises TooFewItems.
        """
        among = max(count, min(among, int(self._open(case).sum())))
        drawn = self.uniform(case, among).negatives
        scores = np.asarray(score(case, drawn), dtype=float)
        best = np.argsort(-scores, kind="stable")[:count]
        return replace(case, negatives=tuple(drawn[place] for place in best))

    def _counted(self, events: int) -> np.ndarray:
        return np.bincount(self._events[:events], minlength=len(self._items))

    def _open(self, case: Case) -> np.ndarray:
        """(items,) bool, True for the items of the pool."""
        timed = case.moment is not None and self._timed
        open_ = self.counts(case.moment) > 0 if timed else np.ones(len(self._items), bool)
        chosen = {case.target, *case.history, *self._known.get(case.user, ())}
        open_[[self._place[item] for item in chosen if item in self._place]] = False
        return open_

    def _drawn(self, case: Case, count: int, weights: np.ndarray) -> Case:
        """`count` items without replacement in proportion to `weights` (items,); by exponential keys (Efraimidis 2006).

        One random number for each item of the catalogue, whether it is in the pool or not: what happens after the
        moment of a case changes nothing in its draw.
        """
        digest = hashlib.sha256(f"{self._seed}/{case.user}/{len(case.history)}".encode()).digest()
        numbers = np.random.default_rng(int.from_bytes(digest[:8])).random(len(weights))
        open_ = np.flatnonzero(weights)
        if len(open_) < count:
            raise TooFewItems(f"user {case.user!r}: a pool of {len(open_)} items, and {count} negatives are wanted")
        keys = -np.log1p(-numbers[open_]) / weights[open_]
        return replace(case, negatives=tuple(self._items[place] for place in open_[np.argsort(keys)[:count]]))


def draw_all(cases: Iterable[Case], draw: Callable[[Case], Case]) -> tuple[list[Case], int]:
    """The cases with negatives, and how many were left out because their pools are too small for equal numbers."""
    drawn, left_out = [], 0
    for case in cases:
        try:
            drawn.append(draw(case))
        except TooFewItems:
            left_out += 1
    return drawn, left_out
