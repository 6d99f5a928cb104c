"""The pools of a log of twelve rows by hand; what is drawn, how often, and what the future cannot change."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.train.test_splits import AMY, BOB, KIM, case, twelve_rows
from train import splits
from train.logs import UserLog
from train.negatives import HARD_POOL, TEST_NEGATIVES, TRAIN_NEGATIVES, Sampler, TooFewItems, draw_all
from train.splits import Case

CATALOGUE = "abcdefg"  # nobody ever chose g


@pytest.fixture
def logs(tmp_path) -> tuple[UserLog, ...]:
    return twelve_rows(tmp_path)


def pools(sampler: Sampler, cases) -> dict[str, str]:
    return {one.user: "".join(sampler.pool(one)) for one in cases}


def test_pools_by_user(logs):
    # Of ann and bob, in training: a@7 d,e@9 b@100 d@200 c@300. amy's moment 2 comes before all of them.
    split = splits.by_user(logs)
    sampler = Sampler(CATALOGUE, split.train)
    assert pools(sampler, split.test) == {"kim": "cd"}  # a, b, e are kim's history, f the target, g nobody's
    assert pools(sampler, split.validation) == {"amy": ""}


def test_pools_by_time(logs):
    # In training: e@40 of kim, a@7 e@9 d@9 of bob, a@1 b@2 of amy.
    split = splits.by_time(logs, 50, 200)
    sampler = Sampler(CATALOGUE, split.train)
    assert pools(sampler, split.validation) == {"kim": "ad"}  # a is what kim chooses next, which is not looked at
    assert pools(sampler, split.test) == {"ann": "ae", "kim": "d"}


def test_pools_of_leave_last_out_do_not_know_the_held_out_items(logs):
    split = splits.leave_last_out(logs)
    # In training: b@100 of ann, e@40 b@50 of kim, a@7 of bob, a@1 b@2 of amy.
    sampler = Sampler(CATALOGUE, split.train)
    # Open before ann's moments: a, b, e; before kim's only the history and the target; before bob's: a, b.
    assert pools(sampler, split.validation) == {"ann": "ae", "kim": "", "bob": "b"}
    assert pools(sampler, split.test) == {"ann": "ae", "kim": "", "bob": "b"}


def test_training_pools_leave_out_all_that_the_user_has_in_training():
    sampler = Sampler(CATALOGUE, [KIM, BOB, AMY])
    assert [("".join(one.history), "".join(sampler.pool(one))) for one in splits.cases_of(KIM)] == [
        ("e", "d"), ("eb", "d"), ("eba", "d"),
    ]  # fmt: skip


def test_without_times_the_pool_is_the_whole_catalogue():
    untimed = [UserLog(log.user, log.items) for log in (KIM, BOB, AMY)]
    one = Case("new", ("a",), "b")
    assert "".join(Sampler(CATALOGUE, untimed).pool(one)) == "cdefg"
    assert "".join(Sampler(CATALOGUE, [KIM, BOB, AMY]).pool(one)) == "cdefg"


@pytest.mark.parametrize(
    ("moment", "counts"),
    [(1, "0000000"), (2, "1000000"), (9, "2100000"), (10, "2101100"), (901, "3201210"), (None, "3201210")],
)
def test_counts_end_strictly_before_the_moment(moment, counts):
    assert "".join(map(str, Sampler(CATALOGUE, [KIM, BOB, AMY]).counts(moment))) == counts


def test_items_outside_the_catalogue_are_not_drawn():
    sampler = Sampler("ab", [KIM, BOB, AMY])
    assert sampler.pool(Case("new", ("z",), "y", moment=1000)) == ["a", "b"]


# -- what is drawn --------------------------------------------------------------------------------------------

WIDE = [UserLog(f"u{n}", tuple(f"i{place}" for place in range(n, 200, 7))) for n in range(7)]
MANY = [f"i{place}" for place in range(200)]
KINDS = {
    "uniform": lambda s, c, **more: s.uniform(c, **more),
    "popular": lambda s, c, **more: s.popular(c, **more),
    "hard": lambda s, c, **more: s.hard(c, lambda _, items: [int(item[1:]) for item in items], **more),
}
kinds = pytest.mark.parametrize("draw", KINDS.values(), ids=KINDS)


def test_the_ratios_of_the_paper_are_the_defaults():
    sampler = Sampler(MANY, WIDE)
    one = Case("new", ("i1",), "i2")
    assert (TRAIN_NEGATIVES, TEST_NEGATIVES) == (1, 20)
    assert len(sampler.uniform(one).negatives) == len(sampler.popular(one).negatives) == 20
    assert len(KINDS["hard"](sampler, one).negatives) == 1


@kinds
@pytest.mark.parametrize("count", [1, 3, 20, 100])
def test_negatives_are_as_many_as_asked_for_and_none_was_chosen(draw, count):
    sampler = Sampler(MANY, WIDE)
    for one in (Case("new", ("i1", "i2"), "i3"), *splits.cases_of(WIDE[0])):
        drawn = draw(sampler, one, count=count).negatives
        assert len(set(drawn)) == count
        assert not set(drawn) & {*one.history, one.target, *(WIDE[0].items if one.user == "u0" else ())}


@kinds
def test_the_same_seed_user_and_place_give_the_same_negatives_in_any_order(draw):
    cases = [*splits.cases_of(WIDE[0]), *splits.cases_of(WIDE[1])]
    first, second = Sampler(MANY, WIDE, seed=3), Sampler(MANY[::-1], WIDE, seed=3)
    forward = [draw(first, one, count=5) for one in cases]
    assert forward == [draw(second, one, count=5) for one in reversed(cases)][::-1]
    assert forward != [draw(Sampler(MANY, WIDE, seed=4), one, count=5) for one in cases]
    assert len({one.negatives for one in forward}) > len(cases) / 2


def test_a_draw_is_the_same_for_ever():
    """The numbers of a published table can be made again: a change of these values breaks that."""
    one = Case("new", ("i1",), "i2")
    assert Sampler(MANY, WIDE, seed=1).uniform(one, 4).negatives == ("i155", "i174", "i76", "i66")


def frequencies(draw, people: int = 3000) -> dict[str, float]:
    """How often each item is the only negative of many users; a is taken once in training, b twice, c five times."""
    train = [
        UserLog(f"t{n}", ("a", "b", "c")[: 3 if n < 1 else 0] or (("b", "c") if n < 2 else ("c",))) for n in range(5)
    ]
    sampler = Sampler("abcde", train)
    drawn = Counter(draw(sampler, Case(f"p{n}", (), "e"), count=1).negatives[0] for n in range(people))
    return {item: drawn[item] / people for item in "abcd"}


def test_uniform_is_uniform():
    assert frequencies(KINDS["uniform"]) == pytest.approx(dict.fromkeys("abcd", 0.25), abs=0.03)


@pytest.mark.parametrize(
    ("alpha", "shares"),
    [(1.0, (1 / 8, 2 / 8, 5 / 8, 0)), (0.5, (0.2146, 0.3036, 0.4818, 0)), (0.0, (1 / 3, 1 / 3, 1 / 3, 0))],
)
def test_popular_is_in_proportion_to_the_counts(alpha, shares):
    found = frequencies(lambda s, c, count: s.popular(c, count, alpha))
    assert found == pytest.approx(dict(zip("abcd", shares, strict=True)), abs=0.03)


def test_hard_takes_the_highest_scores_of_a_uniform_draw():
    sampler = Sampler(MANY, WIDE)
    one = Case("new", ("i1",), "i2")
    among = sampler.uniform(one, 30).negatives
    best = KINDS["hard"](sampler, one, count=3, among=30).negatives
    assert list(best) == sorted(among, key=lambda item: -int(item[1:]))[:3]
    assert sampler.hard(one, lambda _, items: [0] * len(items), 3, among=30).negatives == among[:3]  # ties: as drawn
    everything = KINDS["hard"](sampler, one, count=2, among=10_000).negatives
    assert everything == ("i199", "i198") and HARD_POOL == 100


@kinds
def test_the_future_can_change_without_changing_what_is_drawn(draw):
    before = [UserLog(f"t{n}", tuple(MANY[n::9]), tuple(range(10, 10 + len(MANY[n::9])))) for n in range(9)]
    later = [UserLog(log.user, (*log.items, *MANY[:5]), (*log.times, *[90] * 5)) for log in before]
    one = Case("new", ("i1",), "i2", moment=25)
    assert draw(Sampler(MANY, before), one, count=9) == draw(Sampler(MANY, later), one, count=9)
    assert draw(Sampler(MANY, before), one, count=9) != draw(
        Sampler(MANY, later[::-1]), Case("new", ("i1",), "i2"), count=9
    )


# -- what cannot be drawn -------------------------------------------------------------------------------------


def test_a_pool_that_is_too_small_is_said_and_left_out():
    sampler = Sampler(CATALOGUE, [KIM, BOB, AMY])
    early, late = case("x", "a", "f", 9), case("x", "a", "f", 901)
    with pytest.raises(TooFewItems, match="'x': a pool of 1 items, and 2 negatives are wanted"):
        sampler.uniform(early, 2)
    drawn, left_out = draw_all([early, late], lambda one: sampler.uniform(one, 2))
    assert [one.moment for one in drawn] == [901] and left_out == 1


def test_training_logs_have_times_all_of_them_or_none():
    with pytest.raises(ValueError, match="some of the training logs have times"):
        Sampler(CATALOGUE, [KIM, UserLog("x", ("a",))])
