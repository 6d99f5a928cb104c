"""Both commands on a fake model: their files, that they go on where they stopped, and refusals in one line."""

from __future__ import annotations

import json
import sys

import pytest

from msr import backbones
from tests.fakes import FakeBackbone
from train import cli as command
from train.evaluate.experiments import faithfulness, planted, stuffing
from train.evaluate.experiments.grid import UserLines


@pytest.fixture
def backbone(monkeypatch, tmp_path) -> FakeBackbone:
    made = FakeBackbone()
    monkeypatch.setattr(backbones, "load", lambda config: made)
    monkeypatch.setenv("MSR_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return made


def experiment(monkeypatch, *args: str) -> int:
    monkeypatch.setattr(sys, "argv", ["train", "experiment", *args, "--json", "out.json"])
    with pytest.raises(SystemExit) as end:
        command.main()
    return end.value.code


def test_planted_writes_all_files_and_goes_on(backbone, monkeypatch, tmp_path, capsys):
    assert experiment(monkeypatch, "planted", "--users", "1") == 0
    asked = len(backbone.prompts["score"])
    assert asked == 21
    assert experiment(monkeypatch, "planted", "--users", "2") == 0
    assert len(backbone.prompts["score"]) == 2 * asked, "the first user is known"
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["users"] == 2 and found["dataset"] == "planted, drawn"
    assert set(planted.RATES) < set(found["rows"][0])
    assert set(found["waits"]) == set(planted.WAITS)
    assert len(found["cases"][0]["texts"]) == 5
    assert "<svg" in (tmp_path / "out.svg").read_text()
    table = (tmp_path / "out.md").read_text()
    assert "| named |" in table and "| gone |" in table
    assert table.strip() in capsys.readouterr().out
    assert len((tmp_path / "out.users.jsonl").read_text().splitlines()) == 3


def test_faithfulness_compares_three_orders(backbone, monkeypatch, tmp_path):
    monkeypatch.setattr(faithfulness, "TOP", 1)
    monkeypatch.setattr(faithfulness, "GRID", 2)
    assert experiment(monkeypatch, "faithfulness", "--users", "2", "--reading", "direct") == 0
    found = json.loads((tmp_path / "out.json").read_text())
    history = {r["system"]: r for r in found["rows"] if r["negatives"] == faithfulness.HISTORY}
    assert set(history) == {faithfulness.MEASURED, faithfulness.RANDOM, faithfulness.REASON}
    name = "comprehensiveness@1"
    assert history[faithfulness.MEASURED][name]["mean"] >= history[faithfulness.RANDOM][name]["mean"]
    assert {r["system"] for r in found["rows"] if r["negatives"] == faithfulness.PICTURE} == {
        faithfulness.MEASURED,
        faithfulness.RANDOM,
    }
    assert len(found["differences"]) == 3
    assert "measured influence" in (tmp_path / "out.md").read_text()


def test_stuffing_scores_the_same_things_under_other_titles(backbone, monkeypatch, tmp_path):
    assert experiment(monkeypatch, "stuffing", "--candidates", "3") == 0
    found = json.loads((tmp_path / "out.json").read_text())
    records = found["records"]
    assert len(records) == 4 * 3 * 8 and {row["things"] for row in found["rows"].values()} == {12}
    (story,) = {r["story"] for r in records[:1]}
    mine = {r["kind"]: r for r in records if (r["story"], r["id"]) == (story, records[0]["id"])}
    assert mine["two words that fit"]["title"] == f"{mine[stuffing.OWN]['title']}, wood rustic"
    assert mine["two words that do not fit"]["title"].endswith(", pink floral")
    assert mine[stuffing.BARE]["title"] == "" and max(len(r["title"]) for r in records) <= 200
    assert all(1 <= r["rank"] <= r["of"] for r in records)
    assert found["rows"][stuffing.OWN]["first ten"] == 0, "those of the lower half"
    before, after = found["steepest"]
    assert before["id"] == after["id"] and before["kind"] == stuffing.OWN
    assert after["score"] - before["score"] == max(
        r["score"] - o["score"] for r in records for o in records
        if (o["story"], o["id"], o["kind"]) == (r["story"], r["id"], stuffing.OWN)
    )  # fmt: skip
    assert found["rows"][stuffing.BARE]["adds"] == 0
    assert "| no title: the picture alone |" in (tmp_path / "out.md").read_text()


def test_photos_need_a_folder(backbone, monkeypatch, capsys):
    assert experiment(monkeypatch, "planted", "--catalogue", "fashion") == command.BAD_INPUT
    assert "needs --data" in capsys.readouterr().err


def test_lines_of_other_settings_and_cut_off_lines_are_measured_again(tmp_path):
    path = tmp_path / "users.jsonl"
    log = UserLines(path, {"seed": 1})
    log.add("a", {"x": 1})
    log.add("b", {"x": 2})
    path.write_text(path.read_text() + '{"user": "c", "x"')
    assert set(UserLines(path, {"seed": 1}).known) == {"a", "b"}
    again = UserLines(path, {"seed": 1})
    again.add("c", {"x": 3})
    assert UserLines(path, {"seed": 1}).known["c"] == {"user": "c", "x": 3}
    assert UserLines(path, {"seed": 2}).known == {}


def record(name: str, **figures):
    known = dict.fromkeys(planted.RATES, 1.0) | dict.fromkeys(planted.WAITS, 1) | figures
    curves = {str(n): {"first taste": float(n < 0)} for n in range(-2, 3)}
    return {"user": name, "figures": known, "by_block": curves, "before": "x", "after": "y", "switch": 2} | {
        key: [] for key in ("items", "described", "texts")
    }


def test_a_summary_counts_who_got_there():
    found = planted.summary(
        [record("a", gone=1), record("b", gone=3, replaced=0.0), record("c", gone=None, replaced=0.0)], "drawn"
    )
    assert found["waits"]["gone"] == {"share": 0.6667, "median": 2, "within": {1: 0.3333, 2: 0.3333, 3: 0.6667}}
    assert found["rows"][0]["replaced"]["mean"] == 0.3333
    assert found["curves"] == {"first taste": {"-2": 1.0, "-1": 1.0, "0": 0.0, "1": 0.0, "2": 0.0}}
    assert [case["user"] for case in found["cases"]] == ["a", "b", "c"]
    assert "| gone | 0.67 | 2 | 0.33, 0.33, 0.67 |" in planted.markdown(found)
    assert "2 before" in planted.plot(found)


def test_differences_are_paired_and_the_verdict_is_said():
    def user(good: float):
        figures = {"comprehensiveness area": good, "sufficiency area": 0.0}
        less = figures | {"comprehensiveness area": good - 0.1}
        return {"figures": {faithfulness.HISTORY: {faithfulness.MEASURED: figures, faithfulness.RANDOM: less}}}

    found = faithfulness.summary([user(0.2), user(0.9), user(0.5)])
    (difference,) = found["differences"]
    assert difference["comprehensiveness area"] == pytest.approx({"mean": 0.1, "low": 0.1, "high": 0.1})
    assert "measured influence beats random" in faithfulness.markdown(found)
