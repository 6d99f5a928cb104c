from __future__ import annotations

import json
from dataclasses import replace

import pytest

from msr import intake
from msr.pipeline import Pipeline
from msr.schema import Effect, Unit
from tests.fakes import FakeBackbone, catalogue, items
from tests.ui import hostile


def made(**options):
    *_, last = Pipeline(FakeBackbone()).run(items(4), catalogue(6), top=3, **options)
    return last.run


def read(record, known=None):
    return intake.recorded_run(json.dumps(record).encode(), "run.json", known)


@pytest.mark.parametrize("options", [{}, {"edited": "I like bags.", "parent": "0123"}])
def test_a_run_comes_back_as_it_went(options):
    run = made(**options)
    back = read(run.to_json(pictures=True))
    assert back.to_json(pictures=True) == run.to_json(pictures=True)
    assert back.history == run.history and back.offered == run.offered


def test_effects_come_back_and_may_be_absent():
    run = made()
    effect = Effect(Unit("item", "h0", "plain mug"), "regenerated", -0.25, 1)
    run = replace(run, recommendations=tuple(replace(r, effects=(effect,)) for r in run.recommendations))
    back = read(run.to_json())
    assert back.recommendations[0].effects == (effect,)
    assert back.recommendations[0].effects[0].unit.text == "plain mug"
    assert read(made().to_json()).recommendations[0].effects == ()


def test_known_pictures_are_found_by_their_digest_and_others_are_titles():
    run = made()
    known = {i.picture.digest: i.picture for i in run.history}
    back = read(run.to_json(), known)
    assert back.history == run.history
    assert all(i.picture is None for i in read(run.to_json()).history)


@pytest.mark.parametrize("title", hostile.ALL)
def test_texts_are_cleaned(title):
    record = made().to_json()
    record["history"][0]["title"] = record["recommendations"][0]["title"] = title
    record["recommendations"][0]["rationale"] = title
    back = read(record)
    assert len(back.history[0].title) <= 200 and "\u202e" not in back.recommendations[0].rationale


def broken(**parts):
    return {**made().to_json(), **parts}


@pytest.mark.parametrize(
    "record",
    [
        None, [], {}, "x", {"id": 1}, broken(history=[]), broken(history=[{"id": "a"}]), broken(scores=[{"id": "a"}]),
        broken(timings={"total": "fast"}), broken(model={"name": {"a": {"b": {"c": []}}}}), broken(preferences=7),
        broken(pictures={"a": "no base64!"}),
        broken(recommendations=[{"id": "a", "title": "t", "score": 2, "rank": 1}]),
    ],
)  # fmt: skip
def test_what_is_no_run_is_refused_in_one_sentence(record):
    with pytest.raises(intake.IntakeError, match=r"run.json is no run.json of this program"):
        read(record)


def test_a_file_that_is_too_large_or_no_text_is_refused():
    with pytest.raises(intake.IntakeError, match="larger than"):
        intake.recorded_run(b" " * (41 * 2**20), "run.json")
    with pytest.raises(intake.IntakeError, match="no run.json"):
        intake.recorded_run(b"\xff\xfe{", "run.json")
