"""Baselines that need no training: chance, popularity, recent popularity and item-kNN."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from scipy import sparse

from train.data.dataset import Interactions, UserLog
from train.data.splits import Case


class RandomOrder:
    """A number in [0, 1) that follows from user and item alone."""

    name = "random"

    def fit(self, train: Sequence[UserLog], items: Sequence[str], validation: Sequence[UserLog] = ()) -> RandomOrder:
        return self

    def scores(self, case: Case) -> np.ndarray:
        """(candidates,)"""
        digests = (hashlib.sha256(f"{case.user}/{item}".encode()).digest() for item in case.candidates)
        return np.array([int.from_bytes(digest[:6]) / 2**48 for digest in digests])


# ---- How often training users chose an item before the target's time.


class Popularity:
    name = "popularity"

    def fit(self, train: Sequence[UserLog], items: Sequence[str], validation: Sequence[UserLog] = ()) -> Popularity:
        self._log = Interactions(train, items)
        return self

    def scores(self, case: Case) -> np.ndarray:
        """(candidates,) interactions; an item nobody knows has none."""
        counts = self._log.counts(case.moment)
        column = self._log.column
        return np.array([counts[column[item]] if item in column else 0 for item in case.candidates], dtype=float)


# ---- How often training users chose an item lately: interactions weighted by their age.
#
# Where times are known, the age is the time before the target, and weight halves every 30 days. Where they are not,
# it is the number of items that follow in the same log, and weight halves with each: what training users chose last
# tells what is current. On MicroLens this one number has an AUC of 0.83 where popularity has 0.76, so a system that
# is not set beside it may have learned no more than the date.


HALF_LIFE = 30 * 24 * 3600.0  # seconds


class RecentPopularity:
    name = "recent-popularity"

    def fit(
        self, train: Sequence[UserLog], items: Sequence[str], validation: Sequence[UserLog] = ()
    ) -> RecentPopularity:
        self._log = Interactions(train, items)
        self._late = np.zeros(len(items))  # where times are not known
        for log in train:
            for following, item in enumerate(reversed(log.items)):
                if item in self._log.column:
                    self._late[self._log.column[item]] += 0.5**following
        return self

    def scores(self, case: Case) -> np.ndarray:
        """(candidates,) sums of weights in (0, 1]; an item nobody knows has 0."""
        column = self._log.column
        weights: np.ndarray = self._late
        if case.moment is not None:
            end = np.searchsorted(self._log.times, case.moment, side="left")
            fresh = 0.5 ** ((case.moment - self._log.times[:end]) / HALF_LIFE)
            weights = np.bincount(self._log.columns[:end], fresh, minlength=len(self._late))
        return np.array([weights[column[item]] if item in column else 0.0 for item in case.candidates])


# ---- Item-kNN: what was chosen by the same users as the history (Deshpande and Karypis, ACM TOIS 2004).
#
# similarity(i, j) = users of both / sqrt((users of i + s) (users of j + s)); s shrinks what few users say. A candidate
# has the sum over the history. Most of 20 random candidates never met the history: those are ordered by popularity,
# without which item-kNN on MicroLens would have an AUC of 0.67 and not 0.80.


SHRINK = 20.0
_BACK_OFF = 1e-9  # below every similarity: popularity only orders equals


class ItemKnn:
    name = "item-knn"

    def fit(self, train: Sequence[UserLog], items: Sequence[str], validation: Sequence[UserLog] = ()) -> ItemKnn:
        log = Interactions(train, items)
        # A user counts once for an item, from the first time on; `log` is in time order.
        _, first = np.unique(log.users * len(log.items) + log.columns, return_index=True)
        shape = (len(train), len(log.items))
        # (U, I): since when a user has an item; stored zeros stay, for only `_chosen` reads them.
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
        # Summed over the history first, (U,), so that no matrix of candidates by history is made.
        near = history @ (history.sum(axis=0) + SHRINK) ** -0.5
        found = np.zeros(len(case.candidates))
        found[known] = (asked.T @ near) * (users + SHRINK) ** -0.5 + _BACK_OFF * users
        return found

    def _chosen(self, columns: Sequence[int], moment: float | None) -> sparse.csc_array:
        """(U, columns): 1 where a user chose the item before `moment`."""
        since = self._since[:, columns]
        before = np.ones(since.nnz) if moment is None else (since.data < moment).astype(float)
        return sparse.csc_array((before, since.indices, since.indptr), shape=since.shape)
