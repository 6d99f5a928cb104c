"""The recommender on titles alone: from the command's options to an adapter that differs in its LoRA only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.train.worlds import names
from train.cli import main, parser
from train.learn import recommender_training
from train.learn.artifacts import PUBLISHED, save
from train.learn.model import Learner


@pytest.fixture
def logs(tmp_path) -> Path:
    """Thirty videos, three users who train and two to validate with, in the MicroLens format."""
    folder = tmp_path / "microlens"
    folder.mkdir()
    users = [*names("train", 3), *names("validation", 2)]
    lines = [f"{user}\t{' '.join(str(1 + (k + n) % 30) for n in range(8))}" for k, user in enumerate(users)]
    (folder / "MicroLens-50k_pairs.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    titles = [f"{n},video {n}" for n in range(1, 31)]
    (folder / "MicroLens-50k_titles.csv").write_text("\n".join(["item,title", *titles]) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def start(tmp_path, checkpoint) -> Path:
    learner = Learner(str(checkpoint), 2, 4, True)
    save(learner, tmp_path / "start", torch.randn(8, 24), torch.randn(2, 24))
    return tmp_path / "start"


def options(logs: Path, start: Path, out: Path, steps: int) -> list[str]:
    return [
        *("sft", "--dataset", "microlens", "--data", str(logs), "--start", str(start), "--out", str(out)),
        *("--rank", "2", "--steps", str(steps), "--validate-every", "1"),
    ]


def test_the_lora_learns_and_the_rest_stays(logs, start, tmp_path, checkpoint, monkeypatch):
    monkeypatch.setattr(recommender_training.assemble, "fetch", lambda report: checkpoint)
    monkeypatch.setattr(recommender_training, "VALIDATION_SLATES", 3)
    out = tmp_path / "out"
    recommender_training.run(parser().parse_args(options(logs, start, out, 1)))
    recommender_training.run(parser().parse_args(options(logs, start, out, 2)))  # goes on
    part = json.loads((out / "training.json").read_text(encoding="utf-8"))["sft"]
    assert (part["steps"], part["users"], part["dataset"]) == (2, 3, "microlens")
    assert part["best_validation"][1].keys() == {"auc"}
    assert list(part["mean_loss_by_tenth"]) == ["recommend"]
    before, after = (load_file(folder / PUBLISHED[1]) for folder in (start, out))
    assert any(not torch.equal(before[name], after[name]) for name in before)
    for name in PUBLISHED[2:]:
        assert all(torch.equal(w, load_file(out / name)[k]) for k, w in load_file(start / name).items())


def test_other_data_in_the_same_folder_is_one_sentence(logs, start, tmp_path, checkpoint, monkeypatch, capsys):
    monkeypatch.setattr(recommender_training.assemble, "fetch", lambda report: checkpoint)
    monkeypatch.setattr(recommender_training, "VALIDATION_SLATES", 3)
    command = options(logs, start, tmp_path / "out", 1)
    recommender_training.run(parser().parse_args(command))
    pairs = logs / "MicroLens-50k_pairs.tsv"
    pairs.write_text(pairs.read_text().replace(" 2 ", " 30 "), encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["train", *command])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "holds a run of other data or other settings (data: " in capsys.readouterr().err


def test_a_wider_step_holds_as_many_times_the_slates(logs, start, tmp_path, checkpoint, monkeypatch):
    monkeypatch.setattr(recommender_training.assemble, "fetch", lambda report: checkpoint)
    monkeypatch.setattr(recommender_training, "VALIDATION_SLATES", 3)
    parts = {}
    for batch in ("1", "3"):
        out = tmp_path / batch
        recommender_training.run(
            parser().parse_args([*options(logs, start, out, 1), "--batch", batch, "--lora-lr", "0.002"])
        )
        parts[batch] = json.loads((out / "training.json").read_text(encoding="utf-8"))["sft"]
    assert [part["config"]["rows"] for part in parts.values()] == [
        recommender_training.SLATES,
        3 * recommender_training.SLATES,
    ]
    assert parts["3"]["pairs"] > 2 * parts["1"]["pairs"]
    assert parts["3"]["config"]["lora_lr"] == 0.002 and parts["3"]["device"] == "cpu"


def test_what_is_frozen_is_kept_in_the_bits_of_the_activations(checkpoint, monkeypatch):
    monkeypatch.setattr(recommender_training.assemble, "fetch", lambda report: checkpoint)
    for precision, dtype in (("no", torch.float32), ("bf16", torch.bfloat16)):
        words = ["sft", "--dataset", "microlens", "--data", ".", "--start", ".", "--out", ".", "--precision", precision]
        learner = recommender_training._pocket(parser().parse_args(words))
        learns = set(learner.trainable())
        assert {p.dtype for n, p in learner.named_parameters() if n in learns} == {torch.float32}
        assert learner.head.weight.dtype == dtype


def test_a_checkpoint_makes_its_steps_itself(logs, tmp_path, monkeypatch, capsys):
    words = ["sft", "--dataset", "microlens", "--data", str(logs), "--out", str(tmp_path / "out"), "--workers", "2"]
    monkeypatch.setattr("sys.argv", ["train", *words, "--backbone", "some/checkpoint"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert "--workers is for the pocket model" in capsys.readouterr().err


def test_data_that_are_not_there_are_one_sentence(start, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["train", *options(tmp_path / "nowhere", start, tmp_path / "out", 1)])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and "nowhere" in said and "Traceback" not in said


def test_pictures_have_no_split_by_time(start, tmp_path, monkeypatch, capsys):
    words = ["sft", "--data", str(tmp_path), "--start", str(start), "--out", str(tmp_path / "out"), "--split", "time"]
    monkeypatch.setattr("sys.argv", ["train", *words])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert "give --split with another --dataset" in capsys.readouterr().err
