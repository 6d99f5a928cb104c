"""Recorded runs in which one value is hostile: refused in one sentence, or shown everywhere without a failure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from msr import intake, reviews
from msr.catalogue import Catalogue
from msr.pipeline import Pipeline
from msr.render import report
from msr.schema import Run
from msr.ui import results
from msr.ui.inspect.comparison import side_by_side
from msr.ui.review import review_tab
from msr.ui.run_state import RunState
from msr.ui.slides import presentation
from msr.ui.stores import Downloads, Kept, Media, RunStore, joined, recorded
from msr.ui.timeline import timeline
from tests import fakes
from tests.evidence.measured import MEASURED

HOSTILE = (
    None, True, -1, 0.5, 10**400, 1e300, "", "\ud800", 'a"b\r\nSet-Cookie: c=d', "../../x", "x" * 9_000,
    [], [None], [[]], {}, {"a": {"b": {"c": {}}}}, {"\ud800": "\ud800"},
)  # fmt: skip


@pytest.fixture(scope="module")
def run() -> Run:
    *_, last = Pipeline(fakes.FakeBackbone()).run(fakes.items(2), fakes.catalogue(3), top=2)
    measured = tuple(replace(r, measured=MEASURED) for r in last.run.recommendations)
    return replace(last.run, recommendations=measured)


def places(node: Any, path: tuple = ()) -> Iterator[tuple]:
    """The paths of all values in a record; of a list, its first entry stands for all."""
    if path:
        yield path
    if isinstance(node, dict):
        for name, inner in node.items():
            yield from places(inner, (*path, name))
    elif isinstance(node, list) and node:
        yield from places(node[0], (*path, 0))


def put(record: Any, path: tuple, value: Any) -> str:
    """JSON of the record with another value there."""
    changed = json.loads(json.dumps(record))
    inner = changed
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return json.dumps(changed)


def show(run: Run, other: Run, media: Media) -> None:
    """Makes everything that a page and its downloads make of a run, as UTF-8 would carry it."""
    kept, before = (Kept(one, "a run", Catalogue("fake", ()), recorded=True) for one in (run, other))
    state = RunState.finished(run)
    made = [presentation(kept, media), timeline(state, media), results.results(state, {}, media), kept.label, kept.key]
    made += [side_by_side(before, kept, media), side_by_side(kept, before, media)]
    made += [report.to_html(run, "a run"), report.to_json(run)]
    made += [results.sheet(r, results.item_of(r, state, {}), state, media) for r in run.recommendations]
    made += [review_tab.card(run, target, None, media) for target in reviews.targets(run)]
    "".join(made).encode()


def test_one_hostile_value_anywhere_is_refused_or_shown(run: Run) -> None:
    media, record = Media(), run.to_json()
    show(intake.recorded_run(json.dumps(record).encode(), "run.json"), run, media)
    refused = shown = 0
    for path in places(record):
        for value in HOSTILE:
            try:
                again = intake.recorded_run(put(record, path, value).encode(), "run.json")
            except intake.IntakeError as problem:
                refused += 1
                assert str(problem).count("\n") == 0
                continue
            shown += 1
            try:
                show(again, run, media)
            except Exception as error:
                pytest.fail(f"{path} = {str(value)[:30]!r}: {type(error).__name__}: {error}")
    assert refused > 1_000 and shown > 200


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("model",), None), (("model",), []), (("settings",), "x"), (("preferences",), []),
        (("id",), 'a"b'), (("id",), "a\nb"), (("id",), "a b"), (("id",), "../x"), (("id",), ""), (("parent",), 'a"b'),
        (("id",), "\ud800"), (("history", 0, "id"), "\ud800"), (("history", 0, "title"), "\ud800"),
        (("preferences", 0, "text"), "a \udfff b"), (("model", "name"), "\ud800"), (("settings",), {"\ud800": 1}),
        (("recommendations", 0, "measured", "effects", 0, "unit"), "galaxy"),
        (("recommendations", 0, "measured", "effects", 0, "reading"), "backwards"),
        (("recommendations", 0, "measured", "shares", 0, "unit"), ["item"]),
        (("recommendations", 0, "measured", "words", 0, "part"), "margin"),
        (("recommendations", 0, "rank"), 0), (("recommendations", 0, "rank"), 1.5),
        (("recommendations", 0, "tokens"), 10**400), (("preferences", 0, "block"), -1),
    ],
)  # fmt: skip
def test_what_no_run_of_ours_holds_is_refused(run: Run, path: tuple, value: Any) -> None:
    with pytest.raises(intake.IntakeError, match="run.json is no run.json of this program"):
        intake.recorded_run(put(run.to_json(), path, value).encode(), "run.json")


def test_a_folder_of_hostile_runs_leaves_the_good_one(run: Run, tmp_path: Path) -> None:
    record = run.to_json()
    (tmp_path / "good.json").write_text(json.dumps(record))
    (tmp_path / "no-model.json").write_text(put(record, ("model",), None))
    (tmp_path / "deep.json").write_text("[" * 100_000)
    kept, problems = recorded(tmp_path, Catalogue("fake", ()), [])
    assert [one.name for one in kept] == ["good"]
    assert [problem.split()[0] for problem in problems] == ["deep.json", "no-model.json"]
    store = RunStore(kept)
    assert store.get(kept[0].key) and joined("", kept[0].key).split() == [kept[0].key]


@pytest.mark.parametrize(
    "name", ['run-a"; x="b.html', "run-\r\nX: y.json", "../../run.json", "run-\ud800é.json", "..."]
)
def test_a_download_has_a_safe_name(name: str) -> None:
    downloads = Downloads()
    token = downloads.put(name, "text/plain", "x").removeprefix("download/")
    safe = downloads.get(token).name
    assert safe.isascii() and not set(safe) & set('"\r\n/\\; ') and not safe.startswith(".")
