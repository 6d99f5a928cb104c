"""Negatives of a case: the one place where they are drawn, for training, evaluation and experiments.

The rule of the pool:
1. Not the target, not an item of the history; in training nothing else of the user's log either.
2. Where the target's moment is known, only items that training users chose strictly before it: what did not exist
   yet, or nobody had chosen yet, cannot have been passed over. Where it is not, the whole catalogue.
3. What a tested user chose after the target is not looked at. It may be drawn, as anything may that was there by then:
   to leave it out would tell a model, by what is missing, what comes next.
Popularity counts the interactions of rule 2 and nothing else. "catalogue" does without rule 2, which is lenient:
most of a catalogue was never chosen by anybody, and any count knows that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from msr.schema import InputProblem
from train.data.dataset import Interactions
from train.data.splits import Case
from train.names import CATALOGUE, EVERY, POPULARITY

TEST_NEGATIVES = 20  # as in the paper (arXiv 2408.09698, section 4.1)
HARD_POOL = 100  # uniform ones, of which `hardest` keeps the highest-scored


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
    """The case with `count` negatives out of the items of `train`.

    kind: "uniform", in proportion to "popularity" (the standard of the field since BERT4Rec, 2019), uniform over the
    whole "catalogue", or "all" of the pool, in order; "hard" ones begin as uniform ones (`hardest`).
    chosen: other items that cannot be negatives.

    Raises:
        TooFewItems
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

    `score` gives every candidate a number, the target first, higher for what a model takes for more likely.
    """
    scores = np.asarray(score(case), dtype=float)[1:]
    best = np.argsort(-scores, kind="stable")[:count]
    return replace(case, negatives=tuple(case.negatives[place] for place in best))


def _weights(case: Case, train: Interactions, kind: str, chosen: Iterable[str]) -> np.ndarray:
    """(I,) what each item's chance is in proportion to; 0 for what is not in the pool."""
    counts = train.counts(case.moment)
    whole = kind == CATALOGUE or (kind != POPULARITY and case.moment is None)
    weight = np.ones(len(counts)) if whole else counts.astype(float)
    weight[train.columns_of((case.target, *case.history, *chosen))] = 0
    return weight
