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

from msr.retrieval.spaces import ViewStore
from msr.schema import InputProblem
from train.teach.pictures import Shot


class FeatureStore:
    """Maps a shot's key to its (1 + cells, F + 6) view, float16 on disk.

    Raises InputProblem if the folder holds views of another `shape`, as earlier versions of the model wrote them.
    """

    def __init__(self, folder: Path, shape: tuple[int, int] | None = None) -> None:
        self._views = ViewStore(folder)
        if shape and self._views.shape not in (None, shape):
            raise InputProblem(
                f"{folder} holds views of another version of the pocket model, of the shape {self._views.shape} in "
                f"place of {shape}. Name another folder with --views."
            )

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
