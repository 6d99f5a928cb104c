from __future__ import annotations

import itertools
import math

import pytest

from msr.evidence.kinds.shapley import shapley
from msr.evidence.units import units
from msr.schema import Item
from tests.evidence.worlds import inputs, probe

PLAYERS = "abcd"


def last(work):
    *_, end = work
    return end


def game(score):
    """Values of one candidate from a function of the players that are there."""
    return lambda sets: [(score(frozenset(PLAYERS) - gone),) for gone in sets]


def synergy(there: frozenset[str]) -> float:
    return 3.0 * ({"a", "b"} <= there) + 1.0 * ("c" in there)


def test_it_is_exact_on_an_additive_game_after_one_permutation():
    weights = {"a": 1.0, "b": -2.0, "c": 0.0, "d": 0.25}
    first = next(shapley(PLAYERS, game(lambda there: sum(weights[p] for p in there))))
    assert [v for (v,) in first.values] == pytest.approx(list(weights.values()))
    assert first.errors == ((math.inf,),) * 4


def test_values_sum_to_full_minus_empty_after_every_permutation():
    for some in shapley(PLAYERS, game(synergy), 20, seed=3):
        assert sum(v for (v,) in some.values) == pytest.approx(4.0)


def test_the_true_value_lies_within_the_stated_error():
    truth = {"a": 1.5, "b": 1.5, "c": 1.0, "d": 0.0}
    end = last(shapley(PLAYERS, game(synergy), 400, seed=1))
    for player, (value,), (error,) in zip(PLAYERS, end.values, end.errors, strict=True):
        assert abs(value - truth[player]) <= 3 * error + 1e-9
    assert max(error for (error,) in end.errors) < 0.1
    assert end.values[3] == end.errors[3] == (0.0,), "a player that does nothing has nothing"


def test_the_same_seed_gives_the_same_values_and_no_set_is_asked_twice():
    asked = []

    def values(sets):
        asked.extend(sets)
        return game(synergy)(sets)

    assert last(shapley(PLAYERS, values, 50, seed=5)) == last(shapley(PLAYERS, game(synergy), 50, seed=5))
    assert last(shapley(PLAYERS, game(synergy), 50, seed=6)) != last(shapley(PLAYERS, game(synergy), 50, seed=5))
    assert len(asked) == len(set(asked)) <= 16


def test_history_items_share_what_their_titles_do():
    given = inputs(["mug", "red mug", "lamp"], [Item("c", "mug"), Item("d", "lamp")])
    asking = probe(given)
    gone = units(given, ("item",))
    removals = itertools.count()

    def values(sets):
        next(removals)
        return asking.logits(sets, "direct")

    end = last(shapley(gone, values, 4))
    assert [row[0] for row in end.values] == pytest.approx([0.5, 0.5, 0.0])
    assert [row[1] for row in end.values] == pytest.approx([0.0, 0.0, 0.5])
    assert next(removals) == 4, "one batch a permutation"


@pytest.mark.parametrize(("players", "permutations"), [("", 3), ("abcdefghijklm", 3), ("ab", 0)])
def test_what_cannot_be_sampled_is_refused(players, permutations):
    with pytest.raises(ValueError, match="from 1 to 12 players"):
        next(shapley(players, game(synergy), permutations))
