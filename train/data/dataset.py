"""What every reader returns: items with titles and pictures, and the users' logs in time order.

Users are split by a hash of their id, so that nobody changes sides when data are added. Rules against leaks
(docs/evaluation.md): a history holds only what came before its target; test users are never trained on; a statistic
counts training users only and, where times are known, only what came before the target.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

TEST_PERCENT, VALIDATION_PERCENT = 20, 6  # of the users


def bucket(user: str) -> int:
    """A number from 0 to 99 that follows from the user's id alone, so nobody moves when data are added."""
    return int(hashlib.sha256(f"user/{user}".encode()).hexdigest()[:8], 16) % 100


@dataclass(frozen=True)
class UserLog:
    """One user's items in time order (ties keep the file's order); `times` in seconds, empty where unknown.

    Raises:
        ValueError: there is not one time for each item, or the times go back.
    """

    user: str
    items: tuple[str, ...]
    times: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.times and len(self.times) != len(self.items):
            raise ValueError(f"user {self.user!r} has {len(self.items)} items and {len(self.times)} times")
        if any(later < earlier for earlier, later in zip(self.times, self.times[1:], strict=False)):
            raise ValueError(f"the times of user {self.user!r} are not in order")

    @property
    def split(self) -> str:
        """ "test" for 20 % of the users, "validation" for 6 %, else "train"."""
        place = bucket(self.user)
        if place < TEST_PERCENT:
            return "test"
        return "validation" if place < TEST_PERCENT + VALIDATION_PERCENT else "train"

    def time_of(self, place: int) -> int | None:
        """Seconds of the interaction at `place`; None where times are unknown."""
        return self.times[place] if self.times else None


@dataclass(frozen=True)
class CatalogueItem:
    """One item of a data set; `image` is a local file or None, `words` are known attributes such as genres."""

    id: str
    title: str
    image: Path | None = None
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """Items by id, and users in the order of the file.

    dropped: how many lines, items or users were left out, by reason; hashes: SHA-256 (16 digits) of each file read.
    """

    kind: str
    items: Mapping[str, CatalogueItem]
    users: tuple[UserLog, ...]
    dropped: Mapping[str, int] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)


class Interactions:
    """Arrays of the interactions of training users, in time order, so that a count can stop before a target's time.

    There are N interactions of U users with I items. users, columns: (N,) from 0; times: (N,) in seconds, -inf where
    unknown. A column is an item's position in `items`; interactions with other items are left out.
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
        """The columns of the known ones among `items`, in their order."""
        return np.array([self.column[item] for item in items if item in self.column], dtype=int)
