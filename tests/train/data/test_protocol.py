"""Cases: who is asked, against what, and that nothing comes from the future."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from tests.train.data.test_splits import AMY, BOB, KIM, twelve_rows
from tests.train.worlds import dataset, letters, users
from train.data import protocol, splits
from train.data.dataset import Interactions, UserLog
from train.data.protocol import TEST_NEGATIVES, TooFewItems, draw, hardest
from train.data.splits import Case

ITEMS = letters(26)
CATALOGUE = "abcdefg"  # nobody ever chose g
MANY = [f"i{place}" for place in range(200)]
WIDE = [UserLog(f"u{n}", tuple(MANY[n::7])) for n in range(7)]
kinds = pytest.mark.parametrize("kind", ["uniform", "popularity", "catalogue"])


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


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def pool(one: Case, train: Interactions, kind: str = "all", **more) -> str:
    """Everything that can be drawn."""
    try:
        return "".join(draw(one, train, kind, rng(), **more).negatives)
    except TooFewItems:
        return ""


@pytest.fixture
def logs(tmp_path) -> tuple[UserLog, ...]:
    return twelve_rows(tmp_path)


# -- pools --------------------------------------------------------------------------------------------------------


def test_pools_of_a_split_by_user(logs):
    # Of ann and bob, in training: a@7 d,e@9 b@100 d@200 c@300. amy's moment 2 comes before all of them.
    people = splits.by_user(logs)
    train = Interactions(people.train, CATALOGUE)
    assert pool(splits.case_at(KIM, 3), train) == "cd"  # a, b, e are kim's history, f the target, g nobody's
    assert pool(splits.case_at(AMY, 1), train) == ""


def test_pools_of_a_split_by_time(logs):
    # In training before 50: e@40 of kim, a@7 e@9 d@9 of bob.
    people = splits.by_time(logs, 50)
    train = Interactions(people.train, CATALOGUE)
    asked = {log.user: pool(splits.case_at(log, len(log.items) - 1), train) for log in people.test}
    assert asked == {"ann": "ade", "kim": "ad"}  # a is what kim chooses next, which is not looked at


def test_in_training_nothing_of_the_users_log_is_a_negative():
    train = Interactions([KIM, BOB, AMY], CATALOGUE)
    for place in (1, 2, 3):
        assert pool(splits.case_at(KIM, place), train, chosen=KIM.items) == "d"
    assert pool(splits.case_at(KIM, 1), train) == "ad"


def test_without_times_the_pool_is_the_whole_catalogue():
    untimed = Interactions([UserLog(log.user, log.items) for log in (KIM, BOB, AMY)], CATALOGUE)
    one = Case("new", ("a",), "b")
    assert pool(one, untimed) == pool(one, Interactions([KIM, BOB, AMY], CATALOGUE)) == "cdefg"
    assert set(pool(one, untimed, "popularity", count=3)) == set("def"), "nobody chose c or g"


def test_the_catalogue_holds_what_was_not_there_yet():
    train = Interactions([KIM, BOB, AMY], CATALOGUE)
    early = Case("new", ("a",), "b", moment=10)
    assert pool(early, train) == "de"
    assert set(pool(early, train, "catalogue", count=5)) == set("cdefg")


def test_items_outside_the_catalogue_are_not_drawn():
    assert pool(Case("new", ("z",), "y", moment=1000), Interactions([KIM, BOB, AMY], "ab")) == "ab"


# -- what is drawn ------------------------------------------------------------------------------------------------


def test_the_ratio_of_the_paper_is_the_default():
    assert TEST_NEGATIVES == 20
    assert len(draw(Case("new", ("i1",), "i2"), Interactions(WIDE, MANY), "uniform", rng()).negatives) == 20


@kinds
@pytest.mark.parametrize("count", [1, 3, 20, 100])
def test_negatives_are_as_many_as_asked_for_and_none_was_chosen(kind, count):
    train = Interactions(WIDE, MANY)
    for one, own in ((Case("new", ("i1", "i2"), "i3"), ()), (splits.case_at(WIDE[0], 5), WIDE[0].items)):
        drawn = draw(one, train, kind, rng(), count, chosen=own).negatives
        assert len(set(drawn)) == count
        assert not set(drawn) & {*one.history, one.target, *own}


@kinds
def test_the_same_random_numbers_give_the_same_negatives(kind):
    train, one = Interactions(WIDE, MANY), Case("new", ("i1",), "i2")
    assert draw(one, train, kind, rng(3)) == draw(one, train, kind, rng(3)) != draw(one, train, kind, rng(4))


def frequencies(kind: str, people: int = 3000) -> dict[str, float]:
    """How often each item is the only negative of many users; a is taken once in training, b twice, c five times."""
    logs = [UserLog(f"t{n}", items) for n, items in enumerate(["abc", "bc", "c", "c", "c"])]
    train, numbers = Interactions(logs, "abcde"), rng()
    drawn = Counter(draw(Case("new", (), "e"), train, kind, numbers, 1).negatives[0] for _ in range(people))
    return {item: drawn[item] / people for item in "abcd"}


@pytest.mark.parametrize("kind", ["uniform", "catalogue"])
def test_uniform_is_uniform(kind):
    assert frequencies(kind) == pytest.approx(dict.fromkeys("abcd", 0.25), abs=0.03)


def test_popularity_is_in_proportion_to_the_counts():
    shares = dict(zip("abcd", (1 / 8, 2 / 8, 5 / 8, 0), strict=True))
    assert frequencies("popularity") == pytest.approx(shares, abs=0.03)


def test_the_hardest_are_the_highest_scored():
    one = draw(Case("new", ("i1",), "i2"), Interactions(WIDE, MANY), "uniform", rng(), 30)
    best = hardest(one, lambda case: [int(item[1:]) for item in case.candidates], 3)
    assert list(best.negatives) == sorted(one.negatives, key=lambda item: -int(item[1:]))[:3]
    assert (best.user, best.history, best.target) == (one.user, one.history, one.target)
    assert hardest(one, lambda case: [0] * 31, 3).negatives == one.negatives[:3]  # ties: as drawn


@kinds
def test_the_future_can_change_without_changing_what_is_drawn(kind):
    before = [UserLog(f"t{n}", tuple(MANY[n::9]), tuple(range(10, 10 + len(MANY[n::9])))) for n in range(9)]
    later = [UserLog(log.user, (*log.items, *MANY[:5]), (*log.times, *[90] * 5)) for log in before]
    drawn = [
        draw(Case("new", ("i1",), "i2", moment=25), Interactions(log, MANY), kind, rng(), 9) for log in (before, later)
    ]
    assert drawn[0] == drawn[1]


# -- what cannot be drawn -----------------------------------------------------------------------------------------


def test_a_pool_that_is_too_small_is_said():
    train = Interactions([KIM, BOB, AMY], CATALOGUE)
    with pytest.raises(TooFewItems, match="'x': there are 1 possible negatives, and 2 are needed"):
        draw(Case("x", ("a",), "f", moment=9), train, "uniform", rng(), 2)
    assert len(draw(Case("x", ("a",), "f", moment=901), train, "uniform", rng(), 2).negatives) == 2
    with pytest.raises(TooFewItems, match="there are 0 possible negatives, and 1 are needed"):
        draw(Case("x", ("a",), "f", moment=1), train, "all", rng())
