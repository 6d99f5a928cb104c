from __future__ import annotations

import pytest

from msr.evidence.kinds.contrast import contrast, most
from msr.evidence.units import units
from msr.schema import Item, YesNo
from tests.evidence.worlds import inputs, probe
from tests.fakes import FakeBackbone

MUG, LAMP = Item("c", "mug"), Item("d", "lamp")


def searched(asked, pieces):
    """The contrast, and how many sets were tried at each step."""
    search, tried = contrast(asked, pieces, "direct"), []
    while True:
        try:
            tried.append(next(search))
        except StopIteration as end:
            return end.value, tried


def between(titles, candidates=(MUG, LAMP), backbone=None):
    given = inputs(titles, candidates)
    found, _ = searched(probe(given, backbone), units(given, ("item",)))
    return found, None if found.removed is None else {unit.key for unit in found.removed}


def test_the_one_item_that_decides_is_found():
    found, keys = between(["mug mug", "lamp", "chair", "mug lamp"])
    assert keys is not None and len(keys) == 1
    assert found.exact
    found, keys = between(["lamp", "mug", "chair", "mug", "mug"])
    assert found.margin == pytest.approx(1.0)
    assert (keys, found.exact) == ({"h1", "h3", "h4"}, True), "two remove the margin, three turn it"
    assert found.margin_without == pytest.approx(-0.5)


def test_the_lower_may_come_first():
    _, keys = between(["lamp", "mug", "mug"], (LAMP, MUG))
    assert keys == {"h1", "h2"}


def test_after_three_it_goes_on_greedily_and_says_so():
    found, keys = between(["lamp", *["mug"] * 5])
    assert keys == {"h1", "h2", "h3", "h4", "h5"}
    assert not found.exact


def test_some_orders_hold_whatever_goes():
    found, keys = between(["mug", "chair"])
    assert keys is None
    assert found.margin_without == pytest.approx(0.0), "equal is not swapped"


def test_a_pair_that_only_works_together_is_found():
    class Either(FakeBackbone):
        """Prefers c while one of two titles is there."""

        def score(self, prompts, stop=None):
            return [
                YesNo(float(p.text.endswith('"mug"') == any(w in p.text for w in ("east", "west"))), 0.0)
                for p in prompts
            ]

    found, keys = between(["north", "east", "south", "west"], backbone=Either())
    assert (keys, found.exact) == ({"h1", "h3"}, True)


def test_pairs_that_narrow_the_margin_alone_are_tried_first():
    """Two of seven items hold the order up, and their pair is the last of 21; it is in the first batch all the same."""
    given = inputs(["lamp", *["chair"] * 4, "mug", "mug"], (MUG, LAMP))
    found, tried = searched(probe(given), units(given, ("item",)))
    assert {unit.key for unit in found.removed} == {"h5", "h6"} and found.exact
    assert tried == [7, 7 + 10]


def test_it_is_between_two():
    with pytest.raises(ValueError, match="two candidates, got 1"):
        between(["mug"], (MUG,))


def test_it_tells_how_far_it_is():
    given = inputs(["mug", "chair", "bag", "cup"], (MUG, LAMP))
    found, tried = searched(probe(given), units(given, ("item",)))
    assert tried == [4, 4 + 6, most(4), most(4) + 1] and most(4) == 4 + 6 + 4
    assert found.other == "d" and found.reading == "direct"
