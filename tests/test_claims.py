from __future__ import annotations

from msr.claims import unmoved
from msr.schema import Evidence, Item, ItemSummary

HISTORY = (Item("a", "striped mug"), Item("b", "lamp"), Item("c", "chair"))
SUMMARIES = {"b": ItemSummary("b", "A striped wooden lamp."), "c": ItemSummary("c", "A wooden chair.")}


def told(**deltas: float) -> tuple[str, ...]:
    influence = [Evidence(i, d, reading) for i, d in deltas.items() for reading in ("regenerated", "direct")]
    return unmoved("It is striped and wooden, like nothing else.", HISTORY, SUMMARIES, influence)


def test_a_word_is_told_only_if_none_of_its_bearers_moved_anything():
    assert told(a=0.001, b=-0.004, c=0.2) == ("striped",)
    assert told(a=0.1, b=0.0, c=0.0) == ("wooden",)
    assert told(a=0.1, b=0.2, c=0.0) == ()


def test_what_was_not_measured_is_not_held_against_anybody():
    assert told() == ()
