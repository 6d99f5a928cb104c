"""What a validation measures, against numbers worked out by hand."""

from __future__ import annotations

import os
import random
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from msr import prompts
from msr.schema import Item
from tests.train.tiny_run import CONFIG, STORE, draw
from train.learn.loop import fit
from train.learn.model import Learner, views_of
from train.learn.validation import mean_answer_loss, slate_auc
from train.teach.examples import Example, Slate

MUG = prompts.recommend("", [], Item("1", "a mug"))
SLATES = [Slate((MUG,) * len(liked), liked) for liked in ((True, False, False), (False, True, True), (True, False))]
# Above one of two and equal to the other; below and above its only one; below.
LOGITS = [1.0, 1.0, 0.0, 3.0, 2.0, 4.0, 0.0, 0.5]
AUC = (0.75 + 0.0 + 1.0 + 0.0) / 4
MADE_FROM = {"stage": "sft", "data": {"ratings.csv": "0123"}, "start": None}
SHORT = replace(CONFIG, steps=1, save_every=1)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_the_auc_of_slates_by_hand(learner, monkeypatch, rows):
    left = list(LOGITS)
    monkeypatch.setattr(
        learner, "answer_logits", lambda batch, views: torch.tensor([left.pop(0) for _ in range(len(batch.liked))])
    )
    assert slate_auc(learner, SLATES, {}, rows) == {"auc": AUC}


def test_the_answer_loss_does_not_depend_on_the_rows_of_a_pass(learner):
    examples = [Example(prompts.describe(Item("1", "a mug")), answer) for answer in ("A mug.", "A much longer answer.")]
    found = next(e for n in range(9) for name, e in [draw(random.Random(n))] if name == "describe")
    examples += found
    batch = learner.encoder().answers(examples)
    with torch.no_grad():
        once = learner.answer_loss(batch, views_of(STORE, batch)).item()
        for rows in (1, 2, 8):
            assert mean_answer_loss(learner, examples, STORE, rows)["loss"] == pytest.approx(once, abs=1e-5)


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
