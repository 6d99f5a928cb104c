"""Order, repeats and the k-core on logs that are worked out by hand."""

from __future__ import annotations

from random import Random

import pytest

from train.data.dataset import UserLog
from train.data.readers.assemble import Interactions


def pairs(text: str, **options) -> Interactions:
    """ "ua ub va" is user u with item a, then b, and v with a; times count up."""
    return Interactions.collect(((p[0], p[1], n) for n, p in enumerate(text.split())), **options)


def left(interactions: Interactions) -> str:
    return " ".join(log.user + item for log in interactions.logs() for item in log.items)


def test_users_keep_the_files_order_and_items_are_put_in_time_order():
    rows = [("v", "a", 30), ("u", "b", 9), ("v", "c", 10), ("u", "a", 9), ("v", "d", 10)]
    assert Interactions.collect(rows).logs() == (
        UserLog("v", ("c", "d", "a"), (10, 10, 30)),
        UserLog("u", ("b", "a"), (9, 9)),
    )


def test_milliseconds_order_what_seconds_cannot():
    rows = [("u", "b", 5900), ("u", "a", 5100), ("u", "c", 6000)]
    assert Interactions.collect(rows, per_second=1000).logs() == (UserLog("u", ("a", "b", "c"), (5, 5, 6)),)


def test_without_times_the_files_order_counts():
    assert Interactions.collect([("u", "b", 9), ("v", "x", 0), ("u", "a", 1)], timed=False).logs() == (
        UserLog("u", ("b", "a")),
        UserLog("v", ("x",)),
    )


def test_of_repeated_interactions_the_first_in_time_stays():
    rows = [("u", "a", 9), ("u", "b", 5), ("u", "a", 3), ("v", "a", 9), ("u", "a", 3)]
    first = Interactions.collect(rows).first_only()
    assert first.logs() == (UserLog("u", ("a", "b"), (3, 5)), UserLog("v", ("a",), (9,)))
    assert left(pairs("ua ub ua va", timed=False).first_only()) == "ua ub va"


def test_the_core_is_taken_again_until_nothing_falls_out():
    # c has one user; without it w has one item; without that b has one user; without that ... u, v and a, d stay.
    log = pairs("ua ud va vd ub wb wc")
    assert left(log.core(2)) == "ua ud va vd"
    assert left(log.core(1)) == "ua ud ub va vd wb wc"
    assert len(log.core(3)) == 0


@pytest.mark.parametrize("seed", range(5))
def test_every_user_and_item_of_a_core_has_enough(seed):
    rng = Random(seed)
    rows = {(rng.choice("uvwxyz"), rng.choice("abcdefgh")) for _ in range(60)}
    core = Interactions.collect((*row, 0) for row in sorted(rows)).core(3)
    assert len(core) > 0
    kept = [(log.user, item) for log in core.logs() for item in log.items]
    for column in (0, 1):
        assert all([row[column] for row in kept].count(row[column]) >= 3 for row in kept)


def test_only_known_items_stay():
    kept = pairs("ua ub va vc").of_items({"a", "x"})
    assert left(kept) == "ua va" and kept.item_ids() == {"a"}


def test_nothing_stays_nothing():
    empty = Interactions.collect([])
    assert len(empty.first_only().core(2)) == 0 and empty.logs() == () and empty.item_ids() == set()
