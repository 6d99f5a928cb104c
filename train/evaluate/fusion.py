"""Late fusion of the model's logit with interaction statistics, its weights fitted on validation users.

Pairwise logistic regression: a pair is a user's target against one negative. Without an intercept it sees only
differences of signals within a user, so the weights order candidates and say nothing about users (RankNet with a
linear scorer: Burges et al., ICML 2005). `msr.fusion` applies them without this package.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from msr.fusion import FILE, KNN, MODEL, POPULARITY, RECENT
from train.data.protocol import System
from train.data.splits import Case

_SIGNALS = {"popularity": POPULARITY, "recent-popularity": RECENT, "item-knn": KNN, "mllm": MODEL}  # by system
_COUNTS = (POPULARITY, RECENT)  # go in as log(1 + count)


class Fused:
    """A weighted sum of other systems' scores. `parts` are fitted systems."""

    def __init__(self, name: str, parts: Sequence[System]) -> None:
        self.name = name
        self.weights: dict[str, float] = {}  # by signal name
        self._parts = {_SIGNALS[part.name]: part for part in parts}

    def fit(self, validation: Sequence[Case]) -> Fused:
        """Raises ValueError without cases."""
        self.weights = pairwise_weights([self.signals(case) for case in validation])
        return self

    def signals(self, case: Case) -> dict[str, np.ndarray]:
        """By name as in `msr.fusion`, each (candidates,)."""
        found = {signal: part.scores(case) for signal, part in self._parts.items()}
        return {signal: np.log1p(values) if signal in _COUNTS else values for signal, values in found.items()}

    def scores(self, case: Case) -> np.ndarray:
        """(candidates,)"""
        return np.sum([self.weights[signal] * values for signal, values in self.signals(case).items()], axis=0)


def pairwise_weights(signals: Sequence[Mapping[str, np.ndarray]]) -> dict[str, float]:
    """Weights by name from each user's signals, (candidates,) each with the target first.

    Raises:
        ValueError: there are no users.
    """
    if not signals:
        raise ValueError("no validation users to fit the fusion on")
    names = list(signals[0])
    tables = [np.stack([found[name] for name in names], axis=1) for found in signals]  # (candidates, S)
    better = np.concatenate([table[0] - table[1:] for table in tables])
    scale = better.std(axis=0)
    scale[scale == 0] = 1.0
    # The regression wants two classes: every other pair is turned round.
    sign = np.where(np.arange(len(better)) % 2, -1.0, 1.0)
    fitted = LogisticRegression(fit_intercept=False).fit(better / scale * sign[:, None], sign > 0)
    return dict(zip(names, (fitted.coef_[0] / scale).tolist(), strict=True))


def save(folder: Path, fits: Sequence[Mapping[str, float]], **origin: object) -> None:
    """Writes `fusion.json` beside an adapter; `origin` says what the weights were fitted on."""
    text = json.dumps({"fits": [dict(weights) for weights in fits], **origin}, indent=1, ensure_ascii=False)
    (folder / FILE).write_text(text + "\n", encoding="utf-8")
