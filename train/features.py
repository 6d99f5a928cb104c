"""The frozen tower's view of every training picture, computed once and kept on disk.

What `PocketModel.see` returns does not change in training, so a step costs language-model time only. Shards are
appended whole; an interrupted run goes on at the next shard.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from train.sources import Shot

SHARD = 256  # pictures


class FeatureStore:
    """Maps a shot's key to its (1 + cells, F + 6) view, float16 on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._rows: dict[str, tuple[int, int]] = {}
        self._shards: list[np.ndarray] = []
        for names in sorted(folder.glob("*.json")):
            self._open(names)

    def __contains__(self, key: str) -> bool:
        return key in self._rows

    def __getitem__(self, key: str) -> torch.Tensor:
        shard, row = self._rows[key]
        return torch.from_numpy(np.asarray(self._shards[shard][row], dtype=np.float32))

    def get(self, key: str) -> torch.Tensor | None:
        """The view, or None for a title without a picture."""
        return self[key] if key in self._rows else None

    def _open(self, names: Path) -> None:
        for row, key in enumerate(json.loads(names.read_text())):
            self._rows[key] = (len(self._shards), row)
        self._shards.append(np.load(names.with_suffix(".npy"), mmap_mode="r"))

    @torch.inference_mode()
    def ensure(self, shots: Sequence[Shot], model: torch.nn.Module, image_processor, batch: int = 16) -> None:
        """Computes what is missing. `model` has `see`; pictures that cannot be read are an OSError with their path."""
        missing = [s for s in shots if s.pictured and s.key not in self]
        for start in tqdm(range(0, len(missing), SHARD), desc="tower views", unit="shard", disable=not missing):
            part = missing[start : start + SHARD]
            views = []
            for first in range(0, len(part), batch):
                images = [s.open() for s in part[first : first + batch]]
                pixels = image_processor(images=images, return_tensors="pt")["pixel_values"]
                views.append(model.see(pixels.to(model.dtype)).to(torch.float16).cpu())
            name = self.folder / f"{len(self._shards):05d}"
            np.save(name.with_suffix(".npy"), torch.cat(views).numpy())
            temporary = name.with_suffix(".tmp")
            temporary.write_text(json.dumps([s.key for s in part]))
            temporary.replace(name.with_suffix(".json"))  # the names arrive last: a shard without them is redone
            self._open(name.with_suffix(".json"))
