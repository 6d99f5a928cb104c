"""Every kind of evidence is written to `run.json` in its documented form, comes back checked, and is drawn inert."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from msr.evidence.kinds import KINDS, NOTHING, read
from msr.evidence.kinds.leave_one_out import Effect, Effects
from msr.pipeline import Pipeline
from msr.render.html import Inline
from msr.render.report import figures
from tests.evidence.measured import ITEM, MEASURED, SENTENCE
from tests.fakes import FakeBackbone, catalogue, items

NAMED = {"unit": "item", "key": "h0", "text": "plain mug"}


def test_run_json_has_the_documented_keys_in_their_order() -> None:
    stored = MEASURED.to_json()
    assert list(stored) == ["effects", "shares", "orders", "words", "patches", "contrasts", "unavailable"]
    assert stored == {
        "effects": [
            {"unit": "sentence", "key": "0", "text": SENTENCE.text, "reading": "direct", "logit": 0.125, "ranks": 2},
            NAMED | {"reading": "regenerated", "logit": -0.25, "ranks": 1},
        ],
        "shares": [NAMED | {"reading": "regenerated", "value": 0.5, "error": 0.125}],
        "orders": 12,
        "words": [{"text": "mug", "part": "title", "weight": 0.5}],
        "patches": [[0.5, None], [0.0, -0.25]],
        "contrasts": [
            {"other": "c001", "reading": "direct", "removed": [NAMED], "exact": True}
            | {"margin": 0.5, "margin_without": -0.25},
            {"other": "c002", "reading": "direct", "removed": None, "exact": False}
            | {"margin": 1.0, "margin_without": 0.5},
        ],
        "unavailable": {"words": "No gradients."},
    }
    assert NOTHING.to_json() == {
        "effects": [], "shares": [], "orders": 0, "words": [], "patches": None, "contrasts": [], "unavailable": {}
    }  # fmt: skip


def test_numbers_are_rounded_to_six_digits() -> None:
    (row,) = Effects((Effect(ITEM, "direct", 0.12345678, 0),)).to_json()["effects"]
    assert row["logit"] == 0.123457


def test_what_was_written_comes_back() -> None:
    back = read(json.loads(json.dumps(MEASURED.to_json())))
    assert back == MEASURED
    assert back.records["effects"].rows[0].unit.text == SENTENCE.text, "a unit is equal whatever its text"
    assert read({}) == NOTHING


def wrong(kind: str, **fields: object) -> dict[str, object]:
    """What is stored of a kind, with fields of its first row replaced."""
    first, *rest = MEASURED.to_json()[kind]
    return {kind: [first | fields, *rest]}


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        ({"effects": {}}, "expected a list, got an object"),
        ({"effects": [wrong("effects")["effects"][0]] * 2_001}, "at most 2000 entries, got 2001"),
        (wrong("effects", logit="0.5"), "expected a number, got a string"),
        (wrong("effects", logit=float("nan")), "expected a number from -1e"),
        (wrong("effects", logit=10**400), "expected a number from -1e"),
        (wrong("effects", ranks=True), "expected a number, got true or false"),
        (wrong("effects", text="half \ud800"), "surrogates not allowed"),
        (wrong("effects", unit="page"), "expected one of item, description, block"),
        ({"orders": 1.5}, "expected a whole number from 0, got 1.5"),
        (wrong("effects", text=None), "expected a string, got null"),
        (wrong("effects", reading="guessed"), "expected one of direct, regenerated"),
        (wrong("shares", reading="guessed"), "expected one of direct, regenerated"),
        (wrong("shares", error=float("inf")), "expected a number from -1e"),
        ({"orders": "many"}, "expected a number, got a string"),
        (wrong("words", weight=[]), "expected a number, got a list"),
        (wrong("words", part=7), "expected one of preference, title"),
        ({"patches": [[0.5], [0.5]]}, "as many columns of patches as rows"),
        ({"patches": [[0.0] * 33] * 33}, "at most 32 entries, got 33"),
        ({"patches": [["0.5"]]}, "expected a number, got a string"),
        (wrong("contrasts", other=1), "expected a string, got a number"),
        (wrong("contrasts", reading="guessed"), "expected one of direct, regenerated"),
        (wrong("contrasts", removed=[]), "at least one removed unit"),
        (wrong("contrasts", margin=None), "expected a number, got null"),
        ({"unavailable": {"words": 5}}, "expected a string, got a number"),
    ],
)
def test_other_forms_are_refused(stored: dict[str, object], said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        read(stored)


def test_texts_are_cleaned_and_cut() -> None:
    back = read(wrong("words", text="a\u202eb\x00" + "c" * 9_000))
    (word,) = back.records["words"].words
    assert word.text.startswith("abc") and len(word.text) < 6_000


def test_what_comes_back_from_anybody_can_be_drawn() -> None:
    """Items, blocks and recommendations that are not in the run."""
    *_, last = Pipeline(FakeBackbone()).run(items(3), catalogue(4), top=2)
    (shown, _), stored = last.run.recommendations, MEASURED.to_json()
    for kind in ("effects", "shares"):
        stored[kind] = [row | {"unit": unit, "key": "²"} for row in stored[kind] for unit in ("block", "item")]
    stored["contrasts"] = [row | {"other": "c999"} for row in stored["contrasts"]]
    assert figures(last.run, replace(shown, measured=read(stored)), Inline())


def test_kinds_are_told_apart() -> None:
    stages = [stage.name for kind in KINDS for stage in kind.stages]
    assert len({kind.name for kind in KINDS}) == len(KINDS) and len(set(stages)) == len(stages)
    assert all(kind.title and stage.label and stage.seconds > 0 for kind in KINDS for stage in kind.stages)
