"""Cases: who is in which role, what may be a negative, and that nothing comes from the future or from test users."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from tests.train.worlds import dataset, letters, names, users
from train import protocol
from train.interactions import Interactions
from train.logs import UserLog
from train.splits import Case

ITEMS = letters(26)


def world():
    """Three training users, one validation user, two test users over 26 items; no times."""
    known = users("train", "abcdefg", "hijklmn", "opqrstu")
    return dataset(ITEMS, [*known, *users("validation", "abc"), *users("test", "xyz", "vwx")])


# -- roles --------------------------------------------------------------------------------------------------------


def test_nobody_is_in_two_roles():
    data = world()
    people = protocol.roles(data)
    assert [len(part) for part in (people.train, people.validation, people.test)] == [3, 1, 2]
    assert set(people.train) | set(people.validation) | set(people.test) == set(data.users)
    assert {u.split for u in people.test} == {"test"}


def test_users_of_the_evaluation_data_are_all_tested_and_never_trained_on():
    data = world()
    strangers = users("train", "abz")  # u.. of the training data has the same name: the same person
    other = UserLog("somebody else", tuple("cdz"))
    people = protocol.roles(data, dataset(ITEMS, [*strangers, other]))
    assert people.test == (*strangers, other)
    assert strangers[0].user not in {u.user for u in (*people.train, *people.validation)}
    # The other users of the training data may be learned from, those of its own test split too.
    assert {u.user for u in people.train} == {*names("train", 3)[1:], *names("test", 2)}
    assert [u.user for u in people.validation] == names("validation", 1)


def test_a_smaller_choice_is_the_beginning_of_a_larger_one():
    logs = [UserLog(f"n{n}", ("a", "b")) for n in range(50)]
    ten, twenty = protocol.choose(logs, 10, seed=3), protocol.choose(logs, 20, seed=3)
    assert ten == twenty[:10]
    assert protocol.choose(logs[::-1], 10, seed=3) == ten, "the order of the file does not matter"
    assert protocol.choose(logs, 10, seed=4) != ten
    assert ten != logs[:10]


def test_a_user_without_a_history_is_not_chosen():
    assert protocol.choose([UserLog("a", ("x",)), UserLog("b", ())], 5, seed=0) == []


# -- cases --------------------------------------------------------------------------------------------------------


def test_the_last_item_is_asked_for_after_all_earlier_ones():
    log = UserLog("kim", tuple("abcz"))
    case = protocol.case(log, Interactions(world().users, ITEMS), "uniform", seed=1)
    assert (case.user, case.history, case.target, case.moment) == ("kim", ("a", "b", "c"), "z", None)
    assert case.candidates == ("z", *case.negatives)
    assert len(set(case.negatives)) == 20
    assert not set(case.negatives) & set("abcz")


def test_an_earlier_choice_of_the_target_is_not_told():
    case = protocol.case(UserLog("kim", tuple("azbz")), Interactions([], ITEMS), "uniform", seed=1)
    assert case.history == ("a", "b")


@pytest.mark.parametrize("kind", ["uniform", "popularity"])
def test_a_case_follows_from_seed_and_user(kind):
    train = Interactions(users("train", *["".join(ITEMS)] * 3), ITEMS)
    log = UserLog("kim", tuple("ab"))
    case = protocol.case(log, train, kind, seed=1)
    assert protocol.case(log, train, kind, seed=1) == case
    assert protocol.case(log, train, kind, seed=2).negatives != case.negatives
    other = protocol.case(replace(log, user="tom"), train, kind, seed=1)
    assert other.negatives != case.negatives


def test_negatives_by_popularity_are_drawn_as_often_as_items_were_chosen():
    # a is chosen 6 times as often as b; the first draw among {a, b} and 24 items that nobody chose.
    train = Interactions(users("train", *["a"] * 6, "b"), ITEMS[:3])
    rng = protocol.np.random.default_rng(0)
    monitored = Counter()
    wide = Interactions(users("train", *["a"] * 600, *["b"] * 100, *letters(24)[2:]), ITEMS)
    for n in range(300):
        drawn = protocol.sample(UserLog(f"n{n}", ("z",)), wide, "popularity", rng)
        monitored[wide.items[drawn[0]]] += 1
    assert monitored["a"] / monitored["b"] == pytest.approx(6, rel=0.4)
    assert protocol.case(UserLog("kim", ("c",)), train, "popularity", seed=1) is None, "two items are not 20"


def test_uniform_negatives_do_not_know_popularity():
    train = Interactions(users("train", *["a"] * 50), ITEMS)
    share = ["a" in protocol.case(UserLog(f"n{n}", ("y", "z")), train, "uniform", seed=1).negatives for n in range(300)]
    assert sum(share) / 300 == pytest.approx(20 / 24, abs=0.08)


@pytest.mark.parametrize("kind", ["uniform", "popularity", "all"])
def test_a_negative_was_there_before_the_target(kind):
    """22 items are chosen by time 22, four more later: a target at 23 is not asked against what comes after it."""
    train = Interactions(users("train", "".join(ITEMS), times=[range(1, 27)]), ITEMS)
    early = UserLog("kim", ("a", "z"), (1, 23))
    case = protocol.case(early, train, kind, seed=1)
    assert set(case.negatives) <= set(ITEMS[1:22])
    if kind == "all":
        assert list(case.negatives) == ITEMS[1:22]
    late = protocol.case(replace(early, times=(1, 100)), train, "all", seed=1)
    assert list(late.negatives) == ITEMS[1:25]


def test_too_early_a_target_has_no_case():
    train = Interactions(users("train", "".join(ITEMS), times=[range(1, 27)]), ITEMS)
    assert protocol.case(UserLog("kim", ("a", "z"), (1, 20)), train, "uniform", seed=1) is None


def test_the_future_of_others_changes_no_case():
    """Interactions from the target's time on may change at will."""
    past = UserLog("ann", tuple(ITEMS), tuple(range(26)))
    log = UserLog("kim", ("a", "b"), (3, 50))
    for kind in ("uniform", "popularity"):
        case = protocol.case(log, Interactions([past], ITEMS), kind, seed=1)
        future = UserLog("bob", tuple("ccccddd"), (50, 50, 51, 60, 70, 80, 90))
        assert protocol.case(log, Interactions([past, future], ITEMS), kind, seed=1) == case
        known = UserLog("bob", tuple("ccccccccccccccccccccccccccccccc"), (49,) * 31)
        changed = protocol.case(log, Interactions([past, known], ITEMS), kind, seed=1)
        assert (changed != case) == (kind == "popularity")


def test_a_chosen_item_cannot_be_a_negative():
    with pytest.raises(ValueError, match="'b' was chosen"):
        Case("kim", ("a", "b"), "c", ("d", "b"))
    with pytest.raises(ValueError, match="'c' was chosen"):
        Case("kim", ("a", "b"), "c", ("d", "c"))
