"""Counts that stop before a moment, on a log small enough to count by hand."""

from __future__ import annotations

import pytest

from train.data.dataset import Interactions
from train.data.logs import UserLog

LOGS = [UserLog("ann", ("a", "b", "a"), (10, 20, 40)), UserLog("bob", ("b", "x", "c"), (5, 20, 30))]


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
