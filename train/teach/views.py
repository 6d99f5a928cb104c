"""The frozen tower's view of every training picture, computed once and kept on disk.

What `PocketModel.see` returns does not change in training, so a step costs language-model time only. An interrupted run
goes on at the next shard of the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from msr.retrieval.views import ViewStore
from train.teach.pictures import Shot


class FeatureStore:
    """Maps a shot's key to its (1 + cells, F + 6) view, float16 on disk."""

    def __init__(self, folder: Path) -> None:
        self._views = ViewStore(folder)

    def __contains__(self, key: str) -> bool:
        return key in self._views

    def __getitem__(self, key: str) -> torch.Tensor:
        return torch.from_numpy(np.asarray(self._views[key], dtype=np.float32))

    def get(self, key: str) -> torch.Tensor | None:
        """The view, or None for a title without a picture."""
        return self[key] if key in self._views else None

    @torch.inference_mode()
    def ensure(self, shots: Sequence[Shot], model: Any, image_processor, batch: int = 16) -> None:
        """Compute what is missing with `model.see`. A picture that cannot be read is an OSError with its path."""

        def see(some: Sequence[Shot]) -> np.ndarray:
            pixels = image_processor(images=[s.open() for s in some], return_tensors="pt")["pixel_values"]
            return model.see(pixels.to(model.dtype)).to(torch.float16).cpu().numpy()

        pictured = {s.key: s for s in shots if s.pictured}
        missing = sum(key not in self for key in pictured)
        with tqdm(total=missing, desc="tower views", unit="picture", disable=not missing) as bar:
            self._views.ensure(pictured, see, lambda done, total: bar.update(done - bar.n), batch)
