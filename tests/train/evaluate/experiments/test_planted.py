"""Figures of scripted texts, by hand."""

from __future__ import annotations

import pytest

from train import draw
from train.evaluate.experiments.planted import by_block, current, measures, told
from train.evaluate.experiments.users import PlantedUser
from train.teach import pictures
from train.teach.vocabulary import Vocabulary

NAVY = frozenset({("pattern", "striped"), ("colour", "navy")})
RUSTIC = frozenset({("material", "wooden"), ("style", "rustic")})


def thing(n: int, **facts: str) -> pictures.Shot:
    known = {"type": "clock", "colour": "red", "pattern": "dotted", "style": "retro", "material": "metal"} | facts
    look = draw.Look(known["type"], known["colour"], known["pattern"], "round", known["style"], known["material"])
    return pictures.Shot(f"t{n}", "drawn", "thing", known, None, look, n)


FIRST = tuple(thing(n, pattern="striped", colour="navy") for n in range(3))
THEN = tuple(thing(n, material="wood", style="rustic") for n in range(3, 6))
USER = PlantedUser("u", NAVY, RUSTIC, 2, (FIRST, FIRST, THEN, THEN, THEN), thing(9), ())
WORDS = Vocabulary([*FIRST, *THEN, thing(10, colour="pink", type="mug", style="playful", pattern="floral")])
GOOD = [
    "The user likes striped items.",
    "The user likes striped navy clocks.",
    "The user likes wooden items; earlier for striped navy clocks.",
    "The user likes wooden clocks in a rustic style.",
    "The user likes rustic wood.",
]


def test_a_text_that_follows_the_taste():
    assert measures(USER, GOOD, WORDS) == {
        "named": 1.0,
        "attributes": 1.0,
        "first named": 2,
        "named again": 2,
        "gone": 1,
        "replaced": 1.0,
        "false": 0.0,
        "false claims": 0.0,
    }


def test_a_text_that_keeps_the_first_taste():
    found = measures(USER, ["striped navy clocks."] * 5, WORDS)
    assert (found["first named"], found["named again"], found["gone"]) == (1, None, None)
    assert (found["named"], found["attributes"], found["replaced"], found["false"]) == (0.0, 0.0, 0.0, 0.0)


def test_replaced_is_within_two_blocks():
    late = [*GOOD[:2], "navy clocks.", "navy clocks.", GOOD[4]]
    found = measures(USER, late, WORDS)
    assert (found["named again"], found["gone"], found["replaced"]) == (3, 3, 0.0)


def test_a_taste_that_was_never_there_is_false_even_as_past():
    found = measures(USER, [*GOOD[:4], "rustic wooden items; earlier for pink mugs."], WORDS)
    assert (found["false"], found["false claims"]) == (1.0, pytest.approx(2 / 4))
    assert measures(USER, [*GOOD[:4], "rustic wooden items; earlier for navy."], WORDS)["false"] == 0.0
    assert measures(USER, [*GOOD[:4], ""], WORDS)["false claims"] == 0.0


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Likes mugs; earlier for red hats.", "Likes mugs;."),
        ("Likes mugs. Previously hats and navy bags. Now lamps.", "Likes mugs. Now lamps."),
        ("Likes mugs, no longer stripes.", "Likes mugs,."),
        ("Likes mugs.", "Likes mugs."),
    ],
)
def test_what_a_text_says_of_the_past_is_not_current(text, left):
    assert current(text).replace(" .", ".").replace("..", ".") == left


def test_curves_are_counted_from_the_switch():
    found = by_block(USER, GOOD, WORDS)
    assert list(found) == ["-2", "-1", "0", "1", "2"]
    assert [v["first taste"] for v in found.values()] == [0, 1, 0, 0, 0]
    assert [v["second taste"] for v in found.values()] == [0, 0, 0, 1, 1]
    assert [v["anything of the first"] for v in found.values()] == [1, 1, 0, 0, 0]
    assert told(NAVY) == "navy and striped"
