"""How often training users chose an item before the target's time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from train.interactions import Interactions
from train.logs import UserLog
from train.splits import Case


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
