"""Random, popularity and item-kNN against values worked out by hand, and against the future."""

from __future__ import annotations

import csv
from math import sqrt
from pathlib import Path

import numpy as np
import pytest

from tests.train.worlds import users
from train import metrics
from train.data import protocol, splits
from train.data.dataset import CatalogueItem, Dataset, Interactions, UserLog
from train.data.splits import Case
from train.evaluate.baselines.counts import HALF_LIFE, SHRINK, ItemKnn, Popularity, RandomOrder, RecentPopularity

MICROLENS = Path(__file__).parents[5] / "shared" / "data" / "microlens-50k"


def asked(history: str, candidates: str, moment: int | None = None) -> Case:
    return Case("kim", tuple(history), candidates[0], tuple(candidates[1:]), moment)


def test_random_scores_follow_from_user_and_item_and_are_uniform():
    system = RandomOrder().fit((), ())
    first = system.scores(asked("z", "abc"))
    assert first[1:].tolist() == system.scores(asked("zy", "bc")).tolist(), "whatever else is asked"
    assert first.tolist() != system.scores(Case("tom", ("z",), "a", ("b", "c"))).tolist()
    many = [system.scores(Case(f"n{n}", (), "a", ("b",))) for n in range(500)]
    assert np.mean(many) == pytest.approx(0.5, abs=0.03)
    assert np.mean([a > b for a, b in many]) == pytest.approx(0.5, abs=0.07)


def test_popularity_counts_what_came_before():
    logs = users("train", "aab", "ac", times=[(1, 5, 9), (2, 7)])
    system = Popularity().fit(logs, list("abcd"))
    assert system.scores(asked("z", "abcd")).tolist() == [3, 1, 1, 0]
    assert system.scores(asked("z", "abcd", moment=7)).tolist() == [3, 0, 0, 0]
    assert system.scores(asked("z", "abcd", moment=5)).tolist() == [2, 0, 0, 0]
    assert system.scores(asked("z", "x")).tolist() == [0], "an item that nobody knows"


def test_recent_popularity_halves_with_each_item_that_follows_in_the_log():
    system = RecentPopularity().fit(users("train", "abc", "ca"), list("abcd"))
    assert system.scores(asked("z", "abcd")).tolist() == [0.25 + 1, 0.5, 1 + 0.5, 0]
    assert system.scores(asked("z", "x")).tolist() == [0]


def test_recent_popularity_halves_with_every_month_before_the_target():
    month = int(HALF_LIFE)
    logs = users("train", "abc", "a", times=[(0, month, 3 * month), (2 * month,)])
    system = RecentPopularity().fit(logs, list("abcd"))
    assert system.scores(asked("z", "abcd", moment=2 * month)) == pytest.approx([0.25, 0.5, 0, 0])
    later = [1 / 8 + 1 / 2, 1 / 4, 0, 0]  # what happens at the moment itself does not count
    assert system.scores(asked("z", "abcd", moment=3 * month)) == pytest.approx(later)


# Users of the items: a 1 2 3, b 1 2, c 2 4, d 3, e 4.
LOGS = users("train", "ab", "abc", "da", "ce")


def similarity(both: int, one: int, other: int) -> float:
    return both / sqrt((one + SHRINK) * (other + SHRINK))


def test_item_knn_is_the_shrunken_cosine_summed_over_the_history():
    system = ItemKnn().fit(LOGS, list("abcdef"))
    ab, ac, bc = similarity(2, 3, 2), similarity(1, 3, 2), similarity(1, 2, 2)
    assert system.scores(asked("a", "bcd")) == pytest.approx([ab, ac, similarity(1, 3, 1)], rel=1e-6)
    assert system.scores(asked("bc", "ae")) == pytest.approx([ab + ac, similarity(1, 2, 1)], rel=1e-6)
    assert system.scores(asked("ab", "c")) == pytest.approx([ac + bc], rel=1e-6)
    assert system.scores(asked("aab", "c")) == pytest.approx([ac + bc], rel=1e-6), "an item counts once"


def test_items_that_never_met_the_history_are_ordered_by_popularity():
    system = ItemKnn().fit(LOGS, list("abcdef"))
    a, b, c, f = system.scores(asked("e", "abcf"))
    assert c > a > b > f == 0, "c met e; of the others a has three users and b two"
    assert system.scores(asked("x", "ab")).argmax() == 0, "an unknown history says nothing"
    assert system.scores(asked("a", "xb"))[0] == 0, "an unknown candidate has no neighbours"
    assert system.scores(asked("", "ab")).argmax() == 0


def test_a_user_who_chose_twice_counts_once():
    once, twice = ItemKnn().fit(users("train", "ab"), "ab"), ItemKnn().fit(users("train", "abab"), "ab")
    assert once.scores(asked("a", "b")) == pytest.approx(twice.scores(asked("a", "b")), rel=1e-9)


def test_item_knn_does_not_look_ahead():
    logs = users("train", "ab", "ba", times=[(1, 10), (0, 20)])  # the second user's a comes late
    system = ItemKnn().fit(logs, list("ab"))
    found = {m: system.scores(asked("a", "b", moment=m))[0] for m in (1, 10, 11, 20, 21, None)}
    assert found[1] == pytest.approx(0, abs=1e-8), "nobody has both, and one user has b"
    assert found[10] == found[1]
    assert found[11] == pytest.approx(similarity(1, 1, 2), rel=1e-6)
    assert found[20] == found[11]
    assert found[21] == pytest.approx(similarity(2, 2, 2), rel=1e-6) == found[None]


def test_an_interaction_at_time_zero_is_one():
    system = ItemKnn().fit(users("train", "ab", times=[(0, 0)]), list("ab"))
    assert system.scores(asked("a", "b", moment=1))[0] == pytest.approx(similarity(1, 1, 1), rel=1e-6)


@pytest.mark.skipif(not MICROLENS.is_dir(), reason="needs MicroLens-50k in ../shared/data, which is not published here")
def test_microlens_has_the_figures_that_were_measured_before():
    """Popularity about 75.7, item-kNN 4 to 5 points above (docs/evaluation.md); 1,000 users: standard error 0.8."""
    logs = []
    for line in (MICROLENS / "MicroLens-50k_pairs.tsv").read_text(encoding="utf-8").splitlines():
        user, items = line.split("\t")
        logs.append(UserLog(user, tuple(items.split())))
    with (MICROLENS / "MicroLens-50k_titles.csv").open(encoding="utf-8", newline="") as file:
        titles = {row["item"]: CatalogueItem(row["item"], row["title"]) for row in csv.DictReader(file)}
    people = splits.roles(Dataset("microlens", titles, tuple(logs)))
    train = Interactions(people.train, list(titles))
    cases = [protocol.case(u, train, "uniform", seed=1) for u in protocol.choose(people.test, 1000, seed=1)]
    auc = {}
    for system in (RandomOrder(), Popularity(), RecentPopularity(), ItemKnn()):
        system.fit(people.train, list(titles))
        scores = [system.scores(case) for case in cases]
        auc[system.name] = np.mean([metrics.user_metrics(s[0], s[1:])["auc"] for s in scores])
    assert auc["random"] == pytest.approx(0.5, abs=0.03)
    assert auc["popularity"] == pytest.approx(0.757, abs=0.02)
    assert auc["recent-popularity"] == pytest.approx(0.83, abs=0.02)
    assert auc["item-knn"] - auc["popularity"] == pytest.approx(0.042, abs=0.015)
