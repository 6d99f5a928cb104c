"""Small made-up data sets with users in known roles."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from train.data.dataset import CatalogueItem, Dataset, UserLog


def names(split: str, count: int) -> list[str]:
    """The first users u0, u1, ... whose name puts them into a split."""

    def fitting() -> Iterator[str]:
        return (name for n in itertools.count() if UserLog(name := f"u{n}", ()).split == split)

    return list(itertools.islice(fitting(), count))


def users(split: str, *histories: str, times: Sequence[Sequence[int]] = ()) -> tuple[UserLog, ...]:
    """One user of the split for each history, a string of one-letter items."""
    times = times or [()] * len(histories)
    people = zip(names(split, len(histories)), histories, times, strict=True)
    return tuple(UserLog(name, tuple(history), tuple(moments)) for name, history, moments in people)


def dataset(items: Sequence[str], logs: Sequence[UserLog], kind: str = "folder") -> Dataset:
    """Items with titles "item a" and no pictures."""
    return Dataset(kind, {item: CatalogueItem(item, f"item {item}") for item in items}, tuple(logs))


def letters(count: int) -> list[str]:
    """Item ids: a, b, ..."""
    return [chr(ord("a") + n) for n in range(count)]
