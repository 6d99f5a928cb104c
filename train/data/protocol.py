"""Evaluation cases (arXiv 2408.09698, section 4.1): the last item of a test user's log against 20 sampled negatives.

Leakage rules: a history ends before its target (`train.data.splits`); statistics and negatives come from training users
alone and, where times are known, from before the target's time only (`train.data.negatives`). A case follows from
(seed, user) and the training log, so every system, and every run with more or fewer users, is asked the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from train.data import negatives
from train.data.dataset import Interactions
from train.data.logs import UserLog
from train.data.negatives import TEST_NEGATIVES, TooFewItems
from train.data.splits import Case, case_at


class System(Protocol):
    """What is compared."""

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
        return negatives.draw(case_at(log, len(log.items) - 1), train, kind, rng, count)
    except TooFewItems:
        return None


def _digest(*parts: object) -> int:
    return int.from_bytes(hashlib.sha256("/".join(map(str, parts)).encode()).digest()[:8])
