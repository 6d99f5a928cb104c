"""Both stages on the tiny model and a small data folder, from the command's options to what they leave behind."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from msr.schema import InputProblem
from tests import tiny
from tests.train.worlds import names
from train.cli import parser
from train.learn import pocket_training
from train.learn.artifacts import PUBLISHED
from train.teach.examples import Slate

FILMS = 24


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Films without posters, with two users who train and one to validate with."""
    root = tmp_path_factory.mktemp("data")
    folder = root / "movielens-posters"
    folder.mkdir()
    films = [f"{n},Film {n} (19{60 + n}),{('Comedy', 'Drama', 'War')[n % 3]}" for n in range(FILMS)]
    (folder / "movies.csv").write_text("\n".join(["movieId,title,genres", *films]) + "\n", encoding="utf-8")
    users = [*names("train", 2), *names("validation", 1)]
    seen = [f"{user},{n},4.0,{n}" for k, user in enumerate(users) for n in range(k, k + 14)]
    (folder / "ratings.csv").write_text("\n".join(["userId,movieId,rating,timestamp", *seen]) + "\n", encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def runs(tmp_path_factory, checkpoint, data) -> Path:
    """A folder with an aligned and a tuned run, two steps each."""
    folder = tmp_path_factory.mktemp("runs")
    _both_stages(folder, data, checkpoint)
    return folder


def _both_stages(folder: Path, data: Path, checkpoint: Path) -> None:
    shared = ["--data", str(data), "--views", str(folder / "views"), "--drawn", "150", "--rank", "2", "--steps", "2"]
    loop = ["--validate-every", "1", "--patience", "2", "--accumulate", "2"]
    small = pytest.MonkeyPatch()
    small.setattr(pocket_training.assemble, "fetch", lambda report: checkpoint)
    small.setattr(pocket_training, "VALIDATION_ANSWERS", 3)
    small.setattr(pocket_training, "VALIDATION_SLATES", 2)
    try:
        align = ["align", "--out", str(folder / "align"), "--rows", "3", "--warmup-epochs", "1"]
        pocket_training.align(parser().parse_args([*align, *shared, *loop]))
        sft = ["sft", "--out", str(folder / "sft"), "--start", str(folder / "align")]
        pocket_training.sft(parser().parse_args([*sft, *shared, *loop]))
    finally:
        small.undo()


@pytest.mark.parametrize(("stage", "figure"), [("align", "loss"), ("sft", "auc")])
def test_a_stage_validates_by_its_own_figure_and_leaves_an_adapter(runs, stage, figure):
    part = json.loads((runs / stage / "training.json").read_text(encoding="utf-8"))[stage]
    assert part["steps"] == 2 and part["pairs"] > 0
    assert part["config"]["accumulate"] == 2 and part["config"]["patience"] == 2
    done, figures = part["best_validation"]
    assert done in (1, 2) and list(figures) == [figure]
    assert {*PUBLISHED, "checkpoint.pt", "best.pt", "training.json"} <= {p.name for p in (runs / stage).iterdir()}
    best = torch.load(runs / stage / "best.pt", weights_only=True)
    assert best["state"]["validations"][-1] == [done, figures]


def test_a_run_that_goes_on_keeps_what_its_connector_knows(runs, data, checkpoint, tmp_path):
    shutil.copytree(runs, tmp_path / "again")
    _both_stages(tmp_path / "again", data, checkpoint)
    for stage in ("align", "sft"):
        first, again = (load_file(folder / stage / PUBLISHED[2]) for folder in (runs, tmp_path / "again"))
        assert first["sight.prior"].count_nonzero() < len(first["sight.prior"])  # some names are known
        for name, tensor in first.items():
            torch.testing.assert_close(again[name], tensor, msg=name)


def test_a_bad_setting_is_refused_before_anything_is_loaded(data, tmp_path):
    args = parser().parse_args(["align", "--data", str(data), "--out", str(tmp_path / "x"), "--patience", "2"])
    with pytest.raises(InputProblem, match="patience is 2"):
        pocket_training.align(args)
    assert not (tmp_path / "x").exists()


def test_views_of_another_version_are_refused(data, checkpoint, tmp_path, monkeypatch):
    (tmp_path / "views").mkdir()
    np.save(tmp_path / "views" / "00000.npy", np.zeros((1, 17, tiny.VISION + 6), np.float16))
    (tmp_path / "views" / "00000.json").write_text('["drawn/1"]')
    monkeypatch.setattr(pocket_training.assemble, "fetch", lambda report: checkpoint)
    args = ["align", "--data", str(data), "--views", str(tmp_path / "views"), "--out", str(tmp_path / "out")]
    with pytest.raises(InputProblem, match="views of another version of the pocket model"):
        pocket_training.align(parser().parse_args([*args, "--drawn", "5", "--rank", "2", "--steps", "2"]))
    assert not (tmp_path / "out").exists()


def test_validation_users_are_not_trained_on(data):
    material = pocket_training.data.load(data, drawn=5)
    slates = pocket_training._unseen_slates(material, {})
    assert len(slates) == pocket_training.VALIDATION_SLATES
    assert all(isinstance(slate, Slate) for slate in slates)
    asked = [pair for slate in slates for pair in zip(slate.prompts, slate.liked, strict=True)]
    (log,) = material.users("validation")
    assert log.items == tuple(str(n) for n in range(2, 16))
    assert {p.text.splitlines()[-1].strip('"') for p, liked in asked if liked} <= {
        f"Film {n} (19{60 + n})" for n in range(2, 16)
    }


def test_without_unseen_users_or_pictures_there_is_nothing_to_validate_with(data):
    material = pocket_training.data.load(data, drawn=5)
    without = pocket_training.data.Material(material.shots, tuple(material.users("train")))
    with pytest.raises(InputProblem, match="No validation user"):
        pocket_training._unseen_slates(without, {})
    with pytest.raises(InputProblem, match="No validation picture"):
        pocket_training._unseen_answers(material, {})
