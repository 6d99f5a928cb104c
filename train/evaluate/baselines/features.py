"""Frozen item vectors for sequence models: from titles or summaries, and from pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from msr.backbones.protocol import even_batches
from msr.schema import InputProblem, Picture

WIDTH = 128
_BATCH = 16


def text_vectors(texts: Sequence[str], width: int = WIDTH, seed: int = 0) -> np.ndarray:
    """(I, W) with W <= width: latent semantic analysis of the words (TF-IDF, truncated SVD).

    Raises:
        InputProblem: the texts hold too few words.
    """
    counts = TfidfVectorizer(sublinear_tf=True).fit_transform(texts)
    width = min(width, counts.shape[1] - 1, counts.shape[0] - 1)
    if width < 1:
        raise InputProblem(f"{counts.shape[1]} words in {counts.shape[0]} texts are too few for text features.")
    return _of_one_length(TruncatedSVD(width, random_state=seed).fit_transform(counts))


def picture_vectors(
    pictures: Sequence[Picture | None], look: Callable[[Sequence[Picture]], Sequence[torch.Tensor]], width: int
) -> np.ndarray:
    """(I, 2 F) the frozen tower's CLS and mean-of-cells features; zeros where there is no picture.

    `look` gives views (1 + cells, F + 6), F being `width` (PocketBackbone.looked_at).

    Raises:
        InputProblem: there is no picture.
    """
    there = np.array([picture is not None for picture in pictures])
    if not there.any():
        raise InputProblem("no item has a picture, so there are no picture features.")
    seen = []
    for some in tqdm(list(even_batches(np.flatnonzero(there).tolist(), _BATCH)), "looking at pictures", unit="batch"):
        views = torch.stack(list(look([pictures[n] for n in some])))[..., :width].float()  # (B, 1 + cells, F)
        seen.append(torch.cat([views[:, 0], views[:, 1:].mean(dim=1)], dim=1).numpy())
    rows = np.zeros((len(pictures), 2 * width))
    rows[there] = StandardScaler().fit_transform(np.concatenate(seen))  # the tower's columns differ in size
    return _of_one_length(rows)


def _of_one_length(rows: np.ndarray) -> np.ndarray:
    """Rows (I, D) at length sqrt(D); those of zeros stay."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(length > 0, length, 1.0) * rows.shape[1] ** 0.5
