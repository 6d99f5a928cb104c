from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from msr import catalogue
from msr.catalogue import Catalogue
from msr.pipeline import Pipeline
from msr.schema import Run
from msr.ui.inspect.comparison import side_by_side
from msr.ui.slides import presentation
from msr.ui.stores import Kept, Media, RunStore, recorded
from tests import fakes
from tests.ui import hostile

CATALOGUE = Catalogue("fake", fakes.catalogue(8))


def made(**options: object) -> Run:
    *_, last = Pipeline(fakes.FakeBackbone()).run(fakes.items(6), CATALOGUE.items, top=3, **options)
    return last.run


def kept(run: Run | None = None, name: str = "a run") -> Kept:
    return Kept(run or made(), name, CATALOGUE)


def test_a_page_is_offered_its_own_runs_and_the_recorded_ones() -> None:
    tape, mine, others = kept(name="tape"), kept(made(edited="bags", parent="0123")), kept(made(edited="mugs"))
    store = RunStore([replace(tape, recorded=True)])
    keys = [store.put(mine), store.put(others)]
    assert [key for _, key in store.choices(f"{keys[0]} unknown")] == [mine.key, tape.key]
    assert [label.split(" · ")[1] for label, _ in store.choices(" ".join(keys))] == ["live", "edited", "recorded"]
    assert store.find(mine.run.id, "").key == mine.key and store.get(None) is None
    assert store.choices("junk") == store.choices("") == store.choices(["junk"])


def test_a_page_finds_its_own_run_by_id_and_never_that_of_another() -> None:
    tape, mine, theirs = kept(name="tape"), kept(made(edited="bags")), kept(made(edited="mugs"))
    store = RunStore([replace(tape, recorded=True)])
    keys = store.put(mine, "ann")
    store.put(theirs, "bob")
    assert store.of_page(keys, mine.run.id).owner == "ann" and store.of_page("", tape.run.id).recorded
    assert store.of_page(keys, theirs.run.id) is store.of_page("", mine.run.id) is store.of_page(keys, None) is None
    again = store.put(kept(tape.run), "ann")
    assert store.of_page(f"{keys} {again}", tape.run.id).key == again  # the page's own before the recorded one


def test_the_oldest_runs_go_and_recorded_ones_stay() -> None:
    store = RunStore([replace(kept(), recorded=True)], most=1)
    first, second = (store.put(kept(made(edited=words))) for words in ("mugs", "bags"))
    assert store.get(first) is None and store.get(second) and store.get(kept().key).recorded


def test_recorded_files_are_read_and_bad_ones_named(tmp_path: Path) -> None:
    story, items = catalogue.stories()[0], catalogue.story_items(catalogue.stories()[0].id)
    *_, last = Pipeline(fakes.FakeBackbone()).run(items, fakes.catalogue(4), top=2)
    (tmp_path / "b-run.json").write_text(json.dumps(last.run.to_json()))
    (tmp_path / "a.json").write_text("{}")
    runs, problems = recorded(tmp_path, catalogue.demo(), [(story, items)])
    assert [(k.name, k.recorded) for k in runs] == [(story.name, True)] and runs[0].run.history == items
    assert problems == ["a.json is no run.json of this program. Choose a file that `msr run` wrote."]
    assert recorded(tmp_path / "missing", catalogue.demo(), []) == ([], [])


def test_two_runs_side_by_side() -> None:
    one, two = kept(), kept(made(edited="Only dotted bags.", parent=made().id))
    shown = side_by_side(one, two, Media())
    assert "preference text edited: “Only dotted bags.”" in shown and "Spearman" in shown
    assert shown.count('<span class="move') == 3 and shown.count("<circle") == 8
    assert "nothing; both are the same run" in side_by_side(one, one, Media())
    assert "Choose a run" in side_by_side(one, None, Media())


@pytest.mark.parametrize("words", hostile.ALL)
def test_slides_and_comparisons_are_escaped(words: str) -> None:
    run = made()
    nasty = replace(
        run,
        history=tuple(replace(i, title=words) for i in run.history),
        summaries=tuple(replace(s, text=words) for s in run.summaries),
        preferences=tuple(replace(p, text=words) for p in run.preferences),
        recommendations=tuple(replace(r, title=words, rationale=words) for r in run.recommendations),
        offered=tuple(replace(i, title=words) for i in run.offered),
        model={"name": words},
    )
    shown = presentation(kept(nasty, words), Media()) + side_by_side(kept(), kept(nasty, words), Media())
    assert "${" not in shown and "<script" not in shown and "<img src=x" not in shown
    assert shown.count("<section") == shown.count("</section>") and shown.count("<div") == shown.count("</div>")


def test_a_run_becomes_slides_that_need_no_model() -> None:
    shown = presentation(kept(), Media())
    assert shown.count('class="slide"') == 5  # the history, two blocks, the results, the evidence
    assert ">recorded<" in shown and ">Run it live<" in shown
