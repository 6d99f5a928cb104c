"""A store of the vision tower's views of pictures: the slow part of an index and of training, so it is kept on disk.

Shards of up to 256 views are written whole: `<n>.npy` (float16) first, then the pictures' keys as `<n>.json`. A shard
without keys was cut off. Such a shard and a damaged one are ignored and written again, so an interrupted job goes on.
(The backbone of the pocket model keeps views by themselves in a `TextCache`, which many processes share and which drops
the oldest when it is full; a shard can do neither.)
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import TypeVar

import numpy as np

SHARD = 256
_BATCH = 8

T = TypeVar("T")
Report = Callable[[int, int], None]  # (done, total)


class ViewStore:
    """Maps a picture's key to its view, an array of one shape for all; on disk in `folder`, or in memory without one.

    A folder holds the views of one tower.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._shards: list[np.ndarray] = []
        self._where: dict[str, tuple[int, int]] = {}  # key -> number of the shard, row in it
        self._used: set[str] = set()  # file names of whole shards
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
            for path in sorted(folder.glob("*.json")):
                if shard := self._read(path):
                    self._add(*shard)
                    self._used.add(path.stem)

    def __contains__(self, key: str) -> bool:
        return key in self._where

    def __getitem__(self, key: str) -> np.ndarray:
        shard, row = self._where[key]
        return self._shards[shard][row]

    @property
    def shape(self) -> tuple[int, ...] | None:
        """That of every view; None as long as there is none."""
        return self._shards[0].shape[1:] if self._shards else None

    def take(self, keys: Iterable[str]) -> np.ndarray:
        """Views (N, ...) in float16; (0, 0) for no key. Raises KeyError for a picture without a view."""
        rows = [self[key] for key in keys]
        return np.stack(rows) if rows else np.zeros((0, 0), np.float16)

    def ensure(
        self,
        pictures: Mapping[str, T],
        see: Callable[[Sequence[T]], np.ndarray],
        report: Report = lambda done, total: None,
        batch: int = _BATCH,
    ) -> None:
        """Compute the views that are missing: `see` maps a batch of pictures to an array (B, ...)."""
        missing = [key for key in pictures if key not in self]
        for start in range(0, len(missing), SHARD):
            keys, views = missing[start : start + SHARD], []
            for first in range(0, len(keys), batch):
                some = keys[first : first + batch]
                views.append(see([pictures[key] for key in some]).astype(np.float16))
                report(start + first + len(some), len(missing))
            self._append(keys, np.concatenate(views))

    def _read(self, path: Path) -> tuple[list[str], np.ndarray] | None:
        """Keys and views of the shard whose keys are in `path`; None for a damaged shard."""
        try:
            keys = json.loads(path.read_text("utf-8"))
            views = np.load(path.with_suffix(".npy"), mmap_mode="r")
            fits = views.dtype == np.float16 and views.ndim > 1 and len(views) == len(keys)
            fits = fits and all(isinstance(key, str) for key in keys) and bool(np.isfinite(views).all())
            alike = not self._shards or views.shape[1:] == self._shards[0].shape[1:]
            return (keys, views) if fits and alike else None
        except Exception:  # json and numpy report damage with a dozen kinds of exceptions
            return None

    def _append(self, keys: list[str], views: np.ndarray) -> None:
        if self._folder:
            name = next(name for name in map("{:05d}".format, count()) if name not in self._used)
            self._used.add(name)
            path = self._folder / name
            np.save(path.with_suffix(".npy"), views)
            draft = path.with_suffix(".tmp")
            draft.write_text(json.dumps(keys), "utf-8")
            os.replace(draft, path.with_suffix(".json"))
            views = np.load(path.with_suffix(".npy"), mmap_mode="r")  # the disk holds them from here on
        self._add(keys, views)

    def _add(self, keys: Sequence[str], views: np.ndarray) -> None:
        self._where.update((key, (len(self._shards), row)) for row, key in enumerate(keys))
        self._shards.append(views)
