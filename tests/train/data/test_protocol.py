"""Cases: who is asked, against what, and that nothing comes from the future."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.train.worlds import dataset, letters, users
from train.data import protocol
from train.data.dataset import Interactions
from train.data.logs import UserLog

ITEMS = letters(26)


def world():
    """Three training users, one validation user, two test users over 26 items; no times."""
    known = users("train", "abcdefg", "hijklmn", "opqrstu")
    return dataset(ITEMS, [*known, *users("validation", "abc"), *users("test", "xyz", "vwx")])


# -- users ----------------------------------------------------------------------------------------------------


def test_a_smaller_choice_is_the_beginning_of_a_larger_one():
    logs = [UserLog(f"n{n}", ("a", "b")) for n in range(50)]
    ten, twenty = protocol.choose(logs, 10, seed=3), protocol.choose(logs, 20, seed=3)
    assert ten == twenty[:10]
    assert protocol.choose(logs[::-1], 10, seed=3) == ten, "the order of the file does not matter"
    assert protocol.choose(logs, 10, seed=4) != ten
    assert ten != logs[:10]


def test_a_user_without_enough_history_is_not_chosen():
    logs = [UserLog("a", ("x",)), UserLog("b", ()), UserLog("c", ("x", "y")), UserLog("d", ("x", "y", "z"))]
    assert {log.user for log in protocol.choose(logs, 5, seed=0)} == {"c", "d"}
    assert {log.user for log in protocol.choose(logs, 5, seed=0, least=2)} == {"d"}


# -- cases --------------------------------------------------------------------------------------------------------


def test_the_last_item_is_asked_for_after_all_earlier_ones():
    log = UserLog("kim", tuple("abcz"))
    case = protocol.case(log, Interactions(world().users, ITEMS), "uniform", seed=1)
    assert (case.user, case.history, case.target, case.moment) == ("kim", ("a", "b", "c"), "z", None)
    assert case.candidates == ("z", *case.negatives)
    assert len(set(case.negatives)) == 20
    assert not set(case.negatives) & set("abcz")


@pytest.mark.parametrize("kind", ["uniform", "popularity"])
def test_a_case_follows_from_seed_and_user(kind):
    train = Interactions(users("train", *["".join(ITEMS)] * 3), ITEMS)
    log = UserLog("kim", tuple("ab"))
    case = protocol.case(log, train, kind, seed=1)
    assert protocol.case(log, train, kind, seed=1) == case
    assert protocol.case(log, train, kind, seed=2).negatives != case.negatives
    other = protocol.case(replace(log, user="tom"), train, kind, seed=1)
    assert other.negatives != case.negatives


def test_a_case_is_the_same_for_ever():
    """The figures of a published table can be made again: a change of these values breaks that."""
    train = Interactions(users("train", "".join(ITEMS), "aaabbc"), ITEMS)
    log = UserLog("kim", tuple("ab"))
    drawn = {kind: "".join(protocol.case(log, train, kind, 1).negatives) for kind in ("uniform", "popularity")}
    assert drawn == {"uniform": "rogezwcujtlxiqksfmyn", "popularity": "mfhyiudeqtwxpkcsovjr"}


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
