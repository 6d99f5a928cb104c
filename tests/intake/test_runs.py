from __future__ import annotations

import json
from dataclasses import replace

import pytest

from msr import intake
from msr.pipeline import Pipeline
from tests.evidence.measured import MEASURED
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


def test_what_was_measured_comes_back_and_may_be_absent():
    run = made()
    run = replace(run, recommendations=tuple(replace(r, measured=MEASURED) for r in run.recommendations))
    back = read(run.to_json())
    assert back.recommendations[0].measured == MEASURED
    assert back.recommendations[0].measured.records["effects"].rows[1].unit.text == "plain mug"
    assert read(made().to_json()).recommendations[0].measured is None


@pytest.mark.parametrize(
    "wrong", [{"patches": [[0.5], [0.5]]}, {"orders": "many"}, {"words": {}}, {"contrasts": [{}]}, {"effects": [[]]}]
)
def test_measurements_in_another_form_are_refused(wrong):
    record = made().to_json()
    record["recommendations"][0]["measured"] = wrong
    with pytest.raises(intake.IntakeError, match="no run.json of this program"):
        read(record)


def test_the_agreement_is_found_anew():
    run, record = made(), made().to_json()
    assert any(r.agreement for r in run.recommendations)
    for row in record["recommendations"]:
        row.pop("agreement")
    assert [r.agreement for r in read(record).recommendations] == [r.agreement for r in run.recommendations]


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
