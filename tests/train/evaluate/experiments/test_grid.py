"""The five experiments on recommending on a fake model: their files, what each cell varies, and that they go on."""

from __future__ import annotations

import csv
import json
import re
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from msr import backbones
from tests.fakes import FakeBackbone, picture
from tests.train.worlds import names
from train import cli as command
from train.data import readers
from train.data.dataset import CatalogueItem, Dataset, UserLog
from train.data.splits import Case
from train.evaluate.baselines import sequence
from train.evaluate.experiments import grid, plots, questions
from train.evaluate.experiments.grid import Cell, Plan, UserLines

COUNT = 140  # items: enough for a hundred uniform negatives beside a history


@pytest.fixture
def world(monkeypatch, tmp_path) -> SimpleNamespace:
    """A data set of mugs and lamps, most of them pictured, and a model that can be replaced."""
    path = tmp_path / "red.webp"
    path.write_bytes(picture("red").data)
    items = {
        f"i{n}": CatalogueItem(f"i{n}", f"{('mug', 'lamp')[n % 2]} {n}", path if n % 3 else None) for n in range(COUNT)
    }
    every = tuple(items)
    logs = [UserLog(name, every[n : n + 70]) for n, name in enumerate(names("train", 60))]
    logs += [UserLog(name, every[n : n + 9]) for n, name in enumerate(names("validation", 2))]
    logs += [UserLog(name, every[n * 3 : n * 3 + 32]) for n, name in enumerate(names("test", 3))]
    made = SimpleNamespace(backbone=FakeBackbone(), data=Dataset("folder", items, tuple(logs)))
    monkeypatch.setattr(readers, "read", lambda kind, path: made.data)
    monkeypatch.setattr(backbones, "load", lambda config: made.backbone)
    monkeypatch.setenv("MSR_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return made


def experiment(monkeypatch, *args: str) -> int:
    words = ["train", "experiment", *args, "--dataset", "folder", "--data", "logs", "--json", "out.json"]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as end:
        command.main()
    return end.value.code


def rows() -> dict[tuple[str, str], dict]:
    return {(row["system"], row["negatives"]): row for row in json.loads(Path("out.json").read_text())["rows"]}


def preference_prompts(backbone: FakeBackbone) -> list[str]:
    return [p.text for p in backbone.prompts["generate"] if p.text.startswith("Preference so far")]


def test_all_files_are_written(world, monkeypatch, capsys):
    assert experiment(monkeypatch, "block-size", "--users", "2") == 0
    found = json.loads(Path("out.json").read_text())
    assert (found["dataset"], found["users"]) == ("folder", 2)
    systems = [*(f"blocks of {n}" for n in (1, 3, 5, 7, 9)), "random", "popularity"]
    assert [row["system"] for row in found["rows"]] == systems
    assert {row["users"] for row in found["rows"]} == {2}
    assert found["settings"]["history"] == 9 and found["settings"]["seed"] == 1
    table = Path("out.md").read_text()
    assert table.strip() in capsys.readouterr().out and "| blocks of 3 | uniform | 2 |" in table
    with open("out.csv", encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["system"] for line in lines] == systems
    assert float(lines[0]["auc"]) == found["rows"][0]["auc"]["mean"]
    assert float(lines[0]["auc low"]) == found["rows"][0]["auc"]["low"]
    with Image.open("out.png") as image:
        assert image.format == "PNG" and image.size == (1000, 572)


def test_a_block_is_as_many_items_as_its_cell_says(world, monkeypatch):
    assert experiment(monkeypatch, "block-size", "--users", "1") == 0
    items = [prompt.count("\n- ") for prompt in preference_prompts(world.backbone)]
    assert items == [1] * 9 + [3, 3, 3] + [5, 4] + [7, 2] + [9]
    assert rows()["blocks of 1", "uniform"]["preference tokens"] > rows()["blocks of 9", "uniform"]["preference tokens"]


def test_context_length_reads_the_latest_items_in_blocks_or_at_once(world, monkeypatch):
    assert experiment(monkeypatch, "context-length", "--users", "1") == 0
    items = [prompt.count("\n- ") for prompt in preference_prompts(world.backbone)]
    assert items == [3] * (1 + 2 + 3 + 5 + 10) + [3, 6, 9, 15, 30]
    (tested,) = {record["user"].split("/")[0] for record in lines_of("out.users.jsonl")}
    last = next(log for log in world.data.users if log.user == tested).items[-2]
    shown = [prompt for prompt in preference_prompts(world.backbone) if f'"{world.data.items[last].title}"' in prompt]
    assert len(shown) == 10, "every cell ends with the item before the target"


def lines_of(name: str) -> list[dict]:
    return [json.loads(line) for line in Path(name).read_text().splitlines()[1:]]


def test_users_with_less_than_the_longest_context_take_no_part(world, monkeypatch, capsys):
    users = tuple(UserLog(u.user, u.items[:20]) if u.split == "test" else u for u in world.data.users)
    world.data = Dataset("folder", world.data.items, users)
    assert experiment(monkeypatch, "context-length") == command.BAD_INPUT
    assert "no test user has 30 items" in capsys.readouterr().err


def test_the_ablation_takes_one_part_away_at_a_time(world, monkeypatch):
    class Watched(FakeBackbone):
        def _called(self, method, prompts):
            super()._called(method, prompts)
            asked.extend((method, self.adapted, prompt) for prompt in prompts)

    asked: list = []
    world.backbone = Watched()
    assert experiment(monkeypatch, "ablation", "--users", "1") == 0
    systems = [system for system, _ in rows()]
    assert systems == ["full system", "no image summary", "direct preference", "no fine-tuning", "random", "popularity"]
    steps = [(tuned, p.text.count("\n- ")) for method, tuned, p in asked if p.text.startswith("Preference so far")]
    assert steps == [(True, 3)] * 6 + [(True, 9)] + [(False, 3)] * 3
    described = [
        (tuned, bool(p.pictures)) for _, tuned, p in asked if p.text.endswith("Describe the item in one sentence.")
    ]
    # Three of nine items have no picture: described once more only where the adapter is off.
    assert described.count((True, True)) == described.count((False, True)) == 6
    assert described.count((True, False)) == 9 and described.count((False, False)) == 3
    scored = [(tuned, bool(p.pictures)) for method, tuned, p in asked if method == "score"]
    assert (True, True) in scored and (False, True) in scored, "candidates keep their pictures"
    found = json.loads(Path("out.json").read_text())
    assert {d["minus"] for d in found["differences"]} == {"full system"} and len(found["differences"]) == 5


def test_negatives_of_four_kinds_and_the_hardest_of_a_hundred(world, monkeypatch):
    assert experiment(monkeypatch, "negatives", "--users", "2") == 0
    found = rows()
    assert {kind for _, kind in found} == {"catalogue", "uniform", "popularity", "hard"}
    assert {system for system, _ in found} == {"model", "random", "popularity", "item-knn"}
    assert found["model", "hard"]["auc"]["mean"] <= found["model", "uniform"]["auc"]["mean"]
    kept = [record["negatives"] for record in lines_of("out.users.jsonl") if "negatives" in record]
    assert [len(set(negatives)) for negatives in kept] == [20, 20]
    assert len(world.backbone.prompts["score"]) == 2 * (101 + 4 * 21)
    asked = world.backbone.calls["score"]
    assert experiment(monkeypatch, "negatives", "--users", "2") == 0
    assert world.backbone.calls["score"] == asked, "all of it is known"


def test_an_interrupted_experiment_goes_on(world, monkeypatch, capsys):
    class Dying(FakeBackbone):
        def score(self, prompts, stop=None):
            if self.calls["score"] == 3:
                raise KeyboardInterrupt
            return super().score(prompts, stop)

    world.backbone = Dying()
    assert experiment(monkeypatch, "block-size", "--users", "2") == command.INTERRUPTED
    assert "the same command continues" in capsys.readouterr().err
    known = len(lines_of("out.users.jsonl"))
    assert 0 < known < 14
    world.backbone = FakeBackbone()
    assert experiment(monkeypatch, "block-size", "--users", "2") == 0
    resumed = rows()
    Path("out.users.jsonl").unlink()
    assert experiment(monkeypatch, "block-size", "--users", "2") == 0
    assert {k: row["auc"] for k, row in rows().items()} == {k: row["auc"] for k, row in resumed.items()}


def test_image_summaries_stand_beside_pictures_and_titles(world, monkeypatch):
    def look(pictures, *rest):
        return np.random.default_rng(0).normal(size=(len(pictures), 6))

    monkeypatch.setattr(sequence, "picture_vectors", look)
    monkeypatch.setattr(sequence, "SequenceConfig", partial(sequence.SequenceConfig, epochs=1))
    world.backbone.looked_at = None
    world.backbone.model = SimpleNamespace(model=SimpleNamespace(multi_modal_projector=SimpleNamespace(vision_dim=3)))
    assert experiment(monkeypatch, "image-summary", "--items", "60") == 0
    ways = ("picture features", "summaries of pictures alone", "summaries of pictures and titles", "titles")
    assert [system for system, _ in rows()] == [*(f"GRU4Rec, {way}" for way in ways), "random", "popularity"]
    described = world.backbone.prompts["generate"]
    # All show the same picture, so without its title there is one question.
    assert sum("No title." in prompt.text for prompt in described) == 1
    assert len(described) == 61 and all(prompt.pictures for prompt in described)
    assert not world.backbone.prompts["score"]


def test_only_pictured_items_that_training_users_chose_most_take_part(world):
    data = questions.narrowed(world.data, 10)
    assert len(data.items) == 10 and all(item.image for item in data.items.values())
    assert {item for log in data.users for item in log.items} <= set(data.items)
    counts = {
        item: sum(item in log.items for log in world.data.users if log.split == "train") for item in world.data.items
    }
    left = [n for item, n in counts.items() if item not in data.items and world.data.items[item].image]
    assert min(counts[item] for item in data.items) >= max(left)


@pytest.mark.parametrize("args", [("block-size", "--history", "0"), ("negatives", "--users", "0")])
def test_numbers_under_one_are_refused(world, monkeypatch, capsys, args):
    assert experiment(monkeypatch, *args) == 2
    assert "0 is not at least 1" in capsys.readouterr().err


# -- figures by hand ----------------------------------------------------------------------------------------------


class Fixed:
    """Gives the target a score; negatives have 0."""

    def __init__(self, targets: dict[str, float]) -> None:
        self.name = "fixed"
        self._targets = targets

    def scores(self, case: Case) -> np.ndarray:
        return np.array([self._targets[case.user], *[0.0] * len(case.negatives)])


def small(tmp_path) -> tuple[Plan, dict]:
    cases = {"uniform": [Case(user, ("a",), "b", ("c", "d")) for user in ("kim", "tom")]}
    cells = (
        Cell("good", lambda: Fixed({"kim": 1.0, "tom": 1.0}), "left", "line"),
        Cell("half", lambda: Fixed({"kim": 1.0, "tom": -1.0}), "right", "line"),
        Cell("level", lambda: Fixed({"kim": 0.0, "tom": 0.0})),
    )
    plan = Plan("A title", "across", cells, cases, reference="good", joined=True)
    log = UserLines(tmp_path / "lines.jsonl", {})
    grid.run(plan, log)
    return plan, grid.summary(plan, log)


def test_rows_and_differences_by_hand(tmp_path):
    plan, found = small(tmp_path)
    assert [row["auc"]["mean"] for row in found["rows"]] == [1.0, 0.5, 0.5]
    assert found["rows"][1]["auc"] == {"mean": 0.5, "low": 0.0, "high": 1.0}
    assert [(d["system"], d["minus"], d["auc"]["mean"]) for d in found["differences"]] == [
        ("half", "good", -0.5),
        ("level", "good", -0.5),
    ]
    assert "| half - good | uniform | -0.500 [-1.000, 0.000] |" in grid.markdown(plan, found)
    assert grid.as_csv(found).splitlines()[0].startswith("system,negatives,users,auc,auc low,auc high,hr@3")


def test_points_are_where_the_figures_say(tmp_path):
    """A dot of the first line's colour at its mean, and the dashes of the level at theirs."""
    plan, found = small(tmp_path)
    drawn = grid.plot(plan, found)
    assert drawn.places() == ["left", "right"]
    assert drawn.levels == {"level": 0.5}
    (axes,) = plots.intervals(drawn).axes
    assert [text.get_text() for text in axes.get_xticklabels()] == ["left", "right"]
    (dots, _, (bars,)), level = axes.containers[0], axes.lines[-1]
    assert dots.get_ydata().tolist() == [
        drawn.lines[next(iter(drawn.lines))][place]["mean"] for place in drawn.places()
    ]
    assert [(low, high) for (_, low), (_, high) in bars.get_segments()] == [
        pytest.approx((point["low"], point["high"])) for point in next(iter(drawn.lines.values())).values()
    ]
    assert set(level.get_ydata()) == {0.5} and level.get_linestyle() == "--"
    assert plots.png(plots.intervals(drawn)) == plots.png(plots.intervals(drawn))


def test_a_step_without_a_share_is_a_gap():
    figure = plots.shares("t", "x", ["1", "2", "3"], {"a": [0.5, None, 1.0]})
    (line,) = figure.axes[0].lines
    assert str(line.get_ydata().tolist()) == "[0.5, nan, 1.0]"
    assert plots.svg(figure) == plots.svg(plots.shares("t", "x", ["1", "2", "3"], {"a": [0.5, None, 1.0]}))


def test_a_bar_in_a_text_does_not_break_the_table(tmp_path):
    plan, found = small(tmp_path)
    found["rows"][0]["sample"] = "mugs | lamps"
    assert re.search(r"\| good \| uniform \| mugs \\\| lamps \|", grid.markdown(plan, found))
