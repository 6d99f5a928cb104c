"""Chance, so that a table shows where it lies."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from train.logs import UserLog
from train.splits import Case


class RandomOrder:
    """A number in [0, 1) that follows from user and item alone."""

    name = "random"

    def fit(self, train: Sequence[UserLog], items: Sequence[str], validation: Sequence[UserLog] = ()) -> RandomOrder:
        return self

    def scores(self, case: Case) -> np.ndarray:
        """(candidates,)"""
        digests = (hashlib.sha256(f"{case.user}/{item}".encode()).digest() for item in case.candidates)
        return np.array([int.from_bytes(digest[:6]) / 2**48 for digest in digests])
