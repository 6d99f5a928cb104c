"""Validations of the loop: the best weights are kept, the run ends when nothing is gained, and resumes in between."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from tests.train.learn.test_loop import interrupted_at, losses_of
from tests.train.tiny_run import CONFIG, STORE, draw
from train.learn.loop import fit
from train.learn.validation import Progress, merit

NAN = math.nan
WATCHED = replace(CONFIG, validate_every=1)


def judged(*figures: float, name: str = "auc"):
    """A validation that gives these figures, and the weights that it saw."""
    left, seen = list(figures), []

    def validate(learner):
        assert not learner.training
        seen.append({n: p.detach().clone() for n, p in learner.trainable().items()})
        return {name: left[len(seen) - 1]}

    return validate, seen


@pytest.mark.parametrize(
    ("aucs", "best", "since"),
    [
        ([], None, 0), ([0.5], 0, 0), ([0.5, 0.6], 1, 0), ([0.6, 0.5, 0.5], 0, 2), ([0.5, 0.6, 0.6], 1, 1),
        ([NAN], None, 1), ([NAN, 0.4, NAN], 1, 1), ([0.5, NAN, 0.6], 2, 0),
    ],
)  # fmt: skip
def test_the_best_validation_is_the_first_of_the_highest(aucs, best, since):
    progress = Progress(validations=[[n, {"auc": auc}] for n, auc in enumerate(aucs)])
    assert (progress.best, progress.without_gain) == (best, since)


def test_a_loss_is_better_when_it_is_lower():
    assert merit({"loss": 1.0}) > merit({"loss": 2.0}) > merit({"loss": math.inf}) == merit({"loss": NAN})


def test_the_run_ends_without_gain_and_with_the_best_weights(make_learner, tmp_path):
    validate, seen = judged(0.5, 0.7, NAN, 0.7, 0.6, 0.9)
    learner = make_learner(seed=1)
    done = fit(learner, replace(WATCHED, patience=3), draw, STORE, tmp_path, validate)
    assert done["step"] == len(seen) == 5, "three validations after the best"
    assert done["best"] == [2, {"auc": 0.7}]
    kept = torch.load(tmp_path / "best.pt", weights_only=True)
    assert kept["state"]["step"] == 2
    for name, weight in learner.trainable().items():
        assert torch.equal(weight, seen[1][name]) and torch.equal(weight, kept["weights"][name])
    assert any(not torch.equal(weight, seen[4][name]) for name, weight in learner.trainable().items())
    again, never = make_learner(seed=2), judged()[0]
    assert fit(again, replace(WATCHED, patience=3), draw, STORE, tmp_path, never)["step"] == 5, "it has ended"
    for name, weight in again.trainable().items():
        assert torch.equal(weight, seen[1][name])


def test_a_run_resumes_in_the_middle_of_its_patience(make_learner, tmp_path):
    aucs = (0.5, 0.7, 0.6, 0.6, 0.6, 0.9)
    config = replace(WATCHED, patience=3)
    straight = fit(make_learner(seed=1), config, draw, STORE, tmp_path / "straight", judged(*aucs)[0])
    broken = tmp_path / "broken"
    with pytest.raises(KeyboardInterrupt):
        fit(make_learner(seed=1), config, interrupted_at(3), STORE, broken, judged(*aucs)[0])
    resumed = make_learner(seed=2)
    done = fit(resumed, config, draw, STORE, broken, judged(*aucs[3:])[0])
    assert done["validations"] == straight["validations"] and done["best"] == straight["best"]
    assert losses_of(done) == pytest.approx(losses_of(straight), abs=1e-5)


def test_validations_change_nothing_but_the_choice(make_learner, tmp_path):
    plain = fit(make_learner(seed=1), replace(CONFIG, steps=3), draw, STORE, tmp_path / "plain")
    config = replace(CONFIG, steps=3, validate_every=2)
    watched = fit(make_learner(seed=1), config, draw, STORE, tmp_path / "watched", judged(2.0, 1.0, name="loss")[0])
    assert watched["losses"] == plain["losses"]
    assert [done for done, _ in watched["validations"]] == [2, 3], "and at the end"
    assert watched["best"] == [3, {"loss": 1.0}]
    assert plain["best"] is None and not (tmp_path / "plain" / "best.pt").exists()


def test_a_run_that_only_fails_keeps_its_last_weights(make_learner, tmp_path):
    validate, seen = judged(NAN, NAN)
    learner = make_learner(seed=1)
    done = fit(learner, replace(WATCHED, patience=2), draw, STORE, tmp_path, validate)
    assert (done["step"], done["best"]) == (2, None)
    assert not (tmp_path / "best.pt").exists()
    assert all(torch.equal(weight, seen[1][name]) for name, weight in learner.trainable().items())


def test_validations_need_something_to_validate_with(make_learner, tmp_path):
    with pytest.raises(ValueError, match="nothing to validate with"):
        fit(make_learner(), WATCHED, draw, STORE, tmp_path)


def test_tensorboard_gets_losses_speed_and_validations(make_learner, tmp_path):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    fit(make_learner(), replace(WATCHED, steps=3), draw, STORE, tmp_path, judged(0.5, 0.6, 0.7)[0])
    (file,) = (tmp_path / "logs").glob("events.*")
    log = events.EventAccumulator(str(file)).Reload()
    assert [(e.step, round(e.value, 3)) for e in log.Scalars("validation/auc")] == [(0, 0.5), (1, 0.6), (2, 0.7)]
    assert [e.value > 0 for e in log.Scalars("pairs/s")] == [True] * 3
    assert sum(len(log.Scalars(tag)) for tag in log.Tags()["scalars"] if tag.startswith("loss/")) == 3
