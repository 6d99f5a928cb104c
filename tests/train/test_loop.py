"""The loop: it resumes as if nothing had happened, learns, and touches the adapter alone."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch

from msr import prompts
from msr.schema import Item
from tests.fakes import picture
from tests.tiny import VISION
from train.encode import Example, Slate
from train.loop import LoopConfig, fit
from train.model import Learner, views_of

COLOURS = ("red", "blue", "green", "yellow")
PICTURES = {c: picture(c) for c in COLOURS}
STORE = {PICTURES[c].digest: torch.full((17, VISION + 6), n / 4) for n, c in enumerate(COLOURS)}


def step_loss(learner: Learner, rng: random.Random) -> tuple[str, torch.Tensor, int]:
    """Two descriptions, or one slate; which, and of what, the random numbers say."""
    encoder = learner.encoder()
    chosen = [Item(c, f"a {c} mug", PICTURES[c]) for c in rng.sample(COLOURS, 2)]
    if rng.random() < 0.5:
        batch = encoder.answers([Example(prompts.describe(i), f"A {i.id} plain mug.") for i in chosen])
        return "describe", learner.answer_loss(batch, views_of(STORE, batch)), batch.tokens
    slate = Slate(tuple(prompts.recommend("", [], i) for i in chosen), (True, False))
    batch = encoder.slates([slate])
    return "recommend", learner.slate_loss(batch, views_of(STORE, batch)), batch.tokens


def interrupted_at(step: int):
    """A step function that is interrupted when it has been called `step` times."""
    calls = []

    def loss(learner, rng):
        if len(calls) == step:
            raise KeyboardInterrupt
        calls.append(0)
        return step_loss(learner, rng)

    return loss


CONFIG = LoopConfig(steps=8, lora_lr=5e-3, connector_lr=5e-3, warmup=2, save_every=2)


@pytest.fixture(scope="module")
def straight(make_learner, tmp_path_factory) -> tuple[Learner, dict, dict[str, torch.Tensor], Path]:
    """An uninterrupted run: the learner, what it reports, its parameters before, its folder."""
    folder = tmp_path_factory.mktemp("straight")
    learner = make_learner(seed=1)
    before = {n: p.detach().clone() for n, p in learner.named_parameters()}
    return learner, fit(learner, CONFIG, step_loss, folder), before, folder


def test_an_interrupted_run_goes_on_as_if_it_had_not_been(straight, make_learner, tmp_path):
    whole, reported, _, _ = straight
    with pytest.raises(KeyboardInterrupt):
        fit(make_learner(seed=1), CONFIG, interrupted_at(5), tmp_path)  # a step beyond the last checkpoint
    resumed = make_learner(seed=2)  # its own start does not matter
    after = fit(resumed, CONFIG, step_loss, tmp_path)
    assert [(s, n) for s, n, _ in after["losses"]] == [(s, n) for s, n, _ in reported["losses"]]
    assert [x for *_, x in after["losses"]] == pytest.approx([x for *_, x in reported["losses"]], abs=1e-5)
    ours = whole.trainable()
    for name, weight in resumed.trainable().items():
        torch.testing.assert_close(weight, ours[name], atol=1e-6, rtol=0)
    assert after["tokens"] == reported["tokens"]
    assert {p.name for p in tmp_path.iterdir()} == {"checkpoint.pt"}


def test_a_finished_run_is_not_run_again(straight, make_learner):
    _, reported, _, folder = straight
    again = fit(make_learner(seed=3), CONFIG, interrupted_at(0), folder)
    assert again["losses"] == reported["losses"]


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
    assert {n for _, n, _ in reported["losses"]} == set(reported["final"]) == {"describe", "recommend"}
    assert reported["config"]["steps"] == 8
    assert reported["seconds"] > 0
    assert reported["tokens"] > 8 * 50


def test_the_loss_falls(make_learner, tmp_path):
    def one(learner, rng):
        return step_loss(learner, random.Random(3))  # the same examples each time

    done = fit(make_learner(), LoopConfig(steps=12, lora_lr=1e-2, warmup=1), one, tmp_path)
    losses = [x for *_, x in done["losses"]]
    assert losses[-1] < 0.8 * losses[0]


def test_the_seed_decides_what_is_drawn(make_learner, tmp_path):
    learner, drawn = make_learner(), []

    def first_draw(learner, rng):
        drawn.append(rng.random())
        raise KeyboardInterrupt

    for seed in (1, 1, 2):
        with pytest.raises(KeyboardInterrupt):
            fit(learner, LoopConfig(steps=1, seed=seed), first_draw, tmp_path)
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize(
    ("step", "rate"), [(0, 0.25), (1, 0.5), (3, 1.0), (4, 1.0), (8, 0.525), (12, 0.05), (99, 0.05)]
)
def test_the_rate_warms_up_and_falls_as_a_cosine(step, rate):
    # Half way down, at step 8 of 4 to 12: 0.05 + 0.95 / 2.
    assert LoopConfig(steps=12, warmup=4).rate(step) == pytest.approx(rate)


@pytest.mark.parametrize("name", ["steps", "save_every"])
def test_a_bad_setting_is_named(name):
    with pytest.raises(ValueError, match=f"{name} is 0"):
        LoopConfig(**{"steps": 5, name: 0})
