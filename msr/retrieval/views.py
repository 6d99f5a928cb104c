"""The tower's views of catalogue pictures by digest: the slow part of an index, so an interrupted build goes on.

Shards of up to 256 views are appended whole: `<n>.npy` (float16) first, then the digests as `<n>.json`. A shard
without digests was cut off and is written again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
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
        if self._folder:
            self._folder.mkdir(parents=True, exist_ok=True)
            for names in sorted(self._folder.glob("*.json")):
                self._add(json.loads(names.read_text("utf-8")), np.load(names.with_suffix(".npy"), mmap_mode="r"))

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

    def _append(self, digests: list[str], views: np.ndarray) -> None:
        if self._folder:
            path = self._folder / f"{len(self._shards):05d}"
            np.save(path.with_suffix(".npy"), views)
            draft = path.with_suffix(".tmp")
            draft.write_text(json.dumps(digests), "utf-8")
            os.replace(draft, path.with_suffix(".json"))
        self._add(digests, views)

    def _add(self, digests: Sequence[str], views: np.ndarray) -> None:
        self._where.update((digest, (len(self._shards), row)) for row, digest in enumerate(digests))
        self._shards.append(views)
