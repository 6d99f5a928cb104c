"""Evaluation cases (arXiv 2408.09698, section 4.1): the last item of a user's log against 20 sampled negatives.

A history ends before its target (`train.data.splits`). A case follows from the seed, the user and the training log, so
every system is asked the same, and so is every run with more or fewer users.

Negatives are drawn here only, for training, evaluation and experiments. Which items can be drawn:
1. Not the target and not an item of the history; in training also nothing else of the user's log.
2. If the time of the target is known: only items that training users chose strictly before it. An item that did not
   exist yet, or that nobody had chosen, cannot have been passed over. If the time is unknown: the whole catalogue.
3. What a tested user chose after the target can be drawn like any other item. To leave it out would tell a model, by
   what is missing, what comes next.
Popularity counts the interactions of rule 2 only. "catalogue" ignores rule 2. It is lenient, because most of a
catalogue was never chosen by anybody, and any count knows that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from msr.schema import InputProblem
from train.data.dataset import Interactions, UserLog
from train.data.splits import Case, case_at
from train.names import CATALOGUE, EVERY, POPULARITY

TEST_NEGATIVES = 20  # as in the paper (arXiv 2408.09698, section 4.1)
HARD_POOL = 100  # uniform negatives that `hardest` chooses from


class System(Protocol):
    """A recommender that can be compared."""

    name: str

    def scores(self, case: Case) -> np.ndarray:
        """(candidates,) in the order of `case.candidates`; higher for what the user is more likely to choose."""


def choose(logs: Sequence[UserLog], count: int, seed: int, least: int = 1) -> list[UserLog]:
    """Up to `count` users who have `least` items before their target, in a random order that `seed` fixes.

    The first users of a larger choice are those of a smaller one.
    """
    able = [log for log in logs if len(log.items) > least]
    return sorted(able, key=lambda log: _digest(seed, log.user))[:count]


def case(log: UserLog, train: Interactions, kind: str, seed: int, count: int = TEST_NEGATIVES) -> Case | None:
    """The case of a log's last item, with negatives of a kind; None if there are too few of them."""
    rng = np.random.default_rng(_digest(seed, log.user, kind))
    try:
        return draw(case_at(log, len(log.items) - 1), train, kind, rng, count)
    except TooFewItems:
        return None


def _digest(*parts: object) -> int:
    return int.from_bytes(hashlib.sha256("/".join(map(str, parts)).encode()).digest()[:8])


class TooFewItems(InputProblem):
    """The pool of a case is smaller than the number of negatives."""


def draw(
    case: Case,
    train: Interactions,
    kind: str,
    rng: np.random.Generator,
    count: int = TEST_NEGATIVES,
    chosen: Iterable[str] = (),
) -> Case:
    """The case with `count` negatives, drawn from the items of `train`.

    kind: "uniform"; "popularity", drawn in proportion to it (usual since BERT4Rec, 2019); "catalogue", uniform over all
    items; or "all", every possible negative in order. "hard" negatives are drawn like uniform ones, for `hardest`.
    chosen: further items that cannot be negatives.

    Raises:
        TooFewItems: fewer than `count` items can be drawn.
    """
    weight = _weights(case, train, kind, chosen)
    able = np.flatnonzero(weight)
    least = 1 if kind == EVERY else count
    if len(able) < least:
        raise TooFewItems(f"user {case.user!r}: there are {len(able)} possible negatives, and {least} are needed.")
    if kind != EVERY and len(able) > count:
        share = weight[able] / weight[able].sum() if kind == POPULARITY else None
        able = rng.choice(able, count, replace=False, p=share)
    return replace(case, negatives=tuple(train.items[column] for column in able))


def hardest(case: Case, score: Callable[[Case], Sequence[float] | np.ndarray], count: int = TEST_NEGATIVES) -> Case:
    """The case with the `count` highest-scored of its negatives (dynamic sampling: Zhang et al., SIGIR 2013).

    `score` returns a score for each candidate, the target first; higher means more likely.
    """
    scores = np.asarray(score(case), dtype=float)[1:]
    best = np.argsort(-scores, kind="stable")[:count]
    return replace(case, negatives=tuple(case.negatives[place] for place in best))


def _weights(case: Case, train: Interactions, kind: str, chosen: Iterable[str]) -> np.ndarray:
    """(I,) weights that the chance of each item is proportional to; 0 for an item that cannot be drawn."""
    counts = train.counts(case.moment)
    whole = kind == CATALOGUE or (kind != POPULARITY and case.moment is None)
    weight = np.ones(len(counts)) if whole else counts.astype(float)
    weight[train.columns_of((case.target, *case.history, *chosen))] = 0
    return weight
