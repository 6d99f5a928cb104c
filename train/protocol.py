"""Evaluation cases (arXiv 2408.09698, section 4.1): a test user's last item against 20 sampled negatives.

Leakage rules: a history ends before its target; statistics and negatives come from training users alone and, where
times are known, from before the target's time only. A case follows from (seed, user) and the training log, so every
system, and every run with more or fewer users, is asked the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from train.dataset import Dataset
from train.interactions import Interactions
from train.logs import UserLog
from train.names import EVERY, POPULARITY
from train.splits import Case

NEGATIVES = 20


class System(Protocol):
    """What is compared."""

    name: str

    def scores(self, case: Case) -> np.ndarray:
        """(candidates,) in the order of `case.candidates`; higher for what the user is more likely to choose."""


@dataclass(frozen=True)
class Roles:
    """Who is trained on, who is tuned on (fusion, early stopping), and who is tested. Nobody is in two roles."""

    train: tuple[UserLog, ...]
    validation: tuple[UserLog, ...]
    test: tuple[UserLog, ...]


def roles(data: Dataset, eval_data: Dataset | None = None) -> Roles:
    """By the hash of the user's name; with `eval_data`, all of its users are the test users and nobody else is."""
    if eval_data is None:
        return Roles(*(tuple(u for u in data.users if u.split == name) for name in ("train", "validation", "test")))
    tested = {log.user for log in eval_data.users}
    known = [log for log in data.users if log.user not in tested]
    return Roles(
        train=tuple(log for log in known if log.split != "validation"),
        validation=tuple(log for log in known if log.split == "validation"),
        test=eval_data.users,
    )


def choose(logs: Sequence[UserLog], count: int, seed: int) -> list[UserLog]:
    """Up to `count` users who have a history and a target, in a random order that `seed` fixes.

    The first users of a larger choice are those of a smaller one.
    """
    able = [log for log in logs if len(log.items) >= 2]
    return sorted(able, key=lambda log: _digest(seed, log.user))[:count]


def case(log: UserLog, train: Interactions, kind: str, seed: int) -> Case | None:
    """The case of a user's last item, with negatives of a kind; None if there are too few of them.

    An earlier choice of the target itself is no part of the history.
    """
    *history, target = log.items
    columns = sample(log, train, kind, np.random.default_rng(_digest(seed, log.user, kind)))
    if len(columns) < (1 if kind == EVERY else NEGATIVES):
        return None
    negatives = tuple(train.items[n] for n in columns)
    return Case(log.user, tuple(i for i in history if i != target), target, negatives, log.time_of(-1))


def sample(log: UserLog, train: Interactions, kind: str, rng: np.random.Generator) -> np.ndarray:
    """Columns of up to NEGATIVES items that the user never touched: "uniform", or in proportion to "popularity".

    "all" gives every one of them. Where times are known, only items that training users chose before the target's
    time can be drawn: what came later, nobody could have passed over.
    """
    moment = log.time_of(-1)
    counts = train.counts(moment)
    weight = np.ones(len(counts)) if kind != POPULARITY and moment is None else counts.astype(float)
    weight[train.columns_of(log.items)] = 0
    able = np.flatnonzero(weight)
    if kind == EVERY or len(able) <= NEGATIVES:
        return able
    share = weight[able] / weight[able].sum() if kind == POPULARITY else None
    return rng.choice(able, NEGATIVES, replace=False, p=share)


def _digest(*parts: object) -> int:
    return int.from_bytes(hashlib.sha256("/".join(map(str, parts)).encode()).digest()[:8])
