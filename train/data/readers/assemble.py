"""Find the files of a data set, collect and filter interactions, and assemble a `Dataset`.

Interactions are kept in columns; each takes 16 bytes.
"""

from __future__ import annotations

import os
from array import array
from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from msr import intake
from msr.intake import IntakeError
from msr.intake.files import relative_name
from msr.intake.images import SUFFIXES
from msr.intake.text import plain, unmarked
from train.data.dataset import CatalogueItem, Dataset, UserLog
from train.data.readers.text_files import digest

MAX_WORDS = 16  # attributes of one item


@dataclass(frozen=True)
class Places:
    """The folders of a data set: `path` has the interactions, and `fallback` the titles and pictures that `path` lacks.

    Raises:
        IntakeError: one of them is not a folder.
    """

    path: Path
    fallback: Path | None = None

    def __post_init__(self) -> None:
        for folder in self.all():
            if not folder.is_dir():
                raise IntakeError(f"{spelled(folder)} is not a folder.")

    def all(self) -> list[Path]:
        return [self.path] if self.fallback is None else [self.path, self.fallback]

    def own(self, *patterns: str) -> Path:
        """The file in `path` that matches a pattern; earlier patterns are preferred. Raises IntakeError like `file`."""
        return _one([self.path], patterns)

    def file(self, *patterns: str) -> Path:
        """The file in `path` or else in `fallback` that matches a pattern; earlier patterns are preferred.

        Raises:
            IntakeError: no file matches, or several match the same pattern.
        """
        return _one(self.all(), patterns)

    def pictures(self, patterns: tuple[str, ...], dropped: Counter[str]) -> dict[str, Path]:
        """The pictures in the first matching subfolder of `path` and that of `fallback` (see `pictures_in`)."""
        folders = (next((f for p in patterns for f in sorted(root.glob(p)) if f.is_dir()), None) for root in self.all())
        return pictures_in([folder for folder in folders if folder], dropped)


def spelled(path: Path) -> str:
    """A path in quotes for a message."""
    return f"'{plain(str(path), 400)}'"


def pictures_in(folders: Iterable[Path], dropped: Counter[str]) -> dict[str, Path]:
    """The picture files directly in the folders, by name without suffix; the first of equal names.

    Links are counted in `dropped` and left out, so no file outside the folders is read.
    """
    found: dict[str, Path] = {}
    for folder in folders:
        for entry in sorted(os.scandir(folder), key=lambda e: e.name):
            stem, suffix = os.path.splitext(entry.name)
            if suffix.lower() not in SUFFIXES:
                continue
            if entry.is_file(follow_symlinks=False):
                found.setdefault(stem, Path(entry.path))
            else:
                dropped["pictures that are links or folders"] += 1
    return found


def picture_at(roots: list[Path], name: str, dropped: Counter[str]) -> Path | None:
    """The picture that a table names, relative to a root or to its `images/`.

    Returns None, and counts it in `dropped`, if the name is unsafe or there is no such file.
    """
    try:
        safe = relative_name(name, "")
    except IntakeError:
        dropped["pictures with unsafe names"] += 1
        return None
    for root in roots:
        for file in (root / safe, root / "images" / safe):
            if os.path.isfile(file):
                if file.resolve().is_relative_to(root.resolve()):
                    return file
                dropped["pictures that are links or folders"] += 1
                return None
    dropped["pictures that are not there"] += 1
    return None


def _one(folders: list[Path], patterns: tuple[str, ...]) -> Path:
    for folder in folders:
        for pattern in patterns:
            files = sorted(file for file in folder.glob(pattern) if file.is_file())
            if len(files) > 1:
                raise IntakeError(f"{folder.name} has {files[0].name} and {files[1].name}; leave one of them there.")
            if files:
                return files[0]
    raise IntakeError(f"No {' or '.join(patterns)} in {' or '.join(map(spelled, folders))}.")


@dataclass(frozen=True)
class Interactions:
    """N interactions in the order of the file, as columns.

    users, items: ids in the order in which they first appear. user, item: (N,) int32 indices into these. time: (N,)
    int64 in units of 1 / `per_second` seconds, or None if times are unknown.
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
        """Collect rows of (user, item, time) one by one; without `timed` the times are ignored."""
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
        """The interactions whose item is in `known`."""
        return self._where(np.array([item in known for item in self.items], bool)[self.item])

    def first_only(self) -> Interactions:
        """The first interaction of each user with each item. A repeated choice need not be predicted."""
        keys = (self.item, self.user) if self.time is None else (self.time, self.item, self.user)
        order = np.lexsort(keys)  # stable: for equal times, the order of the file
        user, item = self.user[order], self.item[order]
        new = np.ones(len(order), bool)
        new[1:] = (user[1:] != user[:-1]) | (item[1:] != item[:-1])
        keep = np.zeros(len(order), bool)
        keep[order[new]] = True
        return self._where(keep)

    def core(self, k: int) -> Interactions:
        """The k-core: the largest subset in which every user and every item has at least `k` interactions."""
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
        """The logs in the order of the file. Their items are in time order, equal times in the order of the file."""
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


def item(id: str, title: str, image: Path | None, words: Iterable[str] = ()) -> CatalogueItem:
    """An item whose title and words are cleaned by `msr.intake`, so that training sees what the app would see."""
    cleaned = (intake.title(unmarked(word)).lower().replace("|", "/") for word in words)
    return CatalogueItem(
        id, intake.title(unmarked(title)), image, tuple(dict.fromkeys(filter(None, cleaned)))[:MAX_WORDS]
    )


def catalogue(items: Iterable[CatalogueItem], dropped: Counter[str]) -> dict[str, CatalogueItem]:
    """The items by id, without repeated ids and without items that have neither a title nor a picture."""
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
    """Keep the first interaction of each user with each item, and of these the `core`-core; count what is dropped.

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
    """Make a data set of the interactions with known items, narrowed to the `core`-core.

    files: those that were read; their hashes are kept. With a core above 1, items outside it are left out too.

    Raises:
        IntakeError: nothing is left.
    """
    known = interactions.of_items(items)
    bare = {id.lstrip("0") for id in items}
    zeros = len(interactions.of_items({id for id in interactions.items if id not in items and id.lstrip("0") in bare}))
    if not len(known):
        told = "They differ in leading zeros, which count." if zeros else "Do both files use the same ids?"
        raise IntakeError(f"None of the {len(interactions)} interactions is with a known item. {told}")
    dropped["interactions with unknown items"] += len(interactions) - len(known)
    dropped["interactions with unknown items, of which in leading zeros alone"] += zeros
    left = narrow(known, core, dropped)
    if core > 1:
        inside = left.item_ids()
        items = {id: one for id, one in items.items() if id in inside}
    users = left.logs()
    dropped["users of whom nothing is left"] += len(interactions.users) - len(users)
    return Dataset(kind, dict(items), users, dict(+dropped), {file.name: digest(file) for file in files})
