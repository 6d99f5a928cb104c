from __future__ import annotations

import dataclasses
import json
import math

import pytest
from PIL import Image

from msr.schema import (
    Block,
    Candidate,
    Influence,
    Item,
    ItemSummary,
    Picture,
    Preference,
    Recommendation,
    Run,
    YesNo,
)
from tests.fakes import picture

RUN = Run(
    id="0123456789ab",
    model={"name": "fake", "revision": "1"},
    settings={"block_size": 3},
    history=(Item("h0", "plain mug", picture("red")), Item("h1", "lamp")),
    summaries=(ItemSummary("h0", "A red mug.", 0.123456, False), ItemSummary("c0", "A blue mug.")),
    preferences=(Preference(Block(0, ("h0", "h1")), "The user likes mugs."),),
    recommendations=(
        Recommendation(
            1,
            "c0",
            "mug",
            0.87654321,
            "It fits.",
            (
                Influence("h0", 0.25, "regenerated"),
                Influence("h0", 0.12345678, "direct"),
                Influence("h1", -0.5, "regenerated"),
                Influence("h1", 0.0, "direct"),
            ),
            "User: mug?",
            2,
        ),
    ),
    scores=(Candidate("c0", YesNo(1.5, -0.5)),),
    timings={"total": 1.23456},
    parent="ba9876543210",
    offered=(Item("c0", "mug", picture("blue")),),
)


def test_run_json_has_the_documented_shape():
    told = RUN.to_json()
    assert told == {
        "id": "0123456789ab",
        "parent": "ba9876543210",
        "model": {"name": "fake", "revision": "1"},
        "settings": {"block_size": 3},
        "history": [
            {
                "id": "h0",
                "title": "plain mug",
                "picture": picture("red").digest,
                "description": "A red mug.",
                "confidence": 0.1235,
                "familiar": False,
            },
            {"id": "h1", "title": "lamp", "picture": None, "description": "", "confidence": None, "familiar": None},
        ],
        "preferences": [{"block": 0, "items": ["h0", "h1"], "text": "The user likes mugs.", "edited": False}],
        "recommendations": [
            {
                "rank": 1,
                "id": "c0",
                "title": "mug",
                "picture": picture("blue").digest,
                "description": "A blue mug.",
                "score": 0.876543,
                "rationale": "It fits.",
                "influence": [
                    {"history_id": "h0", "delta": 0.25, "delta_direct": 0.123457},
                    {"history_id": "h1", "delta": -0.5, "delta_direct": 0.0},
                ],
                "prompt": "User: mug?",
                "tokens": 2,
            }
        ],
        "scores": [{"id": "c0", "yes": 1.5, "no": -0.5}],
        "timings": {"total": 1.235},
    }
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_pictures_come_along_when_asked_for():
    assert "pictures" not in RUN.to_json()
    assert set(RUN.to_json(pictures=True)["pictures"]) == {picture("red").digest, picture("blue").digest}


def test_records_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError, match="id"):
        RUN.id = "another"
    with pytest.raises(dataclasses.FrozenInstanceError, match="title"):
        RUN.history[0].title = "another"


def test_an_item_needs_a_title_or_a_picture():
    with pytest.raises(ValueError, match="'x' has neither a title nor a picture"):
        Item("x")
    assert Item("x", picture=picture()).title == ""


@pytest.mark.parametrize(
    ("yes", "no", "score"),
    [(0.0, 0.0, 0.5), (1.0, 0.0, 1 / (1 + math.exp(-1))), (0.0, math.log(3), 0.25), (800, -800, 1.0), (-800, 800, 0.0)],
)
def test_score_is_the_share_of_yes(yes, no, score):
    answer = YesNo(yes, no)
    assert answer.score == pytest.approx(score, abs=1e-12)
    assert answer.logit == yes - no


def test_a_picture_is_known_by_its_pixels_and_not_shown_in_logs():
    red = Picture.from_pixels(Image.new("RGB", (40, 20), "red"))
    assert red == Picture.from_pixels(Image.new("RGB", (40, 20), "red"))
    assert red.digest != Picture.from_pixels(Image.new("RGB", (40, 20), "blue")).digest
    assert (red.width, red.height) == red.open().size == (40, 20)
    r, g, b = red.open().getpixel((20, 10))
    assert r > 240
    assert max(g, b) < 15
    assert "data" not in repr(red)
    assert red.data_url().startswith("data:image/webp;base64,UklGR")


def test_a_confidence_that_nobody_knows_is_null_in_json():
    assert ItemSummary("1", "a mug", float("nan")).sure is None
    assert ItemSummary("1", "a mug", 0.12345).sure == 0.1235
