from __future__ import annotations

from msr.evidence.reason_check import agreement, bearers, held_against
from msr.schema import Influence, Item, ItemSummary, Recommendation

HISTORY = (Item("a", "striped mug"), Item("b", "lamp"), Item("c", "chair"))
SUMMARIES = {"b": ItemSummary("b", "A striped wooden lamp."), "c": ItemSummary("c", "A wooden chair.")}


CANDIDATE = Item("x", "wooden chair")


def agreed(rationale: str, **deltas: float):
    return agreement(rationale, CANDIDATE, HISTORY, SUMMARIES, [Influence(i, d, "direct") for i, d in deltas.items()])


def test_what_is_named_and_what_moves_are_held_together():
    found = agreed("It is striped, like a mug.", a=0.001, b=0.0, c=-0.3)
    assert found.still == ("striped", "mug")
    assert found.moved == ()
    assert found.unsaid == ("wooden", "chair"), "the candidate shares them with what moved the score"
    assert found.sentences() == [
        "The reason names “striped” and “mug”, but leaving out what is described so moves nothing.",
        "Leaving out what is “wooden” and “chair” moves the score, but the reason does not say so.",
    ]


def test_a_name_is_not_missed_where_the_description_tells_attributes():
    history, candidate = (Item("h", "Tango lamp"),), Item("x", "Tango chair")
    told = {"h": ItemSummary("h", "A striped lamp."), "x": ItemSummary("x", "A striped chair.")}
    moved = [Influence("h", 0.3, "direct")]
    assert agreement("It is new.", candidate, history, told, moved).unsaid == ("striped",)


def test_a_reason_that_says_what_moved_has_nothing_to_answer_for():
    found = agreed("It is a wooden chair.", a=0.0, b=0.1, c=0.2)
    assert (found.still, found.moved, found.unsaid) == ((), ("wooden", "chair"), ())
    assert found.whole
    assert found.sentences() == [
        "The reason names “wooden” and “chair”, and leaving out what is described so moves the score."
    ]


def test_a_small_effect_is_held_against_nobody():
    found = agreed("It is a mug.", a=0.01, b=0.01, c=0.01)
    assert (found.still, found.moved, found.unsaid) == ((), (), ())
    assert found.sentences() == []
    assert agreed("It is a mug.") == found, "neither is what was not measured"


def test_bearers_are_counted_by_the_words_they_share():
    assert bearers("A striped wooden lamp.", HISTORY, SUMMARIES) == {"a": 1, "b": 3, "c": 1}


def test_a_word_moves_if_one_of_its_bearers_does():
    reason = "It is striped and wooden, like nothing else."
    assert agreed(reason, a=0.001, b=-0.004, c=0.2).still == ("striped",)
    assert agreed(reason, a=0.1, b=0.0, c=0.0).still == ("wooden",)
    assert agreed(reason, a=0.1, b=0.2, c=0.0).still == ()


def test_only_what_has_a_reason_and_a_measurement_is_held_together():
    moved = (Influence("c", 0.3),)
    rows = [
        Recommendation(1, "x", "", 0.5, why, by) for why, by in (("A chair.", moved), ("", moved), ("A chair.", ()))
    ]
    found = held_against(rows, {"x": CANDIDATE}, HISTORY, SUMMARIES)
    assert [r.agreement is not None for r in found] == [True, False, False]
    assert found[0].agreement == agreement("A chair.", CANDIDATE, HISTORY, SUMMARIES, moved)
