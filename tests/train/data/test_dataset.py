"""Counts that stop before a moment, on a log small enough to count by hand."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from train.data.dataset import Interactions, UserLog
from train.data.readers import movielens

# SHA-256 of "user/NAME", first 8 hex digits, modulo 100: ann 52 and bob 37 train, kim 1 test, amy 25 validation.
TRAIN, TEST, VALIDATION = ("ann", "bob"), "kim", "amy"
RATINGS = """userId,movieId,rating,timestamp
ann,10,4.0,300
kim,20,5.0,50
ann,20,1.0,100
bob,10,3.0,7
ann,30,2.5,200
kim,10,5.0,60
bob,40,0.5,9
amy,10,4.0,1
kim,40,5.0,40
bob,30,3.0,9
amy,20,4.0,2
kim,50,1.0,1000000000
"""
LOGS = [UserLog("ann", ("a", "b", "a"), (10, 20, 40)), UserLog("bob", ("b", "x", "c"), (5, 20, 30))]


@pytest.fixture
def users(tmp_path: Path) -> dict[str, UserLog]:
    (tmp_path / "ratings.csv").write_text(RATINGS, encoding="utf-8")
    films = [f"{n},Film {n},Drama" for n in (10, 20, 30, 40, 50)]
    (tmp_path / "movies.csv").write_text("\n".join(["movieId,title,genres", *films]), encoding="utf-8")
    return {log.user: log for log in movielens.read(tmp_path).users}


def test_histories_are_in_time_order_and_ties_in_the_order_of_the_file(users):
    assert {u: log.items for u, log in users.items()} == {
        "ann": ("20", "30", "10"),
        "kim": ("40", "20", "10", "50"),
        "bob": ("10", "40", "30"),
        "amy": ("10", "20"),
    }


def test_users_are_split_by_their_name_alone(users):
    assert {u: log.split for u, log in users.items()} == {
        **dict.fromkeys(TRAIN, "train"),
        TEST: "test",
        VALIDATION: "validation",
    }
    assert UserLog("kim", ()).split == UserLog("kim", ("1", "2")).split == "test"


def test_about_a_fifth_of_the_users_are_kept_for_the_test():
    shares = Counter(UserLog(str(n), ()).split for n in range(5000))
    assert shares["test"] / 5000 == pytest.approx(0.20, abs=0.02)
    assert shares["validation"] / 5000 == pytest.approx(0.06, abs=0.012)


def test_the_time_of_an_interaction(users):
    assert users["ann"].times == (100, 200, 300)
    assert users["ann"].time_of(-1) == 300
    assert UserLog("ann", ("1",)).time_of(0) is None


@pytest.mark.parametrize(("times", "message"), [((1,), "2 items and 1 times"), ((2, 1), "not in order")])
def test_times_that_do_not_fit_are_refused(times, message):
    with pytest.raises(ValueError, match=message):
        UserLog("ann", ("1", "2"), times)


@pytest.mark.parametrize(
    ("moment", "counts"),
    [
        (5, [0, 0, 0, 0]),  # strictly before
        (6, [0, 1, 0, 0]),
        (20, [1, 1, 0, 0]),
        (21, [1, 2, 0, 0]),
        (41, [2, 2, 1, 0]),
        (None, [2, 2, 1, 0]),
    ],
)
def test_counts_stop_before_the_moment(moment, counts):
    log = Interactions(LOGS, "abcd")
    assert log.counts(moment).tolist() == counts


def test_unknown_items_are_left_out():
    log = Interactions(LOGS, "abcd")
    assert len(log.times) == 5, "x is no item"
    assert log.columns_of(["c", "x", "a"]).tolist() == [2, 0]


def test_interactions_without_times_count_at_any_moment():
    log = Interactions([UserLog("ann", ("a", "b"))], "ab")
    assert log.counts(None).tolist() == log.counts(-5).tolist() == [1, 1]


def test_a_log_of_nobody_counts_nothing():
    assert Interactions([], "ab").counts(3).tolist() == [0, 0]
