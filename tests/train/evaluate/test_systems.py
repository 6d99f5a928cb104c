"""Weights of late fusion: fitted on validation users, in the direction that orders their candidates."""

from __future__ import annotations

import json

import numpy as np
import pytest

from msr import fusion as applied
from train.data.splits import Case
from train.evaluate import systems
from train.evaluate.systems import Fused, pairwise_weights


def signals(rng: np.random.Generator, strength: float, users: int = 2000) -> list[dict[str, np.ndarray]]:
    """The target stands first; "model" prefers it by `strength`, "item-knn" knows nothing."""
    return [
        {"model": rng.normal(size=6) + strength * np.eye(6)[0], "item-knn": 0.01 * rng.normal(size=6)}
        for _ in range(users)
    ]


def test_a_signal_that_knows_the_target_gets_the_weight():
    weights = pairwise_weights(signals(np.random.default_rng(0), 1.5))
    # A difference d of two unit normals shifted by 1.5 is N(1.5, 2): d against -d has the log odds 2 * 1.5 * d / 2.
    assert weights["model"] == pytest.approx(1.5, abs=0.15)
    assert abs(weights["item-knn"]) * 0.01 < 0.1, "whatever its scale"
    turned = pairwise_weights(signals(np.random.default_rng(0), -1.5))
    assert turned["model"] < -1


def test_a_signal_that_never_differs_has_no_weight():
    found = [{"model": np.array([1.0, 0.0]), "item-knn": np.zeros(2)} for _ in range(4)]
    assert pairwise_weights(found)["item-knn"] == 0


def test_nobody_to_fit_on_is_an_error():
    with pytest.raises(ValueError, match="no validation users"):
        pairwise_weights([])


class Fixed:
    """Scores as told, by item."""

    def __init__(self, name: str, **scores: float) -> None:
        self.name = name
        self._scores = scores

    def scores(self, case: Case) -> np.ndarray:
        return np.array([self._scores[item] for item in case.candidates])


def test_fused_scores_are_those_that_the_app_computes_from_the_saved_file(tmp_path):
    parts = [
        Fixed("popularity", a=0.0, b=np.e - 1, c=9.0),
        Fixed("recent-popularity", a=1.0, b=0.0, c=0.5),
        Fixed("item-knn", a=0.2, b=0.1, c=0.0),
        Fixed("mllm", a=3.0, b=-1.0, c=1.0),
    ]
    fused = Fused("fused", parts).fit([Case("v", (), "a", ("b", "c")), Case("w", (), "b", ("c",))])
    asked = Case("kim", (), "c", ("a", "b"))
    assert fused.signals(asked)["log-popularity"] == pytest.approx([np.log(10), 0.0, 1.0])
    by_hand = [
        fused.weights["log-popularity"] * np.log1p(popular)
        + fused.weights["log-recent-popularity"] * np.log1p(recent)
        + fused.weights["item-knn"] * near
        + fused.weights["model"] * logit
        for popular, recent, near, logit in ((9.0, 0.5, 0.0, 1.0), (0.0, 1.0, 0.2, 3.0), (np.e - 1, 0.0, 0.1, -1.0))
    ]
    assert fused.scores(asked) == pytest.approx(by_hand)
    systems.save_fusion(tmp_path, [fused.weights], dataset="films")
    assert json.loads((tmp_path / "fusion.json").read_text())["dataset"] == "films"
    loaded = applied.load(tmp_path)
    assert loaded.scores({k: v.tolist() for k, v in fused.signals(asked).items()}) == pytest.approx(by_hand)
