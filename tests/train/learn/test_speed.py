"""The two loops whose speed is compared compute the same thing."""

from __future__ import annotations

import json

import pytest
import torch

from msr.backbones.pocket.model import COLOUR, GRID
from msr.bench.timing import included
from tests.tiny import SEEN
from train.cli import main, parser
from train.learn import speed
from train.learn.model import Learner


def gradients(name: str, learner: Learner, slates, views) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    batches_of, loss_of = speed.LOOPS[name]
    whole = learner.encoder().slates(slates).counts
    learner.zero_grad()
    loss = sum(loss_of(learner, batch, views, whole) for batch in batches_of(learner.encoder(), slates))
    loss.backward()
    return loss.detach(), {n: p.grad.clone() for n, p in learner.trainable().items()}


def test_both_loops_have_the_same_loss_and_gradients(learner):
    (slates,), views = speed.steps_of(1, 2, 5, 3, (1 + GRID * GRID, SEEN + COLOUR))
    packed, ours = gradients("packed", learner, slates, views)
    plain, theirs = gradients("plain", learner, slates, views)
    learner.zero_grad()
    torch.testing.assert_close(packed, plain, atol=1e-4, rtol=0)
    for name, gradient in ours.items():
        torch.testing.assert_close(gradient, theirs[name], atol=1e-3, rtol=1e-3)


def test_the_command_reports_both_loops(checkpoint, tmp_path, capsys):
    out = tmp_path / "speed.json"
    sizes = ["--slates", "1", "--candidates", "4", "--steps", "2", "--rank", "2"]
    speed.run(parser().parse_args(["speed", "--json", str(out), "--checkpoint", str(checkpoint), *sizes]))
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["pairs"] <= 2 * 4, "the first step is not counted"
    for name in ("packed", "plain"):
        assert found[name]["pairs_per_second"] > 0
        assert found[name]["peak_mib"] > 50
    assert found["packed"]["tokens"] < found["plain"]["tokens"]
    assert found["faster"] == pytest.approx(
        found["packed"]["pairs_per_second"] / found["plain"]["pairs_per_second"], abs=0.01
    )
    assert found["loss_difference"] < 1e-3
    assert f"{found['faster']} times as fast" in capsys.readouterr().out
    (row,) = included(out)  # as the benchmark's table takes it
    assert (row["task"], row["n"], row["rate"]) == ("training step", 4, found["packed"]["pairs_per_second"])
    assert row["ratio_plain"] == pytest.approx(row["plain_s"] / row["ours_s"])


@pytest.mark.parametrize(("name", "value"), [("steps", 0), ("slates", 0), ("candidates", 1)])
def test_a_bad_size_is_named(name, value, tmp_path):
    args = parser().parse_args(["speed", "--json", str(tmp_path / "x.json"), f"--{name}", str(value)])
    with pytest.raises(ValueError, match=f"{name} is {value}"):
        speed.run(args)


def test_a_bad_size_on_the_command_line_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["train", "speed", "--json", str(tmp_path / "x.json"), "--steps", "0"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert capsys.readouterr().err == "error: --steps is 0; it must be at least 1.\n"


def test_a_fault_of_the_program_is_not_called_bad_input(tmp_path, monkeypatch):
    def broken(args):
        raise ValueError("shapes do not fit")

    monkeypatch.setattr(speed, "run", broken)
    monkeypatch.setattr("sys.argv", ["train", "speed", "--json", str(tmp_path / "x.json")])
    with pytest.raises(ValueError, match="shapes do not fit"):
        main()
    monkeypatch.setattr("train.learn.pocket_training.align", broken)
    monkeypatch.setattr("sys.argv", ["train", "align", "--data", str(tmp_path), "--out", str(tmp_path / "out")])
    with pytest.raises(ValueError, match="shapes do not fit"):
        main()
