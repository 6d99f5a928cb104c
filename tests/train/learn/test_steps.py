"""Steps that worker processes make ahead: the same, in order."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from tests.train.tiny_run import CONFIG, STORE, draw
from train.learn.loop import fit
from train.learn.steps import Steps


class WhoEncodes:
    """Stands in for an encoder: what it makes of examples is how many they are, and the process it was in."""

    def encode(self, examples):
        return len(examples), os.getpid()


def numbered(rng):
    """A step whose task is the first number that its generator gives, with seven examples."""
    return str(rng.random()), list(range(7))


@pytest.mark.parametrize("workers", [0, 2])
def test_steps_come_in_order_and_follow_from_seed_and_number(workers):
    steps = Steps(numbered, WhoEncodes(), 5, 3)
    made = list(steps.iterate(range(4, 9), workers))
    assert [step.task for step in made] == [steps[number].task for number in range(4, 9)]
    assert len({step.task for step in made}) == 5
    assert [[size for size, _ in step.parts] for step in made] == [[3, 2, 2]] * 5, "seven are dealt out to three parts"
    elsewhere = {pid for step in made for _, pid in step.parts} - {os.getpid()}
    assert len(elsewhere) == workers


def test_fewer_examples_than_parts_make_a_part_each():
    (step,) = Steps(lambda rng: ("few", [1, 2]), WhoEncodes(), 5, 3).iterate(range(1), 0)
    assert [size for size, _ in step.parts] == [1, 1]


def test_a_run_with_workers_learns_what_one_without_does(make_learner, tmp_path):
    alone = fit(make_learner(seed=1), CONFIG, draw, STORE, tmp_path / "alone")
    fed = fit(make_learner(seed=1), replace(CONFIG, workers=2), draw, STORE, tmp_path / "fed")
    assert fed["losses"] == alone["losses"]
    assert (fed["tokens"], fed["pairs"]) == (alone["tokens"], alone["pairs"])
