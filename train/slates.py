"""Slates from interaction logs: recent titles, then the next choices among items that were passed over.

The text-only recommender in the manner of TALLREC (arXiv 2305.00447): titles of the history in place of a preference
text, asked in the very words of `train.preferences` "titles". Any data set with titles will do.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from msr import prompts
from msr.intake.titles import title
from msr.schema import Item
from train.dataset import CatalogueItem
from train.encode import Slate
from train.logs import UserLog
from train.preferences import HISTORY


class LogSlates:
    """Samples slates of one user each; a function of a `random.Random`, so a resumed run draws the same.

    Raises ValueError where no user has a history and a next item, or there are too few items to be passed over.
    """

    def __init__(self, items: Mapping[str, CatalogueItem], logs: Sequence[UserLog]) -> None:
        self._items = {item_id: Item(item_id, title(item.title) or "untitled") for item_id, item in items.items()}
        self._names = sorted(self._items)
        self._logs = [log for log in logs if len(set(log.items)) >= 2]
        if not self._logs:
            raise ValueError("no user chose two items: there is nothing to learn from")
        if len(self._names) <= max(len(set(log.items)) for log in self._logs):
            raise ValueError("a user chose every item: there is nothing that was passed over")

    def __call__(self, rng: random.Random, liked: int = 3, disliked: int = 12) -> Slate:
        """Up to `liked` next items of one user against `disliked` uniform ones that the user never touched."""
        log = rng.choice(self._logs)
        end = rng.randrange(1, len(log.items))
        history = log.items[:end]
        good = list(dict.fromkeys(i for i in log.items[end : end + liked] if i not in history))
        if not good:
            return self(rng, liked, disliked)
        touched, bad = set(log.items), set[str]()
        while len(bad) < min(disliked, len(self._names) - len(touched)):
            if (name := rng.choice(self._names)) not in touched:
                bad.add(name)
        recent = [self._items[i].title for i in history[-HISTORY:]]
        asked = (self._items[i] for i in (*good, *sorted(bad)))
        return Slate(
            tuple(prompts.recommend("", recent, item) for item in asked),
            (True,) * len(good) + (False,) * len(bad),
        )
