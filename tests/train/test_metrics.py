"""Ranking metrics against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest

from train import metrics


@pytest.mark.parametrize(
    ("positive", "negatives", "rank", "auc"),
    [
        (5, [1, 2, 3, 4], 1.0, 1.0),
        (0, [1, 2, 3, 4], 5.0, 0.0),
        (3, [1, 2, 4, 5], 3.0, 0.5),
        (3, [1, 3, 4, 2], 2.5, 0.625),  # better than two, equal to one: (2 + 0.5) / 4
        (3, [3, 3, 3, 3], 3.0, 0.5),  # a constant scorer is at chance
        (1, [1, 1, 0, 0], 2.0, 0.75),
    ],
)
def test_rank_and_auc_count_a_tie_as_half(positive, negatives, rank, auc):
    assert metrics.midrank(positive, negatives) == rank
    assert metrics.auc(rank, len(negatives)) == auc


@pytest.mark.parametrize(
    ("rank", "k", "hr", "mrr", "ndcg"),
    [
        (1.0, 3, 1.0, 1.0, 1.0),
        (2.0, 3, 1.0, 0.5, 0.6309298),  # 1 / log2(3)
        (3.0, 3, 1.0, 1 / 3, 0.5),  # 1 / log2(4)
        (3.5, 3, 0.0, 0.0, 0.0),
        (2.5, 5, 1.0, 0.4, 0.5532947),  # 1 / log2(3.5)
        (10.0, 10, 1.0, 0.1, 0.2890648),
        (11.0, 10, 0.0, 0.0, 0.0),
    ],
)
def test_one_positive_at_k(rank, k, hr, mrr, ndcg):
    row = metrics.at_k(rank, k)
    assert row == pytest.approx({f"hr@{k}": hr, f"mrr@{k}": mrr, f"ndcg@{k}": ndcg}, abs=1e-6)


def test_a_user_against_twenty_negatives():
    # Three are better and two are equal: rank 1 + 3 + 1 = 5, and 15 + 1 of 20 are beaten.
    row = metrics.user_metrics(10, [11, 12, 13, 10, 10, *range(-15, 0)])
    assert set(row) == {"auc"} | {f"{m}@{k}" for m in ("hr", "mrr", "ndcg") for k in (3, 5, 10)}
    assert row["auc"] == pytest.approx(0.8)
    assert (row["hr@3"], row["hr@5"], row["hr@10"]) == (0.0, 1.0, 1.0)
    assert row["mrr@5"] == row["mrr@10"] == pytest.approx(0.2)
    assert row["ndcg@10"] == pytest.approx(1 / math.log2(6))


def test_a_scorer_without_knowledge_is_not_better_than_chance():
    row = metrics.user_metrics(0.0, [0.0] * 20)  # midrank 11
    assert row["auc"] == 0.5
    assert row["hr@10"] == row["hr@5"] == 0.0


def test_an_interval_holds_the_mean_and_is_the_same_twice():
    values = [0.0] * 50 + [1.0] * 50
    found = metrics.interval(values)
    assert found["mean"] == 0.5
    # A mean of 100 coin flips has deviation 0.05: the interval is about 0.5 +- 0.098.
    assert found["low"] == pytest.approx(0.402, abs=0.02)
    assert found["high"] == pytest.approx(0.598, abs=0.02)
    assert metrics.interval(values) == found
    assert metrics.interval([0.7] * 9) == {"mean": 0.7, "low": 0.7, "high": 0.7}


def test_more_users_make_a_narrower_interval():
    few, many = metrics.interval([0.0, 1.0] * 10), metrics.interval([0.0, 1.0] * 1000)
    assert many["high"] - many["low"] < 0.2 * (few["high"] - few["low"])


def test_no_users_have_no_mean():
    with pytest.raises(ValueError, match="no values"):
        metrics.interval([])
