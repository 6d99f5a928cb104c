from __future__ import annotations

from dataclasses import replace

import pytest

from msr.evidence import compare
from msr.evidence.compare import change, content_words
from msr.schema import Candidate, Item, Recommendation, Run, YesNo
from tests.fakes import picture


def run(order: str, history: tuple[Item, ...] = (), **parts) -> Run:
    scores = tuple(Candidate(c, YesNo(-float(n), 0.0)) for n, c in enumerate(order))
    best = tuple(Recommendation(n, c, c, 0.5) for n, c in enumerate(order[:3], 1))
    return Run("id", {}, {"block_size": 3}, history, (), (), best, scores, **parts)


def test_moves_by_hand():
    moved = compare.moves(run("abcd"), run("cxa").recommendations)
    assert [(m.item_id, m.rank, m.before, m.up) for m in moved] == [
        ("c", 1, 3, 2),
        ("x", 2, None, None),
        ("a", 3, 1, -2),
    ]


@pytest.mark.parametrize(
    ("one", "two", "rho"),
    [("abc", "abc", 1), ("abc", "cba", -1), ("abcd", "abdc", 0.8), ("ab", "xy", None), ("a", "a", None)],
)
def test_agreement_by_hand(one, two, rho):
    told = compare.agreement(run(one), run(two))
    assert told == (None if rho is None else pytest.approx(rho))


def test_only_shared_candidates_count():
    assert compare.agreement(run("axbyc"), run("abc")) == 1


def test_edits_are_named():
    mug, bag, cap = Item("m", "mug", picture("red")), Item("b", "bag"), Item("c", "cap")
    before = run("abc", (mug, bag, cap))
    said = compare.edits(before, run("abc", (cap, Item("m", "mug"))))
    assert said == ["without “bag”", "picture of “mug” masked", "in another order"]
    other = replace(
        run("abc", (replace(mug, title=""), replace(bag, title="sack"), cap, Item("n", "new"))),
        settings={"block_size": 5, "edited_preference": "No stripes."},
        model={"adapter_sha256": "x"},
    )
    assert compare.edits(before, other) == [
        "with “new”", "title “mug” masked", "“bag” renamed “sack”", "preference text edited: “No stripes.”",
        "blocks of 5 instead of 3", "another adapter",
    ]  # fmt: skip
    assert compare.edits(before, before) == []


def test_two_people_have_nothing_in_common():
    said = compare.edits(run("abc", (Item("m", "mug"),)), run("abc", (Item("b", "bag"), Item("c", "cap"))))
    assert said == ["another history: 2 items instead of 1, none in common"]


def test_the_frame_of_a_text_does_not_count():
    text = "The user appears to have a preference for striped navy chairs in a rustic style; earlier for mugs."
    assert content_words(text) == ("striped", "navy", "chairs", "rustic", "mugs")


def test_what_came_stayed_and_went_by_hand():
    moved = change("a preference for navy striped chairs", "a preference for striped wooden clocks")
    assert (moved.added, moved.kept, moved.dropped) == (("wooden", "clocks"), ("striped",), ("navy", "chairs"))
    assert moved.drift == pytest.approx(4 / 5)


@pytest.mark.parametrize(("before", "after", "drift"), [("", "", 0), ("", "mugs", 1), ("red mugs", "mugs, red", 0)])
def test_the_ends_of_the_scale(before, after, drift):
    assert change(before, after).drift == drift
