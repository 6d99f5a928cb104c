"""The tower's views of catalogue pictures by digest: the slow part of an index, so an interrupted build goes on.

Shards of up to 256 views are written whole: `<n>.npy` (float16) first, then the digests as `<n>.json`. A shard without
digests was cut off; that one and a damaged one are not there, and their places are written again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

import numpy as np

from msr.schema import Picture

SHARD = 256
_BATCH = 8

See = Callable[[Sequence[Picture]], np.ndarray]


class ViewStore:
    """Views on disk under `folder`, or in memory without one. `tower` names who looked; others' are not read."""

    def __init__(self, folder: Path | None, tower: str) -> None:
        self._folder = folder / tower if folder else None
        self._shards: list[np.ndarray] = []
        self._where: dict[str, tuple[int, int]] = {}
        self._taken: set[str] = set()  # names of shards
        if self._folder:
            self._folder.mkdir(parents=True, exist_ok=True)
            for path in sorted(self._folder.glob("*.json")):
                if shard := self._read(path):
                    self._add(*shard)
                    self._taken.add(path.stem)

    def ensure(self, pictures: Sequence[Picture], see: See, report: Callable[[int, int], None]) -> None:
        """Looks at those that are missing; `report(done, total)` hears of every batch."""
        missing = list({p.digest: p for p in pictures if p.digest not in self._where}.values())
        for start in range(0, len(missing), SHARD):
            part, views = missing[start : start + SHARD], []
            for first in range(0, len(part), _BATCH):
                views.append(see(part[first : first + _BATCH]).astype(np.float16))
                report(start + min(first + _BATCH, len(part)), len(missing))
            self._append([p.digest for p in part], np.concatenate(views))

    def take(self, pictures: Sequence[Picture]) -> np.ndarray:
        """(N, F) float16; (0, 0) for no picture. Raises KeyError for one that was not looked at."""
        rows = [self._shards[shard][row] for shard, row in (self._where[p.digest] for p in pictures)]
        return np.stack(rows) if rows else np.zeros((0, 0), np.float16)

    def _read(self, path: Path) -> tuple[list[str], np.ndarray] | None:
        """Digests and views of the shard whose digests are in `path`; None for a damaged one."""
        try:
            digests = json.loads(path.read_text("utf-8"))
            views = np.load(path.with_suffix(".npy"), mmap_mode="r")
            fits = views.dtype == np.float16 and views.ndim == 2 and len(views) == len(digests)
            fits = fits and all(isinstance(digest, str) for digest in digests) and np.isfinite(views).all()
            wide = not self._shards or views.shape[1] == self._shards[0].shape[1]
            return (digests, views) if fits and wide else None
        except Exception:  # json and numpy complain of damage in a dozen kinds
            return None

    def _append(self, digests: list[str], views: np.ndarray) -> None:
        if self._folder:
            name = next(name for name in map("{:05d}".format, count()) if name not in self._taken)
            self._taken.add(name)
            path = self._folder / name
            np.save(path.with_suffix(".npy"), views)
            draft = path.with_suffix(".tmp")
            draft.write_text(json.dumps(digests), "utf-8")
            os.replace(draft, path.with_suffix(".json"))
        self._add(digests, views)

    def _add(self, digests: Sequence[str], views: np.ndarray) -> None:
        self._where.update((digest, (len(self._shards), row)) for row, digest in enumerate(digests))
        self._shards.append(views)
