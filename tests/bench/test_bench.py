"""The benchmark on tiny models: equal answers on all sides, and rows of the documented form."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from msr import backbones, bench, cli, prompts
from msr.bench import baselines, floor, inputs, jobs
from msr.bench.inputs import QUICK, Plan
from msr.bench.timing import Row, timed
from msr.schema import InputProblem
from tests import tiny, tiny_classes
from tests.backbones import reference
from tests.fakes import FakeBackbone

SMALL = {
    "score": (4,), "describe": (3,), "histories": (2,), "candidates": 3, "preference_tokens": 80, "baselines": 3,
    "index": (200,),
}  # fmt: skip
TASKS = {
    "start-up", "score", "score new pictures", "describe", "preference steps", "decode", "decode, generate",
    "decode, static cache", "decode, dynamic int8",
    "whole job", "whole job, explained", "shortlist", "profile: score", "profile: describe",
}  # fmt: skip


@pytest.fixture(scope="module", params=["pocket", "llava"])
def result(request) -> bench.Result:
    load = partial(tiny_classes.backbone, request.param)
    return bench.run(load, SMALL, True, (), lambda message, fraction: None)


@pytest.mark.parametrize("name", tiny_classes.KINDS)
def test_ours_the_published_loop_and_the_plain_pass_agree(name):
    backbone = tiny_classes.backbone(name)
    text = inputs.preference(backbone, 80)
    asked = [prompts.recommend(text, (), item) for item in inputs.items(8, "x ")]
    asked.append(prompts.recommend(text, ("a mug",), inputs.items(1, "y ")[0]))
    ours = [answer.score for answer in backbone.score(asked)]
    assert max(ours) - min(ours) > 0.01, "the candidates must differ to matter"
    for other in (baselines.published, baselines.plain):
        assert [answer.score for answer in other(backbone, asked)] == pytest.approx(ours, abs=2e-3)


def test_every_job_has_its_row(result):
    assert {row["task"] for row in result.rows} == TASKS
    rows = {row["task"]: row for row in result.rows}
    for row in result.rows:
        assert isinstance(row["n"], int)
        assert row.get("ours_s", 1) > 0
    for task in ("score", "score new pictures"):
        row = rows[task]
        assert row["n"] == 4 and row["apart"] < 2e-3
        assert row["scaled"] == ("published_s", "plain_s"), "the baselines ran on three of four"
        assert row["ratio_published"] == pytest.approx(row["published_s"] / row["ours_s"])
    # The machine's rate is measured anew for each row, so floors of two rows are not compared.
    assert min(rows[task]["floor_s"] for task in ("score", "score new pictures")) > 0
    assert not any("note" in rows[f"decode, {name}"] for name in ("generate", "static cache")), "all write the same"
    assert rows["decode, dynamic int8"]["rate"] > 0
    for task in ("profile: score", "profile: describe"):
        told = {name: int(share) for name, share in re.findall(r"(\w[\w ]*) (\d+)%", rows[task]["note"])}
        assert list(told) == [jobs.PRODUCTS, jobs.ATTENTION, jobs.REST, jobs.PYTHON]
        assert sum(told.values()) == pytest.approx(100, abs=2)
        assert min(told[jobs.PRODUCTS], told[jobs.REST], told[jobs.PYTHON]) > 0, "a tiny model does all of it"
    assert result.machine["gmacs"] > 0 and result.machine["model"]["name"] == "tiny"


def test_a_profile_puts_every_operator_somewhere():
    spent = {
        "aten::addmm": 2.0,
        "mkldnn::_linear_pointwise": 1.0,
        "aten::_softmax": 0.5,
        "aten::mul": 0.25,
        "odd": 0.25,
    }
    found = jobs.shares(8.0, spent)
    assert found == {jobs.PRODUCTS: 0.375, jobs.ATTENTION: 0.0625, jobs.REST: 0.0625, jobs.PYTHON: 0.5}
    assert jobs.shares(1.0, {"aten::mm": 1.25})[jobs.PYTHON] == 0.0, "clocks differ a little"


def test_a_model_in_half_precision_decodes_in_every_way():
    backbone = tiny.pocket_backbone()
    backbone.model = backbone.model.to(torch.bfloat16)
    rows = {row.task: row for row in baselines.decoding(backbone)}
    assert rows["decode, dynamic int8"].rate > 0
    assert backbone.model.dtype == torch.bfloat16


def test_the_table_has_a_line_for_each_row(result):
    table = result.markdown().splitlines()
    body = [line for line in table if line.startswith("| ")][2:]
    assert len(body) == len(result.rows)
    assert len({line.count("|") for line in body}) == 1
    assert "~" in next(line for line in body if line.startswith("| score |"))


def test_the_floor_counts_what_a_prefix_saves():
    backbone = tiny.pocket_backbone()
    weights = 2 * (32 * 32 * 2 + 2 * 32 * 16 + 3 * 32 * 48)  # two layers: q, o; k, v; gate, up, down
    assert floor.reading(backbone, 0, [1]) == weights + 2 * 32 * 2
    alone = floor.reading(backbone, 0, [11, 11])
    shared = floor.reading(backbone, 10, [1, 1])
    assert alone - shared == 10 * weights + 2 * 32 * 2 * 55, "ten tokens once instead of twice"


def test_looking_at_a_picture_is_counted_for_each_and_forgotten():
    backbone = tiny.pocket_backbone()
    pictures = [item.picture for item in inputs.items(3, "x ")]
    one = floor.looking(backbone, pictures[:1])
    assert one > 0 and floor.looking(backbone, pictures) == 3 * one


def test_inputs_are_equal_in_every_run_and_differ_between_items():
    again = inputs.items(5, "x ")
    assert inputs.items(5, "x ") == again
    assert len({item.picture.digest for item in (*again, *inputs.items(5, "y "))}) == 10


def test_what_is_short_is_measured_three_times_and_prepared_each_time():
    done = []
    took = timed(lambda: done.append("work"), before=lambda: done.append("before"))
    assert done == ["before", "work"] * 3
    assert took.seconds >= 0 and took.peak_mb > 0


def test_a_system_without_resource_tells_no_peak(monkeypatch):
    """As on Windows, where the standard library has no such module."""
    monkeypatch.setitem(sys.modules, "resource", None)
    fresh = importlib.util.find_spec("msr.bench.timing")
    timing = importlib.util.module_from_spec(fresh)
    monkeypatch.setitem(sys.modules, "msr.bench.timing", timing)
    fresh.loader.exec_module(timing)
    monkeypatch.setattr(timing, "_STATUS", Path("/nowhere"))
    monkeypatch.setattr(timing, "_on_gpu", lambda: False)
    took = timing.timed(lambda: 7)
    assert (took.peak_mb, took.result) == (None, 7)
    assert "peak_mb" not in timing.Row("x", 1, took.seconds, peak_mb=took.peak_mb).to_json()


def test_only_measured_sides_are_scaled():
    row = Row("x", 10, 1.0, 2.0, None).scaled_by(5)
    assert (row.ours_s, row.published_s, row.plain_s, row.scaled) == (1.0, 10.0, None, ("published_s",))


def test_a_size_that_is_not_positive_is_named():
    with pytest.raises(ValueError, match="describe is 0"):
        Plan(describe=(3, 0))


def test_a_model_elsewhere_cannot_be_compared():
    with pytest.raises(InputProblem, match="in this process"):
        bench.run(FakeBackbone, {}, True, (), lambda message, fraction: None)


def test_the_command_prints_a_table_and_writes_json(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setattr(backbones, "load", lambda *_: tiny.pocket_backbone())
    more = tmp_path / "train.json"
    more.write_text(json.dumps({"rows": [{"task": "training", "n": 8, "rate": 7.5, "unit": "pairs/s"}]}))
    out = tmp_path / "out.json"
    sizes = ["--score", "3", "--describe", "2", "--histories", "2", "--index", "100", "--baselines", "2"]
    assert cli.main(["bench", "--quick", "--json", str(out), "--include", str(more), *sizes]) == 0
    said = capsys.readouterr()
    assert "| score |" in said.out and "7.5 pairs/s" in said.out and "scoring" in said.err
    record = json.loads(out.read_text("utf-8"))
    assert set(record) == {"machine", "rows"}
    assert {"task", "n", "ours_s", "published_s", "plain_s", "floor_s", "peak_mb"} <= set(record["rows"][1])
    more.write_text("[]")
    assert cli.main(["bench", "--include", str(more)]) == 2


def test_each_timing_of_scores_reads_the_prefix(monkeypatch):
    backbone = tiny.pocket_backbone()
    passes = []

    def counting(work, before=lambda: None):
        for _ in range(2):  # as what is quick is measured several times
            before()
            with reference.counted(backbone.model.get_decoder()) as sizes:
                result = work()
        passes.append(sizes)
        return SimpleNamespace(seconds=1.0, peak_mb=1.0, result=result)

    monkeypatch.setattr(jobs, "timed", counting)
    list(jobs.scoring(backbone, replace(QUICK, score=(4,), preference_tokens=80)))
    *_, new, known = passes
    assert new == known and len(new) == 2 and new[0] == 1
