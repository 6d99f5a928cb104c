"""Leave-one-out: deltas and ranks by hand, and that the quick reading comes first."""

from __future__ import annotations

import pytest

from msr.evidence.kinds.leave_one_out import effects, ranks
from msr.evidence.units import units
from msr.schema import Item
from tests.evidence.worlds import inputs, probe, shown
from tests.fakes import FakeBackbone


def test_a_title_helps_the_candidate_that_shares_its_word():
    given = inputs(["red mug", "mug", "lamp"], [Item("c", "mug"), Item("d", "lamp")])
    found = {}
    for row in effects(probe(given), units(given, ("item",)), ("direct",)):
        found |= {(e.unit.key, item_id): (e.logit, e.ranks) for item_id, e in row.items()}
    assert found["h0", "c"] == (pytest.approx(0.5), 0), "a tie is broken by the id"
    assert found["h2", "d"] == (pytest.approx(0.5), 0)
    assert found["h2", "c"] == (0.0, 0)


def test_ranks_fall_where_the_unit_held_the_candidate_up():
    given = inputs(["lamp", "lamp", "mug"], [Item("c", "mug"), Item("d", "lamp")])
    (row,) = effects(probe(given), [units(given)[2]], ("direct",))
    assert {i: e.ranks for i, e in row.items()} == {"c": 0, "d": 0}
    given = inputs(["lamp", "mug"], [Item("c", "lamp"), Item("d", "mug")])
    first, _ = effects(probe(given), units(given, ("item",)), ("direct",))
    assert {i: e.ranks for i, e in first.items()} == {"c": 1, "d": -1}


def test_the_candidates_own_picture_is_taken_from_it_alone():
    given = inputs(["red"], [shown("c", "mug", "red"), shown("d", "lamp", "red"), Item("e", "chair")])
    (row,) = effects(probe(given), units(given, ("image",)))
    assert {i: (e.logit, e.ranks) for i, e in row.items()} == {"c": (0.5, 1), "d": (0.5, 0)}
    assert "e" not in row, "it has nothing else"


def test_direct_effects_come_before_a_text_is_written():
    given = inputs(["red mug", "blue mug"], [Item("c", "mug")])
    backbone = FakeBackbone()
    work = effects(probe(given, backbone), units(given, ("item", "sentence")))
    quick = [next(work) for _ in range(3)]
    assert [row["c"].reading for row in quick] == ["direct"] * 3
    assert not backbone.calls["generate"]
    assert [row["c"].reading for row in work] == ["regenerated"] * 2, "a sentence has a direct reading only"


def test_ranks_are_those_of_the_ranking():
    assert ranks(["b", "a", "c"], (1.0, 1.0, 2.0)) == [3, 2, 1]
