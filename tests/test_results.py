from __future__ import annotations

import json

import pytest

from msr import results
from msr.storage import assets
from msr.ui.evaluate import evaluate_tab
from msr.ui.evaluate.evaluate_tab import Scale
from tests.ui import hostile

AUC = {"mean": 0.75, "low": 0.7, "high": 0.8}
GOOD = {
    "dataset": "films",
    "users": 40,
    "seconds": 12.5,
    "rows": [
        {"system": "mllm", "negatives": "uniform", "auc": AUC, "hr@5": {"mean": 0.5}},
        {"system": "popularity", "negatives": "uniform", "auc": AUC},
        {"system": "mllm", "negatives": "popular", "auc": AUC},
    ],
}


def found(tmp_path, record):
    (tmp_path / "one.json").write_text(record if isinstance(record, str) else json.dumps(record))
    return results.load([tmp_path, tmp_path / "missing"])


def test_an_evaluation_is_read(tmp_path):
    (read,) = found(tmp_path, GOOD)
    assert (read.dataset, read.users, read.seconds) == ("films", 40, 12.5)
    assert read.metrics == ("auc", "hr@5") and read.negatives == ("uniform", "popular")
    assert [row.baseline for row in read.rows] == [False, True, False]
    assert read.rows[0].figures["auc"] == results.Figure(0.75, 0.7, 0.8)


def test_evaluations_inside_a_record_are_found(tmp_path):
    (read,) = found(tmp_path, {"sft": {"rows": None}, "held_out": {"unseen users": GOOD}})
    assert read.name.endswith("one.json, held_out, unseen users")


def test_other_files_are_passed_over(tmp_path):
    for other in ("{", "[]", '{"rows": 3}', '{"rows": [{"system": "x"}]}', '{"rows": [{"auc": {"mean": 1}}]}', "NaN"):
        assert found(tmp_path, other) == ()


def test_every_metric_is_plotted_with_its_interval(tmp_path):
    (read,) = found(tmp_path, GOOD)
    shown = evaluate_tab.plots(read, "auc")
    assert shown.count("<figure") == 2 and shown.count('class="interval"') == 3 and shown.count('class="mean"') == 3
    assert shown.count('class="baseline"') == 1
    assert evaluate_tab.plots(read, "hr@5").count('class="mean"') == 1
    assert "0.750<small>0.700–0.800</small>" in evaluate_tab.table(read)
    assert "No system has this metric" in evaluate_tab.plots(read, "mrr")


def test_names_are_escaped(tmp_path):
    for words in hostile.ALL:
        rows = [{"system": words, "negatives": words, words: AUC}]
        (read,) = found(tmp_path, {"dataset": words, "rows": rows})
        shown = evaluate_tab.about(read) + evaluate_tab.plots(read, words) + evaluate_tab.table(read)
        assert "${" not in shown and "<img src" not in shown and "<script" not in shown


def test_a_scale_has_few_round_ticks_that_hold_all_values():
    assert Scale.over(0.5, 0.905).ticks == pytest.approx((0.5, 0.6, 0.7, 0.8, 0.9, 1.0))
    assert Scale.over(-0.12, 0.31).ticks == pytest.approx((-0.2, 0.0, 0.2, 0.4))
    for low, high in ((0.0, 0.0), (0.5, 0.5), (0.5, 0.537), (-3.0, 240.0), (0.0, 9e11)):
        scale = Scale.over(low, high)
        assert scale.ticks[0] <= low + 1e-6 and scale.ticks[-1] >= high - 1e-6 and 2 <= len(scale.ticks) <= 6
        assert len({f"{tick:.{scale.decimals}f}" for tick in scale.ticks}) == len(scale.ticks)


def test_a_value_lies_where_its_tick_is():
    scale = Scale.over(0.0, 1.0)
    assert scale.ticks == pytest.approx((0.0, 0.2, 0.4, 0.6, 0.8, 1.0))
    assert scale.at(0.2) == "20.00%" and scale.at(0.2, left=False) == "80.00%"


def test_the_results_that_come_along_show_model_and_baselines_and_nothing_out_of_the_data():
    folder = assets() / "results"
    found = {result.dataset for result in results.load([folder])}
    assert {"microlens", "movielens"} <= found
    for file in folder.glob("*.json"):
        whole = json.loads(file.read_text(encoding="utf-8"))
        assert "preference_samples" not in whole, "those are texts about users of the data"
        if "dataset" in whole:  # an evaluation
            assert {"random", "popularity"} & {row["system"] for row in whole["rows"]}, file
