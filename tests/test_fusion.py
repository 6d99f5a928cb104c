"""Saved weights of late fusion, applied by hand-computable sums; a file that is not one is refused."""

from __future__ import annotations

import json

import pytest

from msr import fusion
from msr.fusion import Fusion
from msr.schema import InputProblem

TWO = {"model": 2.0, "log-popularity": 0.5}
THREE = {"model": 1.0, "log-popularity": 0.25, "item-knn": 10.0}


def test_the_score_is_the_weighted_sum_of_the_signals_that_there_are():
    made = Fusion((TWO, THREE))
    assert made.scores({"log-popularity": [4.0, 0.0], "model": [1.0, -1.0]}) == [4.0, -2.0]
    signals = {"model": [1.0, -1.0], "log-popularity": [4.0, 0.0], "item-knn": [0.0, 0.5]}
    assert made.scores(signals) == [2.0, 4.0], "neighbours outweigh the model here"
    assert made.scores({"model": [], "log-popularity": []}) == []


def test_signals_without_fitted_weights_are_not_guessed():
    with pytest.raises(ValueError, match="no weights for the signals model"):
        Fusion((TWO,)).scores({"model": [1.0]})
    with pytest.raises(ValueError, match="shorter|longer"):
        Fusion((TWO,)).scores({"model": [1.0], "log-popularity": [1.0, 2.0]})


@pytest.mark.parametrize(
    ("weights", "message"), [({"clicks": 1.0}, "'clicks' is not a signal"), ({"model": float("nan")}, "model is nan")]
)
def test_weights_are_checked(weights, message):
    with pytest.raises(ValueError, match=message):
        Fusion((weights,))


def test_an_adapter_without_statistics_has_no_fusion(tmp_path):
    assert fusion.load(tmp_path) is None


def test_weights_come_back_from_the_folder_of_an_adapter(tmp_path):
    (tmp_path / "fusion.json").write_text(json.dumps({"fits": [TWO, THREE], "dataset": "films"}), encoding="utf-8")
    assert fusion.load(tmp_path) == Fusion((TWO, THREE))


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"fits": 3}', '{"fits": ["model"]}', '{"fits": [{"model": "much"}]}', '{"fits": [{"x": 1}]}'],
)
def test_a_file_of_another_form_is_one_clear_sentence(tmp_path, text):
    (tmp_path / "fusion.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputProblem, match="fusion.json of the adapter cannot be read"):
        fusion.load(tmp_path)
