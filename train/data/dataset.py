"""What every reader of interaction data returns: items with titles and pictures, and users' chronological logs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from train.data.logs import UserLog


@dataclass(frozen=True)
class CatalogueItem:
    """One item of a data set; `image` is a local file or None, `words` are known attributes such as genres."""

    id: str
    title: str
    image: Path | None = None
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """Items by id and users in the order of the file.

    dropped: how many lines, items or users were left out, by reason; hashes: SHA-256 (16 digits) of each file read.
    """

    kind: str
    items: Mapping[str, CatalogueItem]
    users: tuple[UserLog, ...]
    dropped: Mapping[str, int] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)


# ---- Training users' interactions as arrays in time order, so that every count can stop before a target's time.


class Interactions:
    """N interactions of U users with I items, sorted by time.

    users, columns: (N,) numbers from 0; times: (N,) seconds, -inf where unknown. A column is the item's place in
    `items`; interactions with other items are left out.
    """

    def __init__(self, logs: Iterable[UserLog], items: Sequence[str]) -> None:
        self.items = tuple(items)
        self.column = {item: n for n, item in enumerate(self.items)}
        rows = [
            (log.time_of(place) if log.times else -np.inf, user, self.column[item])
            for user, log in enumerate(logs)
            for place, item in enumerate(log.items)
            if item in self.column
        ]
        table = np.array(rows, dtype=float).reshape(-1, 3)
        table = table[np.argsort(table[:, 0], kind="stable")]
        self.times, self.users, self.columns = table[:, 0], table[:, 1].astype(int), table[:, 2].astype(int)
        self._whole = np.bincount(self.columns, minlength=len(self.items))

    def counts(self, moment: float | None) -> np.ndarray:
        """(I,) interactions with each item strictly before `moment` in seconds; all of them if it is None."""
        end = len(self.times) if moment is None else np.searchsorted(self.times, moment, side="left")
        if end == len(self.times):
            return self._whole
        return np.bincount(self.columns[:end], minlength=len(self.items))

    def columns_of(self, items: Iterable[str]) -> np.ndarray:
        """Places of the known ones among `items`, in their order."""
        return np.array([self.column[item] for item in items if item in self.column], dtype=int)
