"""Collect interactions in columns, filter them, and assemble data sets; an interaction takes 16 bytes."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from msr import intake
from msr.intake import IntakeError
from msr.intake.text import unmarked
from train.data.dataset import CatalogueItem, Dataset
from train.data.logs import UserLog
from train.data.readers.text_files import digest


@dataclass(frozen=True)
class Interactions:
    """N interactions in the order of the file.

    users, items: ids in the order in which they first appear. user, item: (N,) int32 places in these. time: (N,) int64
    in units of which a second has `per_second`, or None where times are unknown.
    """

    users: tuple[str, ...]
    items: tuple[str, ...]
    user: np.ndarray
    item: np.ndarray
    time: np.ndarray | None
    per_second: int = 1

    def __post_init__(self) -> None:
        lengths = {len(column) for column in (self.user, self.item, self.time) if column is not None}
        if len(lengths) > 1:
            raise ValueError(f"columns of different lengths: {sorted(lengths)}")

    @classmethod
    def collect(cls, rows: Iterable[tuple[str, str, int]], timed: bool = True, per_second: int = 1) -> Interactions:
        """Takes in (user, item, time) rows one by one; the times are ignored unless `timed`."""
        users: dict[str, int] = {}
        items: dict[str, int] = {}
        user, item, time = array("i"), array("i"), array("q")
        for name, thing, moment in rows:
            user.append(users.setdefault(name, len(users)))
            item.append(items.setdefault(thing, len(items)))
            if timed:
                time.append(moment)
        columns = np.array(user, np.int32), np.array(item, np.int32), np.array(time, np.int64) if timed else None
        return cls(tuple(users), tuple(items), *columns, per_second)

    def __len__(self) -> int:
        return len(self.user)

    def of_items(self, known: Container[str]) -> Interactions:
        """Those with a known item."""
        return self._where(np.array([item in known for item in self.items], bool)[self.item])

    def first_only(self) -> Interactions:
        """The first interaction of each user with each item: what was chosen once is no longer to be predicted."""
        keys = (self.item, self.user) if self.time is None else (self.time, self.item, self.user)
        order = np.lexsort(keys)  # stable: of equal times, the first in the file
        user, item = self.user[order], self.item[order]
        new = np.ones(len(order), bool)
        new[1:] = (user[1:] != user[:-1]) | (item[1:] != item[:-1])
        keep = np.zeros(len(order), bool)
        keep[order[new]] = True
        return self._where(keep)

    def core(self, k: int) -> Interactions:
        """The k-core: the largest part in which every user and every item has at least `k` interactions."""
        left = self
        while True:
            users = np.bincount(left.user, minlength=len(left.users))
            items = np.bincount(left.item, minlength=len(left.items))
            keep = (users[left.user] >= k) & (items[left.item] >= k)
            if keep.all():
                return left
            left = left._where(keep)

    def item_ids(self) -> set[str]:
        """The items that are in at least one interaction."""
        return {self.items[code] for code in np.unique(self.item)}

    def logs(self) -> tuple[UserLog, ...]:
        """Users in the order of the file, their items in time order, ties in the order of the file."""
        order = np.lexsort((self.user,) if self.time is None else (self.time, self.user))
        user, item = self.user[order], self.item[order]
        seconds = None if self.time is None else self.time[order] // self.per_second
        starts = np.flatnonzero(np.diff(user, prepend=-1))
        return tuple(
            UserLog(
                self.users[user[start]],
                tuple(self.items[code] for code in item[start:end]),
                () if seconds is None else tuple(seconds[start:end].tolist()),
            )
            for start, end in pairwise([*starts, len(user)])
        )

    def _where(self, keep: np.ndarray) -> Interactions:
        time = None if self.time is None else self.time[keep]
        return Interactions(self.users, self.items, self.user[keep], self.item[keep], time, self.per_second)


# ---- The last steps that all readers share: clean items, interactions with known items, one `Dataset`.


MAX_WORDS = 16  # attributes of one item


def item(id: str, title: str, image: Path | None, words: Iterable[str] = ()) -> CatalogueItem:
    """An item with its title and lower-case words cleaned as `msr.intake` cleans them, so both sides see the same."""
    cleaned = (intake.title(unmarked(word)).lower().replace("|", "/") for word in words)
    return CatalogueItem(
        id, intake.title(unmarked(title)), image, tuple(dict.fromkeys(filter(None, cleaned)))[:MAX_WORDS]
    )


def catalogue(items: Iterable[CatalogueItem], dropped: Counter[str]) -> dict[str, CatalogueItem]:
    """The items by id: of equal ids the first, and none that has neither a title nor a picture."""
    found: dict[str, CatalogueItem] = {}
    for one in items:
        if one.id in found:
            dropped["items listed twice"] += 1
        elif not one.title and one.image is None:
            dropped["items without a title or a picture"] += 1
        else:
            found[one.id] = one
    return found


def narrow(interactions: Interactions, core: int, dropped: Counter[str]) -> Interactions:
    """The first interaction of each user with each item, and of these the `core`-core; the others are counted.

    Raises:
        IntakeError: nothing is left.
    """
    first = interactions.first_only()
    left = first.core(core)
    if not len(left):
        raise IntakeError(f"None of the {len(interactions)} interactions is in the {core}-core.")
    dropped["repeated interactions"] += len(interactions) - len(first)
    dropped[f"interactions outside the {core}-core"] += len(first) - len(left)
    return left


def assemble(
    kind: str,
    items: Mapping[str, CatalogueItem],
    interactions: Interactions,
    dropped: Counter[str],
    files: Iterable[Path],
    core: int = 1,
) -> Dataset:
    """The data set of the interactions with known items, narrowed to its `core`.

    `files` are those that were read, for their hashes. With a core above 1, items outside it are left out too.

    Raises:
        IntakeError: nothing is left.
    """
    known = interactions.of_items(items)
    bare = {id.lstrip("0") for id in items}
    zeros = len(interactions.of_items({id for id in interactions.items if id not in items and id.lstrip("0") in bare}))
    if not len(known):
        told = "they differ in leading zeros, which count" if zeros else "do the ids fit?"
        raise IntakeError(f"None of the {len(interactions)} interactions is with a known item; {told}")
    dropped["interactions with unknown items"] += len(interactions) - len(known)
    dropped["interactions with unknown items, of which in leading zeros alone"] += zeros
    left = narrow(known, core, dropped)
    if core > 1:
        inside = left.item_ids()
        items = {id: one for id, one in items.items() if id in inside}
    users = left.logs()
    dropped["users of whom nothing is left"] += len(interactions.users) - len(users)
    return Dataset(kind, dict(items), users, dict(+dropped), {file.name: digest(file) for file in files})
