"""Ranking metrics of one positive against sampled negatives, with midranks for ties, and bootstrap intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def midrank(positive: float, negatives: Sequence[float]) -> float:
    """The positive's rank from 1, a tie counting half: 1 + better + equal / 2."""
    scores = np.asarray(negatives, dtype=float)
    return 1.0 + float((scores > positive).sum()) + 0.5 * float((scores == positive).sum())


def auc(rank: float, negatives: int) -> float:
    """Share of the negatives that the positive beats, in [0, 1], ties as half."""
    return 1.0 - (rank - 1.0) / negatives


def at_k(rank: float, k: int) -> dict[str, float]:
    """HR, MRR and NDCG at k of a single positive; a midrank between k and k + 1 is a miss."""
    hit = rank <= k
    return {
        f"hr@{k}": float(hit),
        f"mrr@{k}": 1.0 / rank if hit else 0.0,
        f"ndcg@{k}": 1.0 / math.log2(rank + 1.0) if hit else 0.0,
    }


def user_metrics(positive: float, negatives: Sequence[float]) -> dict[str, float]:
    """All metrics of one user: AUC, and HR, MRR, NDCG at 3, 5 and 10."""
    rank = midrank(positive, negatives)
    row = {"auc": auc(rank, len(negatives))}
    for k in (3, 5, 10):
        row |= at_k(rank, k)
    return row


def interval(values: Sequence[float], seed: int = 0, draws: int = 2000) -> dict[str, float]:
    """Mean over users and its bootstrap 95 % interval: {"mean", "low", "high"}."""
    array = np.asarray(values, dtype=float)
    if not len(array):
        raise ValueError("no values to average")
    rng = np.random.default_rng(seed)
    means = array[rng.integers(0, len(array), (draws, len(array)))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return {"mean": round(float(array.mean()), 4), "low": round(float(low), 4), "high": round(float(high), 4)}


def calibration_error(chances: np.ndarray, right: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error: how far mean chance and share of right ones lie apart, over bins of as many each."""
    order = np.argsort(chances, kind="stable")
    parts = [some for some in np.array_split(order, bins) if len(some)]
    return float(sum(len(some) * abs(chances[some].mean() - right[some].mean()) for some in parts) / len(chances))
