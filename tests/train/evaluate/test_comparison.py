"""Rows of the table on a world small enough to rank by hand; who may touch which number."""

from __future__ import annotations

import re

import numpy as np
import pytest

from msr import prompts
from msr.schema import InputProblem, YesNo
from msr.storage import TextCache
from tests.fakes import FakeBackbone
from tests.train.worlds import dataset, letters, names
from train.data import protocol, splits
from train.data.dataset import Interactions, UserLog
from train.evaluate import comparison, systems
from train.evaluate.comparison import EvalConfig, compare
from train.evaluate.model_system import ScoreLog
from train.evaluate.systems import Builder

ITEMS = letters(26)
CHEAP = ("random", "popularity", "item-knn")


class Knowing(FakeBackbone):
    """Says Yes to item z, with the adapter on; without it, to nothing."""

    def score(self, prompts, stop=None):
        self._called("score", prompts)
        liked = [re.search(r'"item (.)"$', p.text).group(1) == "z" and self.adapted for p in prompts]
        return [YesNo(float(yes), 0.0) for yes in liked]


def world(train_logs=("abc", "abd", "abz", "efghijklmnopqrstuvwxy"), tested=("abz", "eaz"), validation=("acz", "abz")):
    """Everyone ends with z; all items but z are met by training users as the logs say."""
    logs = [
        UserLog(name, tuple(history))
        for split, histories in (("train", train_logs), ("test", tested), ("validation", validation))
        for name, history in zip(names(split, len(histories)), histories, strict=True)
    ]
    return dataset(ITEMS, logs)


def figures(data=None, backbone=None, **settings) -> dict:
    data = data or world()
    settings = {"users": 10, "validation_users": 10, "negatives": ("uniform",), "systems": CHEAP} | settings
    builder = Builder(data.items, backbone or Knowing(), TextCache(), ScoreLog(), "titles")
    return compare(builder, splits.roles(data), EvalConfig(**settings))


def row(found: dict, system: str, negatives: str = "uniform") -> dict:
    return next(r for r in found["rows"] if (r["system"], r["negatives"]) == (system, negatives))


def test_popularity_ranks_as_counted_by_hand():
    """The full catalogue, so that nothing is drawn; z was chosen once in training.

    User 1 (a, b, then z): the 23 others were chosen once too: half of them are beaten.
    User 2 (e, a, then z): b was chosen three times, 22 others once: 11 of 23 are beaten.
    """
    every = row(figures(full_catalogue=True), "popularity", "all")
    assert every["users"] == 2
    assert every["auc"] == pytest.approx({"mean": (0.5 + 11 / 23) / 2, "low": 11 / 23, "high": 0.5}, abs=1e-4)
    assert every["hr@10"]["mean"] == 0


def test_item_knn_ranks_as_counted_by_hand():
    """User 1: c, d and z met a and b once each, all others never: rank 2 of 24, 22 of 23 are beaten.

    User 2: b met a three times, f to y met e, which fewer users have than a: 21 are nearer than z, c and d are as
    near: rank 23 of 24, 1 of 23 is beaten.
    """
    every = row(figures(full_catalogue=True), "item-knn", "all")
    assert every["auc"] == pytest.approx({"mean": 0.5, "low": 1 / 23, "high": 22 / 23}, abs=1e-4)
    assert every["hr@10"]["mean"] == 0.5
    assert every["ndcg@10"]["mean"] == pytest.approx(0.5 / np.log2(3), abs=1e-4)


def test_a_model_that_knows_is_first_and_all_systems_answer_the_same_users():
    found = figures(systems=comparison.DEFAULT_SYSTEMS, negatives=("uniform", "popularity"))
    assert found["users"] == 2
    assert [r["system"] for r in found["rows"]] == list(comparison.DEFAULT_SYSTEMS) * 2
    assert {r["users"] for r in found["rows"]} == {2}
    for kind in ("uniform", "popularity"):
        assert row(found, "mllm", kind)["auc"] == {"mean": 1.0, "low": 1.0, "high": 1.0}
        assert row(found, "mllm", kind)["hr@3"]["mean"] == row(found, "mllm", kind)["mrr@3"]["mean"] == 1.0
        assert row(found, "untuned", kind)["auc"]["mean"] == 0.5, "it says the same of everything"
        assert row(found, "titles-only", kind)["auc"]["mean"] == 1.0
    assert set(found["rows"][0]) == {"system", "negatives", "users", "seconds", "auc"} | {
        f"{m}@{k}" for m in ("hr", "mrr", "ndcg") for k in (3, 5, 10)
    }


def test_all_systems_are_asked_about_the_same_candidates():
    backbone = Knowing()
    data = world()
    figures(data, backbone, systems=("untuned", "titles-only", "mllm"))
    people = splits.roles(data)
    train = Interactions(people.train, ITEMS)
    wanted = {c for u in people.test for c in protocol.case(u, train, "uniform", 1).candidates}
    asked = [re.search(r'"item (.)"$', p.text).group(1) for p in backbone.prompts["score"]]
    assert set(asked) == wanted
    assert len(asked) == 2 * 2 * 21, "two users, untuned and tuned; titles alone is no other question here"


def test_only_two_systems_see_no_pictures(monkeypatch):
    seen: list[bool] = []
    monkeypatch.setattr(systems, "AppItems", lambda items, pictured, refused: seen.append(pictured))
    builder = Builder(world().items, Knowing(), TextCache(), ScoreLog(), "titles")
    for name in ("untuned", "titles-only", "mllm", "tallrec"):
        builder.model(name)
    assert seen == [True, False, True, False]


def test_tallrec_reads_titles_whatever_the_others_read():
    backbone, data = Knowing(), world()
    builder = Builder(data.items, backbone, TextCache(), ScoreLog(), "generated")
    compare(builder, splits.roles(data), EvalConfig(10, 10, ("uniform",), ("tallrec",)))
    assert "generate" not in backbone.calls
    assert all(prompt.text.startswith(prompts.UNKNOWN) for prompt in backbone.prompts["score"])
    compare(builder, splits.roles(data), EvalConfig(10, 10, ("uniform",), ("mllm", "tallrec")))
    assert "generate" in backbone.calls
    assert len(backbone.prompts["score"]) == 2 * 2 * 21, "two users; what tallrec was asked is known"


def test_differences_are_paired():
    found = figures(systems=("popularity", "untuned", "mllm"))
    assert [(d["system"], d["minus"]) for d in found["differences"]] == [("mllm", "untuned"), ("mllm", "popularity")]
    assert found["differences"][0]["auc"] == {"mean": 0.5, "low": 0.5, "high": 0.5}
    assert found["differences"][0]["hr@5"]["mean"] == 1.0


def test_fused_rows_need_validation_users():
    systems = ("mllm", "statistics", "fused")
    assert [r["system"] for r in figures(systems=systems)["rows"]] == list(systems)
    assert [r["system"] for r in figures(systems=systems, validation_users=0)["rows"]] == ["mllm"]
    assert [r["system"] for r in figures(world(validation=()), systems=systems)["rows"]] == ["mllm"]


def test_the_fusion_of_a_model_that_knows_trusts_it():
    found = figures(systems=("fused", "mllm+popularity"))
    assert found["fusion"]["uniform"]["fused"]["model"] > 0
    signals = {"model", "log-popularity", "log-recent-popularity", "item-knn"}
    assert set(found["fusion"]["uniform"]["fused"]) == signals
    assert set(found["fusion"]["uniform"]["mllm+popularity"]) == {"model", "log-popularity"}
    assert row(found, "fused")["auc"]["mean"] == 1.0
    assert found["protocol"]["fusion_users"] == 2


def test_test_users_never_touch_the_fit():
    """Other test users, with other histories and targets: the same weights. Another validation user: other weights."""
    systems = ("statistics", "fused")
    weights = figures(systems=systems)["fusion"]
    assert figures(world(tested=("cdefgz", "xyb", "kla")), systems=systems)["fusion"] == weights
    assert figures(systems=systems, users=1)["fusion"] == weights
    assert figures(world(validation=("acz", "xyb")), systems=systems)["fusion"] != weights


@pytest.mark.parametrize("others", [("abz", "eaz", "zzz"), ("abz", "eaz", *["zy"] * 5)])
def test_test_users_never_touch_a_statistic(others):
    """More test users change nothing in how the first ones are scored."""
    data, fewer = world(tested=others), world(tested=others[:2])
    for system in ("popularity", "recent-popularity", "item-knn"):
        scored = []
        for one in (data, fewer):
            people = splits.roles(one)
            train = Interactions(people.train, ITEMS)
            made = Builder(one.items, None, TextCache(), ScoreLog(), "titles").baseline(system)
            made.fit(people.train, ITEMS, people.validation)
            user = next(u for u in people.test if u.user == names("test", 1)[0])
            scored.append(made.scores(protocol.case(user, train, "uniform", 1)).tolist())
        assert scored[0] == scored[1]


def test_the_model_ranks_the_full_catalogue_of_a_few_users():
    backbone = Knowing()
    found = figures(backbone=backbone, systems=("popularity", "mllm"), full_catalogue=True, full_model_users=1)
    assert row(found, "popularity", "all")["users"] == 2
    assert row(found, "mllm", "all")["users"] == 1
    assert row(found, "mllm", "all")["auc"]["mean"] == 1.0
    none = figures(backbone=backbone, systems=("popularity", "mllm"), full_catalogue=True)
    assert [r["system"] for r in none["rows"] if r["negatives"] == "all"] == ["popularity"]


def test_what_was_done_is_recorded():
    found = figures(systems=("random", "mllm"), users=1)
    assert found["protocol"]["preference"] == "titles"
    assert (found["protocol"]["train_users"], found["protocol"]["items"], found["protocol"]["seed"]) == (4, 26, 1)
    assert list(found["preference_samples"]["mllm"].values()) == [""]


def test_nobody_to_ask_is_one_clear_sentence():
    with pytest.raises(InputProblem, match="no user has a history and 20 possible negatives"):
        figures(world(tested=("z",)))
    with pytest.raises(InputProblem, match="no user has a history and 20 possible negatives"):
        figures(dataset("abc", [UserLog(names("test", 1)[0], ("a", "b"))]))


def test_equal_times_are_said_to_be_the_reason():
    logs = [UserLog(log.user, log.items, (5,) * len(log.items)) for log in world().users]
    with pytest.raises(
        InputProblem, match="possible negatives: all times in the logs are equal, .* Leave the times out"
    ):
        figures(dataset(ITEMS, logs))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"users": 0}, "users is 0"),
        ({"full_model_users": -1}, "full_model_users is -1"),
        ({"negatives": ("hard",)}, "negatives are 'hard'"),
        ({"negatives": ()}, "negatives are 'none'"),
        ({"systems": ("oracle",)}, "system 'oracle'"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        EvalConfig(**settings)


def test_intervals_are_over_users():
    """The model is right about two of three users and knows nothing of the third, whose last item is b."""
    auc = row(figures(world(tested=("abz", "eaz", "zab")), systems=("mllm",)), "mllm")["auc"]
    # All three draws hit the third user in 1 of 27 resamples, which is more than 2.5 %.
    assert auc == pytest.approx({"mean": 2.5 / 3, "low": 0.5, "high": 1.0}, abs=1e-4)
