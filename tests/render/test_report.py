from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from msr import intake
from msr.events import Grown
from msr.evidence.kinds.attribution import WordWeights
from msr.evidence.kinds.leave_one_out import Effects
from msr.evidence.kinds.shapley import Shares
from msr.pipeline import Pipeline
from msr.render import report
from msr.schema import Influence, Unit
from tests.fakes import FakeBackbone, OpenBackbone, catalogue, items
from tests.ui import hostile


def made(**options):
    *_, last = Pipeline(FakeBackbone()).run(items(4), catalogue(6), top=3, **options)
    return last.run


class Reader(HTMLParser):
    """Counts tags, and what they would fetch or run."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.fetched: list[str] = []
        self.handlers: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.fetched += [v or "" for k, v in attrs if k in ("src", "href", "data", "srcset", "action")]
        self.handlers += [k for k, _ in attrs if k.startswith("on")]


def test_it_holds_all_evidence_and_needs_nothing_else():
    run = made()
    page = report.to_html(run, "A story")
    read = Reader(page)
    assert read.fetched and all(address.startswith("data:image/webp;base64,") for address in read.fetched)
    assert not {"script", "link", "iframe"} & set(read.tags) and read.handlers == []
    assert "url(" not in report.STYLE.read_text() and "@import" not in report.STYLE.read_text()
    for needed in (run.id, "A story", run.model["adapter_sha256"], "none: nothing is sampled", "first_preference_word"):
        assert needed in page
    for summary in run.summaries:
        assert summary.text in page
    for recommendation in run.recommendations:
        assert recommendation.rationale in page and f"{recommendation.score:.4f}" in page
    assert page.count(">measured influence<") == 3 and page.count(">model-written reason<") == 3
    assert len(re.findall(r'class="delta \w+">[+−]\d+\.\d<', page)) == 3 * 4
    assert all(i.picture.digest in page for i in (*run.history, *run.offered))


def test_another_engine_is_named():
    run = made()
    assert "texts by" not in report.to_html(run, "A story")
    assert "texts by llama.cpp" in report.to_html(replace(run, model={**run.model, "engine": "llama.cpp"}), "A story")


@pytest.mark.parametrize("words", hostile.ALL)
def test_nothing_in_it_comes_alive(words):
    run = made(edited="own words", parent="0123")
    run = replace(
        run,
        history=tuple(replace(i, title=words) for i in run.history),
        summaries=tuple(replace(s, text=words) for s in run.summaries),
        preferences=tuple(replace(p, text=words) for p in run.preferences),
        recommendations=tuple(replace(r, title=words, rationale=words, prompt=words) for r in run.recommendations),
        settings={words: words},
    )
    read = Reader(report.to_html(run, words))
    assert read.handlers == [] and "script" not in read.tags
    assert all(address.startswith("data:") for address in read.fetched)


def test_the_json_comes_back_whole():
    run = made()
    back = intake.recorded_run(report.to_json(run).encode(), "run.json")
    assert back.to_json(pictures=True) == json.loads(report.to_json(run))


def saying(words, record):
    """The record with these words in the place of all of its own."""
    if isinstance(record, Effects):
        return Effects(tuple(replace(e, unit=Unit(e.unit.kind, words, words)) for e in record.rows))
    if isinstance(record, Shares):
        return replace(record, rows=tuple(replace(s, unit=Unit("block", words, words)) for s in record.rows))
    if isinstance(record, WordWeights):
        return WordWeights(tuple(replace(w, text=words) for w in record.words))
    return record


@pytest.mark.parametrize("words", ["mug", *hostile.ALL])
def test_what_was_measured_is_drawn_and_stays_inert(words):
    pipeline = Pipeline(OpenBackbone())
    *_, last = pipeline.run(items(3), catalogue(4), top=2)
    first, second = (r.item_id for r in last.run.recommendations)
    run = last.run
    for other in (None, second):
        *_, run = (e.run for e in pipeline.measure(run, first, other) if isinstance(e, Grown))
    run = replace(
        run,
        history=tuple(replace(i, title=words) for i in run.history),
        offered=tuple(replace(i, title=words) for i in run.offered),
        recommendations=tuple(
            replace(
                r,
                measured=replace(
                    r.measured,
                    records={name: saying(words, record) for name, record in r.measured.records.items()},
                    unavailable={"words": words},
                ),
            )
            for r in run.recommendations
        ),
    )
    page = report.to_html(run)
    read = Reader(page)
    for title in (
        "What each piece adds",
        "Fair shares",
        "Which words",
        "Where on the picture",
        "Why this and not that",
    ):
        assert title in page
    assert read.handlers == [] and "script" not in read.tags
    assert all(address.startswith("data:") for address in read.fetched)


def test_an_edited_run_says_so():
    page = report.to_html(made(edited="I only like bags.", parent="0123"))
    assert "written by a person" in page and "An edit of run <code>0123</code>" in page


def test_influence_has_a_column_for_each_reading_that_was_measured():
    run = made()
    page = report.to_html(run, "")
    assert page.count(">preference written anew</th>") == 3 and ">text left as it is</th>" not in page
    first, *others = run.recommendations
    both = replace(first, influence=(*first.influence, Influence(run.history[0].id, 0.1, "direct")))
    page = report.to_html(replace(run, recommendations=(both, *others)), "")
    assert page.count(">text left as it is</th>") == 1
