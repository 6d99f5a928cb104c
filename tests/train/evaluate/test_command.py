"""The command: its JSON and table, resuming, the data whose users are all tested, and refusals in one line."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from msr import backbones
from msr.backbones.protocol import BackboneError
from msr.intake import IntakeError
from tests.fakes import FakeBackbone
from tests.train.worlds import dataset, letters, names
from train import cli as command
from train.data.dataset import UserLog
from train.evaluate import held_out, preference_quality

ITEMS = letters(26)
TRAIN = [UserLog(name, tuple("abcdefghijklmnopqrstuvwxyz"[n % 20 :])) for n, name in enumerate(names("train", 25))]
VALIDATION = [UserLog(name, tuple("abz")) for name in names("validation", 3)]
TEST = [UserLog(name, tuple("bcz")) for name in names("test", 4)]


@pytest.fixture
def world(monkeypatch, tmp_path):
    """Readers that know two folders, and a fake model; `backbone` can be replaced."""
    known = {
        "logs": dataset(ITEMS, [*TRAIN, *VALIDATION, *TEST]),
        "strangers": dataset(ITEMS, [UserLog("x", ("a", "b"))]),
    }
    made = SimpleNamespace(backbone=FakeBackbone(), loaded=[], reads=[], known=known)

    def read(kind, path, fallback=None):
        made.reads.append((kind, path.name, fallback and fallback.name))
        if path.name not in known:
            raise IntakeError(f"The folder {path.name} is not there.")
        return known[path.name]

    def load(config):
        made.loaded.append(config.adapter)
        return made.backbone

    monkeypatch.setitem(sys.modules, "train.data.readers", SimpleNamespace(read=read))
    monkeypatch.setattr("train.data.readers", SimpleNamespace(read=read), raising=False)
    monkeypatch.setattr(backbones, "load", load)
    monkeypatch.setenv("MSR_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return made


def evaluate(monkeypatch, *args: str, data: str = "logs", out: str = "out.json") -> int:
    monkeypatch.setattr(sys, "argv", ["train", "eval", "--dataset", "folder", "--data", data, "--json", out, *args])
    with pytest.raises(SystemExit) as end:
        command.main()
    return end.value.code


def test_everything_in_one_table_and_one_file(world, monkeypatch, tmp_path, capsys):
    assert evaluate(monkeypatch, "--validation-users", "2") == 0
    figures = json.loads((tmp_path / "out.json").read_text())
    assert (figures["dataset"], figures["users"]) == ("folder", 4)
    systems = ["random", "popularity", "recent-popularity", "item-knn", "untuned", "titles-only", "mllm"]
    systems += ["statistics", "mllm+popularity", "fused"]
    for kind in ("uniform", "popularity"):
        assert [row["system"] for row in figures["rows"] if row["negatives"] == kind] == systems
    assert set(figures["rows"][0]["auc"]) == {"mean", "low", "high"}
    assert figures["model"]["adapter"] == "fake-adapter"
    assert figures["seed"] == 1
    assert "torch" in figures["versions"]
    assert set(figures["data"]) == {"train", "eval"}
    shown = capsys.readouterr().out
    mean = figures["rows"][1]["auc"]["mean"]
    assert f"| popularity | 4 | {mean:.3f} [" in shown
    assert world.loaded == ["bundled"]


def test_users_and_negatives_can_be_chosen(world, monkeypatch, tmp_path):
    assert evaluate(monkeypatch, "--users", "2", "--negatives", "uniform", "--systems", "random", "popularity") == 0
    figures = json.loads((tmp_path / "out.json").read_text())
    assert figures["users"] == 2
    assert [(row["system"], row["negatives"]) for row in figures["rows"]] == [
        ("random", "uniform"),
        ("popularity", "uniform"),
    ]
    assert not world.loaded, "no model was needed"
    assert figures["model"] is None


def test_all_users_of_the_evaluation_data_are_tested(world, monkeypatch, tmp_path):
    assert evaluate(monkeypatch, "--eval-data", "strangers", "--systems", "popularity") == 0
    figures = json.loads((tmp_path / "out.json").read_text())
    assert figures["users"] == 1
    assert figures["protocol"]["train_users"] == len(TRAIN) + len(TEST)
    assert world.reads == [("folder", "logs", None), ("folder", "strangers", "logs")]


def test_what_everybody_chose_last_can_be_held_out(world, monkeypatch, tmp_path, capsys):
    """Ten users choose all items at the times 0 to 25, three come late; 90 % of all lie before 24."""
    early = [UserLog(name, tuple(ITEMS), tuple(range(26))) for name in names("train", 10)]
    late = [UserLog(name, ("a", "x", "y"), (1, 1000, 1001)) for name in names("test", 3)]
    world.known["timed"] = dataset(ITEMS, [*early, *late])
    options = ("--split", "time", "--systems", "popularity", "--negatives", "uniform")
    assert evaluate(monkeypatch, *options, data="timed") == 0
    figures = json.loads((tmp_path / "out.json").read_text())
    assert (figures["split"], figures["protocol"]["train_users"]) == ("time", 13)
    # Of the early ones y is asked for, and of the 25 others 24 are their history.
    assert figures["rows"][0]["users"] == 3
    assert evaluate(monkeypatch, *options) == 2
    assert "no times" in capsys.readouterr().err


def test_without_an_adapter_the_untuned_model_stands_alone(world, monkeypatch, tmp_path):
    monkeypatch.setattr(type(world.backbone), "adapted", False)
    assert evaluate(monkeypatch, "--adapter", "none", "--negatives", "uniform") == 0
    systems = [row["system"] for row in json.loads((tmp_path / "out.json").read_text())["rows"]]
    assert systems == ["random", "popularity", "recent-popularity", "item-knn", "untuned", "statistics"]


def test_an_interrupted_run_goes_on_where_it_stopped(world, monkeypatch, tmp_path, capsys):
    """The model dies after three users; the second run asks about the others only, and ends as an undisturbed one."""

    class Dying(FakeBackbone):
        def score(self, prompts, stop=None):
            if self.calls["score"] == 3:
                raise KeyboardInterrupt
            return super().score(prompts, stop)

    options = ("--systems", "mllm", "--negatives", "uniform")
    world.backbone = Dying()
    assert evaluate(monkeypatch, *options) == 130
    assert "the same command continues" in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()
    world.backbone = FakeBackbone()
    assert evaluate(monkeypatch, *options) == 0
    assert world.backbone.calls["score"] == 1
    world.backbone = FakeBackbone()
    assert evaluate(monkeypatch, *options, out="whole.json") == 0
    resumed, whole = (json.loads((tmp_path / name).read_text())["rows"] for name in ("out.json", "whole.json"))
    assert [r | {"seconds": 0} for r in resumed] == [r | {"seconds": 0} for r in whole]


def test_fusion_weights_are_saved_beside_the_adapter(world, monkeypatch, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    monkeypatch.setattr("msr.intake.adapter_folder", lambda path: folder)
    assert evaluate(monkeypatch, "--adapter", "run", "--negatives", "uniform") == 0
    saved = json.loads((folder / "fusion.json").read_text())
    figures = json.loads((tmp_path / "out.json").read_text())
    weights = figures["fusion"]["uniform"]
    assert saved["fits"] == [weights["mllm+popularity"], weights["fused"]]
    assert (saved["dataset"], saved["validation_users"], saved["negatives"]) == ("folder", 3, "uniform")
    assert saved["adapter_sha256"] == figures["model"]["adapter_sha256"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--users", "0"), "users is 0"),
        (("--eval-data", "nowhere"), "nowhere is not there"),
        (("--adapter", "none", "--systems", "mllm"), "mllm needs an adapter"),
        (("--adapter", "nowhere"), "is not a local folder"),
        (("--preference", "symbolic"), "symbolic knows films"),
        (("--systems", "gru4rec-images"), "gru4rec-images: picture features"),
    ],
)
def test_bad_input_is_one_line_and_code_2(world, monkeypatch, capsys, args, message):
    assert evaluate(monkeypatch, *args) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ")
    assert message in error


def test_a_missing_folder_is_one_line(world, monkeypatch, capsys):
    assert evaluate(monkeypatch, data="elsewhere") == 2
    assert capsys.readouterr().err == "error: The folder elsewhere is not there.\n"


def test_a_model_that_cannot_be_had_has_its_own_code(world, monkeypatch, capsys):
    def load(config):
        raise BackboneError("the wheel cannot be fetched")

    monkeypatch.setattr(backbones, "load", load)
    assert evaluate(monkeypatch) == 3
    assert capsys.readouterr().err == "error: the wheel cannot be fetched\n"


def test_held_out_pictures_keep_their_command(world, monkeypatch, tmp_path):
    """As before there were data sets: no --dataset, and the figures are merged into a run's file."""
    asked = []
    monkeypatch.setattr("train.teach.material.load", lambda root, drawn: (root.name, drawn))
    monkeypatch.setattr(held_out, "evaluate", lambda *args: asked.append(args[1:]) or {"held_out": {"pictures": 3}})
    monkeypatch.setattr(preference_quality, "of_simulated_users", lambda *args: {"drawn": {"users": args[2]}})
    (tmp_path / "run.json").write_text('{"sft": 1}')
    words = "train eval --data d --json run.json --pictures 3 --users 4 --drawn 5 --seed 6"
    monkeypatch.setattr(sys, "argv", words.split())
    with pytest.raises(SystemExit) as end:
        command.main()
    assert end.value.code == 0
    assert asked == [(("d", 5), 3, 4, 6)]
    found = json.loads((tmp_path / "run.json").read_text())
    assert (found["sft"], found["held_out"], found["evaluated"]["name"]) == (1, {"pictures": 3}, "fake")
    assert found["preference_quality"]["drawn"] == {"users": 2}
    assert found["preference_quality"]["model"]["name"] == "fake"


def test_preference_quality_can_be_measured_alone(world, monkeypatch, tmp_path):
    """What the file says of held-out pictures stays, with the model that it was said of."""
    monkeypatch.setattr("train.teach.material.load", lambda root, drawn: None)
    monkeypatch.setattr(held_out, "evaluate", lambda *args: pytest.fail("nothing else was asked for"))
    monkeypatch.setattr(preference_quality, "of_simulated_users", lambda *args: {"drawn": {"users": args[2]}})
    (tmp_path / "run.json").write_text('{"held_out": 1, "evaluated": 2}')
    words = "train eval --data d --json run.json --pictures 0 --users 0 --quality-users 9"
    monkeypatch.setattr(sys, "argv", words.split())
    with pytest.raises(SystemExit) as end:
        command.main()
    assert end.value.code == 0
    found = json.loads((tmp_path / "run.json").read_text())
    assert (found["held_out"], found["evaluated"], found["preference_quality"]["drawn"]) == (1, 2, {"users": 9})


def test_no_pictures_to_describe_is_one_line(world, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(sys, "argv", f"train eval --data {tmp_path} --json out.json".split())
    with pytest.raises(SystemExit) as end:
        command.main()
    assert end.value.code == 2
    assert "holds none of" in capsys.readouterr().err


def test_a_picture_that_cannot_be_read_costs_itself_and_is_counted_and_named(world, monkeypatch, tmp_path, capsys):
    (tmp_path / "posters").mkdir()
    (tmp_path / "posters" / "z.jpg").write_bytes(b"")
    data = world.known["logs"]
    broken = {"z": replace(data.items["z"], image=tmp_path / "posters" / "z.jpg")}
    world.known["logs"] = replace(data, items={**data.items, **broken})
    small = ("--systems", "random", "mllm", "--users", "2", "--validation-users", "0", "--negatives", "uniform")
    assert evaluate(monkeypatch, *small) == 0
    said = "posters/z.jpg: the file is empty; only JPEG, PNG, WebP, AVIF or HEIC pictures are read."
    refused = json.loads((tmp_path / "out.json").read_text("utf-8"))["pictures_refused"]
    assert refused == {"count": 1, "first": [said]}
    assert f"note: {said}" in capsys.readouterr().err
