"""The loop: it resumes as if nothing had happened, learns, and touches the adapter alone."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from accelerate.state import AcceleratorState

from tests.train.tiny_run import CONFIG, STORE, draw
from train.learn import loop
from train.learn.encode import Counts
from train.learn.loop import LoopConfig, fit
from train.learn.model import Learner, views_of


def interrupted_at(step: int):
    """A draw that is interrupted when it has been called `step` times."""
    calls = []

    def drawing(rng):
        if len(calls) == step:
            raise KeyboardInterrupt
        calls.append(0)
        return draw(rng)

    return drawing


def losses_of(done: dict) -> list[float]:
    return [value for *_, value in done["losses"]]


@pytest.fixture(scope="module")
def straight(make_learner, tmp_path_factory) -> tuple[Learner, dict, dict[str, torch.Tensor], Path]:
    """An uninterrupted run: the learner, what it reports, its parameters before, its folder."""
    folder = tmp_path_factory.mktemp("straight")
    learner = make_learner(seed=1)
    before = {n: p.detach().clone() for n, p in learner.named_parameters()}
    return learner, fit(learner, CONFIG, draw, STORE, folder), before, folder


def test_an_interrupted_run_goes_on_as_if_it_had_not_been(straight, make_learner, tmp_path):
    whole, reported, _, _ = straight
    with pytest.raises(KeyboardInterrupt):
        fit(make_learner(seed=1), CONFIG, interrupted_at(5), STORE, tmp_path)  # a step beyond the last checkpoint
    resumed = make_learner(seed=2)  # its own start does not matter
    after = fit(resumed, CONFIG, draw, STORE, tmp_path)
    assert [(s, n) for s, n, _ in after["losses"]] == [(s, n) for s, n, _ in reported["losses"]]
    assert losses_of(after) == pytest.approx(losses_of(reported), abs=1e-5)
    ours = whole.trainable()
    for name, weight in resumed.trainable().items():
        torch.testing.assert_close(weight, ours[name], atol=1e-6, rtol=0)
    assert (after["tokens"], after["pairs"]) == (reported["tokens"], reported["pairs"])
    assert {p.name for p in tmp_path.iterdir()} == {"checkpoint.pt", "logs"}


def test_a_finished_run_is_not_run_again(straight, make_learner):
    _, reported, _, folder = straight
    again = fit(make_learner(seed=3), CONFIG, interrupted_at(0), STORE, folder)
    assert again["losses"] == reported["losses"]


def test_a_checkpoint_from_before_pairs_were_counted_is_resumed(straight, make_learner, tmp_path):
    _, reported, _, folder = straight
    kept = torch.load(folder / "checkpoint.pt", weights_only=True)
    for name in ("pairs", "validations"):
        del kept["state"][name]
    torch.save(kept, tmp_path / "checkpoint.pt")
    longer = fit(make_learner(), replace(CONFIG, steps=9), draw, STORE, tmp_path)
    assert longer["step"] == 9
    assert longer["losses"][:8] == reported["losses"]


def test_training_changes_every_adapter_weight_and_no_base_weight(straight):
    learner, _, before, _ = straight
    trainable = learner.trainable()
    for name, weight in learner.named_parameters():
        assert torch.equal(weight, before[name]) == (name not in trainable), name
    for name, weight in trainable.items():
        if "lora_B" in name:
            assert weight.abs().max() > 0, f"{name} still does nothing"


def test_what_is_reported_is_what_happened(straight):
    _, reported, _, _ = straight
    assert reported["step"] == 8
    assert [s for s, *_ in reported["losses"]] == list(range(8))
    drawn = [draw(random.Random(f"{CONFIG.seed}/{step}")) for step in range(8)]
    assert [n for _, n, _ in reported["losses"]] == [name for name, _ in drawn]
    assert set(reported["final"]) == {name for name, _ in drawn} == {"describe", "recommend", "preference"}
    sizes = {"describe": 3, "recommend": 8, "preference": 1}
    assert reported["pairs"] == sum(sizes[name] for name, _ in drawn)
    assert reported["config"]["steps"] == 8
    assert reported["seconds"] > 0
    assert reported["tokens"] > 8 * 50


def test_the_loss_falls(make_learner, tmp_path):
    def one(rng):
        return draw(random.Random(3))  # the same examples each time

    done = fit(make_learner(), LoopConfig(steps=12, lora_lr=1e-2, warmup=1), one, STORE, tmp_path)
    assert losses_of(done)[-1] < 0.8 * losses_of(done)[0]


def test_the_seed_decides_what_is_drawn(make_learner, tmp_path):
    learner, drawn = make_learner(), []

    def first_draw(rng):
        drawn.append(rng.random())
        raise KeyboardInterrupt

    for seed in (1, 1, 2):
        with pytest.raises(KeyboardInterrupt):
            fit(learner, LoopConfig(steps=1, seed=seed), first_draw, STORE, tmp_path)
    assert drawn[0] == drawn[1] != drawn[2]


# -- parts of a step ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_the_shares_of_a_step_add_up_to_its_loss(learner, seed):
    encoder = learner.encoder()
    _, examples = draw(random.Random(seed))
    whole = encoder.encode(examples)
    parts = [encoder.encode([example]) for example in examples]
    assert sum((part.counts for part in parts), Counts()) == whole.counts
    with torch.no_grad():
        together = learner.loss(whole, views_of(STORE, whole), whole.counts)
        shares = [learner.loss(part, views_of(STORE, part), whole.counts) for part in parts]
    torch.testing.assert_close(sum(shares), together, atol=1e-5, rtol=0)


def test_accumulation_learns_what_one_big_batch_does(make_learner, tmp_path):
    done = {}
    for parts in (1, 2, 5):  # 5 are more than a step has examples
        learner = make_learner(seed=1)
        learner.connector.drop.p = learner.swap = 0.0  # drawn for each part
        done[parts] = fit(learner, replace(CONFIG, accumulate=parts), draw, STORE, tmp_path / str(parts))
        done[parts]["weights"] = learner.trainable()
    for parts in (2, 5):
        assert losses_of(done[parts]) == pytest.approx(losses_of(done[1]), abs=2e-4)
        assert done[parts]["pairs"] == done[1]["pairs"]
        for name, weight in done[parts]["weights"].items():
            torch.testing.assert_close(weight, done[1]["weights"][name], atol=2e-3, rtol=0)


def test_an_interruption_amid_the_parts_of_a_step_does_no_harm(make_learner, tmp_path, monkeypatch):
    config = replace(CONFIG, steps=4, accumulate=3)
    straight = fit(make_learner(seed=1), config, draw, STORE, tmp_path / "straight")
    left = [7]  # passes, of one to three a step

    def interrupting(store, batch):
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        return views_of(store, batch)

    monkeypatch.setattr(loop, "views_of", interrupting)
    with pytest.raises(KeyboardInterrupt):
        fit(make_learner(seed=1), config, draw, STORE, tmp_path / "broken")
    monkeypatch.undo()
    resumed = fit(make_learner(seed=2), config, draw, STORE, tmp_path / "broken")
    assert losses_of(resumed) == pytest.approx(losses_of(straight), abs=1e-5)


def test_half_precision_learns_nearly_the_same(straight, make_learner, tmp_path):
    AcceleratorState._reset_state()  # accelerate fixes the precision of a process at its first use
    try:
        done = fit(make_learner(seed=1), replace(CONFIG, precision="bf16"), draw, STORE, tmp_path)
    finally:
        AcceleratorState._reset_state()
    assert losses_of(done) != losses_of(straight[1])
    # The rates are high, so what is rounded away grows from step to step.
    assert losses_of(done)[:6] == pytest.approx(losses_of(straight[1])[:6], rel=0.03)
    assert losses_of(done)[6:] == pytest.approx(losses_of(straight[1])[6:], rel=0.15)


# -- settings -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "rate"), [(0, 0.25), (1, 0.5), (3, 1.0), (4, 1.0), (8, 0.525), (12, 0.05), (99, 0.05)]
)
def test_the_rate_warms_up_and_falls_as_a_cosine(step, rate):
    # Half way down, at step 8 of 4 to 12: 0.05 + 0.95 / 2.
    assert LoopConfig(steps=12, warmup=4).rate(step) == pytest.approx(rate)


@pytest.mark.parametrize(
    ("name", "value"),
    [("steps", 0), ("save_every", 0), ("accumulate", 0), ("validate_every", -1), ("patience", -1), ("patience", 2)]
    + [("precision", "fp8")],
)
def test_a_bad_setting_is_named(name, value):
    with pytest.raises(ValueError, match=f"{name} is {value!r}"):
        LoopConfig(**{"steps": 5, name: value})


def test_sharded_layers_in_half_floats_are_refused():
    with pytest.raises(ValueError, match="--shard does not work with fp16.* Use bf16"):
        LoopConfig(steps=1, shard=True, precision="fp16")


def test_one_process_alone_cannot_share_its_layers(make_learner, tmp_path):
    with pytest.raises(ValueError, match="--shard needs several processes.* torchrun"):
        fit(make_learner(), replace(CONFIG, shard=True), draw, STORE, tmp_path)
