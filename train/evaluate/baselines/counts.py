"""Baselines that need no training: chance, popularity, recent popularity and item-kNN."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from scipy import sparse

from train.data.dataset import Interactions, UserLog
from train.data.splits import Case

HALF_LIFE = 30 * 24 * 3600.0  # seconds
SHRINK = 20.0
_BACK_OFF = 1e-9  # less than any similarity, so that popularity only orders equal candidates


class RandomOrder:
    """Random scores in [0, 1), which depend on user and item only."""

    name = "random"

    def fit(self, train: Sequence[UserLog], items: Sequence[str], validation: Sequence[UserLog] = ()) -> RandomOrder:
        return self

    def scores(self, case: Case) -> np.ndarray:
        """(candidates,)"""
        digests = (hashlib.sha256(f"{case.user}/{item}".encode()).digest() for item in case.candidates)
        return np.array([int.from_bytes(digest[:6]) / 2**48 for digest in digests])


class Popularity:
    """How often training users chose an item before the target's time."""

    name = "popularity"

    def fit(self, train: Sequence[UserLog], items: Sequence[str], validation: Sequence[UserLog] = ()) -> Popularity:
        self._log = Interactions(train, items)
        return self

    def scores(self, case: Case) -> np.ndarray:
        """(candidates,) numbers of interactions; 0 for an unknown item."""
        counts = self._log.counts(case.moment)
        column = self._log.column
        return np.array([counts[column[item]] if item in column else 0 for item in case.candidates], dtype=float)


class RecentPopularity:
    """How often training users chose an item lately: a count of interactions, weighted by their age.

    If times are known, the age is the time before the target, and the weight halves every 30 days. If not, the age is
    the number of later items in the same log, and the weight halves with each of them. On MicroLens this count alone
    has an AUC of 0.83, and popularity 0.76: without it beside a system, one cannot tell whether the system learned more
    than the date.
    """

    name = "recent-popularity"

    def fit(
        self, train: Sequence[UserLog], items: Sequence[str], validation: Sequence[UserLog] = ()
    ) -> RecentPopularity:
        self._log = Interactions(train, items)
        self._late = np.zeros(len(items))  # used if times are unknown
        for log in train:
            for following, item in enumerate(reversed(log.items)):
                if item in self._log.column:
                    self._late[self._log.column[item]] += 0.5**following
        return self

    def scores(self, case: Case) -> np.ndarray:
        """(candidates,) sums of weights in (0, 1]; 0 for an unknown item."""
        column = self._log.column
        weights: np.ndarray = self._late
        if case.moment is not None:
            end = np.searchsorted(self._log.times, case.moment, side="left")
            fresh = 0.5 ** ((case.moment - self._log.times[:end]) / HALF_LIFE)
            weights = np.bincount(self._log.columns[:end], fresh, minlength=len(self._late))
        return np.array([weights[column[item]] if item in column else 0.0 for item in case.candidates])


class ItemKnn:
    """Items that were chosen by the same users as the history (Deshpande and Karypis, ACM TOIS 2004).

    similarity(i, j) = users of both / sqrt((users of i + s) (users of j + s)), where s shrinks similarities that rest
    on few users. The score of a candidate is the sum over the history. Most of 20 random candidates share no user with
    the history; these are ordered by popularity, without which item-kNN on MicroLens would have an AUC of 0.67 and not
    0.80.
    """

    name = "item-knn"

    def fit(self, train: Sequence[UserLog], items: Sequence[str], validation: Sequence[UserLog] = ()) -> ItemKnn:
        log = Interactions(train, items)
        # A user counts once for an item, from the first interaction on; `log` is in time order.
        _, first = np.unique(log.users * len(log.items) + log.columns, return_index=True)
        shape = (len(train), len(log.items))
        # (U, I): the time since which a user has an item. A stored 0 is a time, so only `_chosen` may read the values.
        self._since = sparse.csc_array((log.times[first], (log.users[first], log.columns[first])), shape=shape)
        self._column = log.column
        return self

    def scores(self, case: Case) -> np.ndarray:
        """(candidates,)"""
        column = self._column
        history = self._chosen([column[item] for item in dict.fromkeys(case.history) if item in column], case.moment)
        known = np.array([item in column for item in case.candidates])
        asked = self._chosen([column[item] for item in case.candidates if item in column], case.moment)
        users = asked.sum(axis=0)
        # (U,): summed over the history first, so that no matrix of candidates by history is needed.
        near = history @ (history.sum(axis=0) + SHRINK) ** -0.5
        found = np.zeros(len(case.candidates))
        found[known] = (asked.T @ near) * (users + SHRINK) ** -0.5 + _BACK_OFF * users
        return found

    def _chosen(self, columns: Sequence[int], moment: float | None) -> sparse.csc_array:
        """(U, columns): 1 where a user chose the item before `moment`."""
        since = self._since[:, columns]
        before = np.ones(since.nnz) if moment is None else (since.data < moment).astype(float)
        return sparse.csc_array((before, since.indices, since.indptr), shape=since.shape)
