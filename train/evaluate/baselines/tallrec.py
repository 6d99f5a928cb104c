"""TALLREC (arXiv 2305.00447): an adapter that reads the titles of the history in place of a preference text.

Here are the slates that it learns from: recent titles, then the next choices among items that were passed over, in the
very words of `train.evaluate.preferences` "titles". Any data set with titles will do; candidates may show their pictures.

    python -m train sft --dataset movielens --data DATA --start assets/pocket --out runs/titles
    python -m train eval --dataset movielens --data DATA --systems tallrec --adapter runs/titles --json titles.json
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import numpy as np

from msr import prompts
from train.data.dataset import CatalogueItem, Interactions
from train.data.logs import UserLog
from train.data.negatives import TooFewItems, draw
from train.data.splits import case_at
from train.evaluate.preferences import HISTORY, Shelf
from train.learn.encode import Slate
from train.names import UNIFORM

_ATTEMPTS = 200  # places of logs


class LogSlates:
    """Samples slates of one user each; a function of a `random.Random`, so a resumed run draws the same.

    Raises ValueError where no user has a history and a next item; TooFewItems, in use, where hardly any place of a log
    leaves enough items that could have been passed over.
    """

    def __init__(self, items: Mapping[str, CatalogueItem], logs: Sequence[UserLog], pictured: bool = False) -> None:
        self._items = Shelf(items, pictured)
        self._logs = [log for log in logs if len(set(log.items)) >= 2]
        if not self._logs:
            raise ValueError("no user chose two items: there is nothing to learn from")
        self._log = Interactions(logs, list(items))

    def __call__(self, rng: random.Random, liked: int = 3, disliked: int = 12) -> Slate:
        """Up to `liked` next items of one user against `disliked` uniform negatives (`train.data.negatives`)."""
        for attempt in range(_ATTEMPTS):
            log = rng.choice(self._logs)
            end = rng.randrange(1, len(log.items))
            history = log.items[:end]
            good = list(dict.fromkeys(i for i in log.items[end : end + liked] if i not in history))
            if not good:
                continue
            try:
                numbers = np.random.default_rng(rng.getrandbits(64))
                bad = draw(case_at(log, end), self._log, UNIFORM, numbers, disliked, chosen=log.items).negatives
            except TooFewItems:
                if attempt + 1 == _ATTEMPTS:
                    raise
                continue
            recent = [self._items.title(i) or "untitled" for i in history[-HISTORY:]]
            return Slate(
                tuple(prompts.recommend("", recent, self._items[i]) for i in (*good, *bad)),
                (True,) * len(good) + (False,) * len(bad),
            )
        raise ValueError(f"{_ATTEMPTS} places of the logs were looked at and none has a new next item")
