"""A run is gone on with only from a whole checkpoint, of the same weights, that was made from the same things."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.train.tiny_run import CONFIG, STORE, draw
from train.learn.loop import fit
from train.learn.model import Learner

MADE_FROM = {"stage": "sft", "data": {"ratings.csv": "0123"}, "start": None}
SHORT = replace(CONFIG, steps=1, save_every=1)


@pytest.fixture(scope="module")
def begun(make_learner, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("begun")
    fit(make_learner(), SHORT, draw, STORE, folder, made_from=MADE_FROM)
    return folder


@pytest.fixture
def folder(begun, tmp_path) -> Path:
    return Path(shutil.copytree(begun, tmp_path / "run"))


def go_on(learner: Learner, folder: Path, **made_from) -> dict:
    return fit(learner, replace(SHORT, steps=2), draw, STORE, folder, made_from=MADE_FROM | made_from)


def test_the_same_things_go_on(folder, make_learner):
    assert go_on(make_learner(), folder)["step"] == 2


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"data": {"ratings.csv": "4567"}}, r"data: ratings\.csv 0123 then, ratings\.csv 4567 now"),
        ({"data": {}}, r"data: ratings\.csv 0123 then, none now"),
        ({"stage": "align"}, "stage: sft then, align now"),
        ({"start": "89ab"}, "start: None then, 89ab now"),
    ],
)
def test_a_folder_that_was_made_from_something_else_says_so(folder, make_learner, other, said):
    before = (folder / "checkpoint.pt").read_bytes()
    with pytest.raises(ValueError, match=f"run holds a run of other data or other settings .{said}.*another --out"):
        go_on(make_learner(), folder, **other)
    assert (folder / "checkpoint.pt").read_bytes() == before


def test_other_settings_are_told_and_never_ignored_in_silence(folder, make_learner):
    other = replace(SHORT, lora_lr=1e-5, connector_lr=2e-5, steps=1)
    with pytest.raises(ValueError, match=r"lora_lr: \S+ then, 1e-05 now; connector_lr: \S+ then, 2e-05 now"):
        fit(make_learner(), other, draw, STORE, folder, made_from=MADE_FROM)


def test_a_checkpoint_from_before_that_was_kept_goes_on(folder, make_learner):
    kept = torch.load(folder / "checkpoint.pt", weights_only=True)
    del kept["made_from"]
    torch.save(kept, folder / "checkpoint.pt")
    assert go_on(make_learner(), folder, stage="align")["step"] == 2


def test_another_rank_is_told(folder, checkpoint):
    with pytest.raises(ValueError, match=r"holds other weights than this model learns: .* another --rank"):
        go_on(Learner(str(checkpoint), 4, 8, True), folder)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for place in range(0, len(data), 997):
        data[place] ^= 0x55
    path.write_bytes(data)


@pytest.mark.parametrize(
    "damage",
    [
        cut, flip, lambda path: path.write_bytes(b""), lambda path: path.write_bytes(b"\x80\x04pickle"),
        lambda path: torch.save([1], path), lambda path: torch.save({"weights": {}}, path),
        lambda path: torch.save({"weights": {}, "optimiser": {}, "state": {"wrong": 1}}, path),
    ],
)  # fmt: skip
def test_a_damaged_checkpoint_is_one_sentence(folder, make_learner, damage):
    damage(folder / "checkpoint.pt")
    with pytest.raises(ValueError, match=r"checkpoint\.pt cannot be read .* Delete it to begin anew") as problem:
        go_on(make_learner(), folder)
    assert "\n" not in str(problem.value)
    (folder / "checkpoint.pt").unlink()
    assert go_on(make_learner(), folder)["step"] == 2, "what was said helps"
