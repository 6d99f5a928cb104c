from __future__ import annotations

import statistics

import pytest

from msr.evidence.faithfulness import at_random, by_effect, faithfulness, named_first

WEIGHTS = {"a": 4.0, "b": 2.0, "c": 1.0, "d": 0.0, "e": 0.0, "f": -1.0}
UNITS = list(WEIGHTS)


def additive(sets):
    return [sum(w for unit, w in WEIGHTS.items() if unit not in gone) for gone in sets]


def test_figures_by_hand():
    found = faithfulness(UNITS, {"measured": by_effect(UNITS, WEIGHTS)}, additive)["measured"]
    assert found.comprehensiveness == {1: 4.0, 2: 6.0, 3: 7.0}
    assert found.sufficiency == {1: 2.0, 2: 0.0, 3: -1.0}
    assert found.comprehensiveness_area == pytest.approx((2 + 5 + 6.5) / 3)
    assert found.sufficiency_area == pytest.approx((4 + 1 - 0.5) / 3)
    assert found.figures()["comprehensiveness@2"] == 6.0
    assert set(found.figures()) == {f"{n} {w}" for n in ("comprehensiveness", "sufficiency") for w in ("area",)} | {
        f"{n}@{k}" for n in ("comprehensiveness", "sufficiency") for k in (1, 2, 3)
    }


def test_the_true_order_of_an_additive_score_beats_random_orders():
    orders = {"true": by_effect(UNITS, WEIGHTS)} | {str(seed): at_random(UNITS, seed) for seed in range(30)}
    found = faithfulness(UNITS, orders, additive)
    best = found.pop("true")
    for other in found.values():
        assert all(best.comprehensiveness[k] >= other.comprehensiveness[k] for k in (1, 2, 3))
        assert all(best.sufficiency[k] <= other.sufficiency[k] for k in (1, 2, 3))
    assert best.comprehensiveness_area > 1.5 * statistics.mean(f.comprehensiveness_area for f in found.values())


def test_equal_sets_are_asked_once():
    asked = []

    def value(sets):
        asked.extend(sets)
        return additive(sets)

    faithfulness(UNITS, {"one": UNITS, "same": UNITS}, value)
    assert len(asked) == len(set(asked)) == 2 + 6


def test_few_units_go_all():
    found = faithfulness(["a", "b"], {"one": ["a", "b"]}, additive)["one"]
    assert found.comprehensiveness == {1: 4.0, 2: 6.0, 3: 6.0}
    with pytest.raises(ValueError, match="no units"):
        faithfulness([], {"one": []}, additive)


def test_orders():
    assert by_effect("abc", {"b": 1.0, "c": -1.0}) == ["b", "a", "c"]
    assert at_random(UNITS, 1) == at_random(UNITS, 1) != at_random(UNITS, 2)
    assert sorted(at_random(UNITS, 1)) == UNITS
    order = named_first(UNITS, {"c": 2, "e": 1}, 7)
    assert order[:2] == ["c", "e"]
    assert order[2:] == [u for u in at_random(UNITS, 7) if u not in "ce"], "the rest as the random order has it"
