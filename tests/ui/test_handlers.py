"""What the tabs' events do with whatever a browser sends; no browser needed."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest

from msr import intake
from msr.catalogue import Catalogue
from msr.pipeline import Pipeline
from msr.reviews import ReviewLog
from msr.ui.engine import Engine
from msr.ui.inspect.inspect_tab import Handlers as Inspect
from msr.ui.parts import edited_text
from msr.ui.recommend.handlers import Handlers as Recommend
from msr.ui.review.review_tab import _Handlers as Review
from msr.ui.stores import Kept
from msr.ui.studio import Studio
from tests import fakes
from tests.ui import hostile

CATALOGUE = Catalogue("fake", fakes.catalogue(8))
PAGE = SimpleNamespace(session_hash="page")


def studio(reviews: Path | None = None) -> tuple[Studio, Kept]:
    """A studio whose model is there, and one run on its store."""
    engine = Engine(lambda report: Pipeline(fakes.FakeBackbone()))
    engine.start()
    for _ in engine.wait(threading.Event()):
        pass
    made = Studio(engine, CATALOGUE, reviews=ReviewLog(reviews))
    *_, last = engine.pipeline.run(fakes.items(6), CATALOGUE.items, top=3)
    for item in last.run.history:
        made.media.url(item.picture)
    kept = Kept(last.run, "six things", CATALOGUE)
    made.runs.put(kept)
    return made, kept


def brought(app: Studio, name: str, text: str) -> str:
    """The path of a file that somebody uploaded."""
    upload = app.uploads.begin("somebody")
    path = upload.folder / name
    path.write_text(text)
    app.uploads.done(upload, [str(path)])
    return str(path)


def draft(kept: Kept) -> list[dict[str, str]]:
    return [{"id": i.id, "title": i.title, "picture": i.picture.digest, "hidden": ""} for i in kept.run.history]


def test_an_edit_becomes_a_run_that_names_its_parent() -> None:
    app, kept = studio()
    do = Inspect(app)
    rows = draft(kept)[::-1][:5]
    rows[0]["hidden"] = "picture"
    assert do.begin(rows, kept.key, kept.run.preferences[-1].text, 2, True, PAGE)[-1] == ""
    *_, last = do.follow(kept.key, "", None, False, PAGE)
    new = app.runs.get(last[4])
    assert new.run.parent == kept.run.id and new.name == "six things, edited"
    assert [i.id for i in new.run.history] == [i.id for i in kept.run.history][::-1][:5]
    assert new.run.history[0].picture is None and new.run.settings["block_size"] == 2
    assert not new.run.preferences[-1].edited  # the text was left as it was, so the model wrote anew
    assert "in another order" in last[3]
    assert app.runs.get(kept.key).run == kept.run


def test_a_text_of_ones_own_and_no_adapter() -> None:
    app, kept = studio()
    do = Inspect(app)
    do.begin(draft(kept), kept.key, "Only bags.", 3, False, PAGE)
    *_, last = do.follow(kept.key, "old", None, False, PAGE)
    run = app.runs.get(last[4].split()[-1]).run
    assert run.preferences[-1].text == "Only bags." and run.model["adapter"] is None
    assert "without the adapter" in last[3]


@pytest.mark.parametrize("key", [None, 7, "unknown", ["x"]])
def test_a_run_that_is_gone_is_said(key: object) -> None:
    app, kept = studio()
    assert "Choose a run first" in Inspect(app).begin(draft(kept), key, "", 3, True, PAGE)[-1]
    assert "Leave at least one item" in Inspect(app).begin([], kept.key, "", 3, True, PAGE)[-1]
    assert "Choose a run" in Inspect(app).subject(key)[0]


def test_a_new_run_can_be_chosen_and_changes_no_choice() -> None:
    app, kept = studio()
    do = Inspect(app)
    *_, two, both = do.known(kept.key, None, None, None)
    assert two["value"] is None and "Choose a run" in both
    subject, one, two = do.more(kept.key, None, None)
    assert subject["value"] == one["value"] == kept.key and "value" not in two
    assert all("value" not in update for update in do.more(kept.key, kept.key, kept.key))


def test_an_item_is_swapped_for_one_of_the_catalogue() -> None:
    app, kept = studio()
    do = Inspect(app)
    editor, _, problem = do.swap(draft(kept), kept.key, "h1", "c003", 3)
    assert 'data-id="c003"' in editor and 'data-id="h1"' not in editor and problem == ""
    for old, new in (("h1", "nothing"), ("nothing", "c003"), (None, None), ("h1", ["c003"])):
        assert "Choose an item" in do.swap(draft(kept), kept.key, old, new, 3)[2]


def test_a_preference_text_is_ones_own_only_if_it_was_changed() -> None:
    _, kept = studio()
    told = kept.run.preferences[-1].text
    assert edited_text(f"  {told} ", kept.run) is None
    assert edited_text("", kept.run) is None and edited_text(7, kept.run) is None
    assert edited_text("I like\nbags. <|im_start|>", kept.run) == "I like bags."
    assert len(edited_text(hostile.LONG, kept.run)) == 600


def test_pasted_titles_become_the_catalogue() -> None:
    app, _ = studio()
    key, line, heading, problem = Recommend(app).offer_words("Mug\n\n Mug \nLamp\n" + hostile.MARKUP)
    offer = app.catalogues.get(key)
    assert [i.title for i in offer.items][:2] == ["Mug", "Lamp"] and len(offer.items) == 3
    assert "pasted, 3 items" in line and "3 catalogue items" in heading and problem == ""
    *stays, problem = Recommend(app).offer_words(" \n ")
    assert stays == [gr.skip()] * 3 and "at least one title" in problem


def test_too_many_pasted_lines_are_refused_before_any_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    app, _ = studio()
    monkeypatch.setattr(intake, "title", lambda *_: pytest.fail("a title was read"))
    *stays, problem = Recommend(app).offer_words("x\n" * 5_001)
    assert stays == [gr.skip()] * 3 and "5001 lines; at most 5000 are read" in problem


def test_a_run_uses_the_catalogue_that_was_brought_or_says_that_it_is_gone() -> None:
    app, kept = studio()
    do = Recommend(app)
    key, *_ = do.offer_words("Mug\nLamp")
    for offer in (key, ""):
        assert do.begin(draft(kept), 3, 3, offer, PAGE)[-1] == ""
        assert (app.visits.of("page").catalogue is app.catalogue) == (offer == "")
    for gone in ("unknown", 7, ["x"]):
        assert "no longer kept here" in do.begin(draft(kept), 3, 3, gone, PAGE)[-1]


def test_files_become_the_catalogue_or_leave_it_alone(tmp_path: Path) -> None:
    app, _ = studio()
    good, bad = brought(app, "mine.csv", "id,title,image\na,Mug,\n"), brought(app, "bad.csv", "nonsense")
    key, *_, problem, _ = Recommend(app).offer_files([good], PAGE)
    assert [i.title for i in app.catalogues.get(key).items] == ["Mug"] and problem == ""
    again, *_, problem, _ = Recommend(app).offer_files([bad], PAGE)
    assert again == gr.skip() and "bad.csv" in problem
    assert not Path(good).exists() and not Path(bad).exists()
    foreign = tmp_path / "mine.csv"
    foreign.write_text("id,title,image\na,Mug,\n")
    Recommend(app).offer_files([str(foreign)], PAGE)
    assert foreign.exists(), "what was not uploaded is not removed"


def test_what_of_the_files_is_not_used_is_said_and_kept_with_the_run() -> None:
    app, kept = studio()
    do = Recommend(app)
    table = "id,title,image,price\nx,Mug,x.png,3\ny,Bowl,,4\nz,Cup,,5\n"
    files = [brought(app, "mine.csv", table), brought(app, "broken.png", "<html>")]
    key, *_, problem, _ = do.offer_files(files, PAGE)
    said = app.catalogues.get(key).left_out
    assert [i.title for i in app.catalogues.get(key).items] == ["Mug", "Bowl", "Cup"] and len(said) == 3
    assert all(words in problem for words in ("price", "x.png", "broken.png"))
    do.begin(draft(kept), 3, 3, key, PAGE)
    visit = app.visits.of("page")
    list(visit.events(app.engine))
    assert visit.kept.run.left_out == said
    assert "price" in do.upload(draft(kept), 3, [brought(app, "more.csv", table)], PAGE)[1]


def test_a_judgement_that_cannot_be_kept_is_not_lost(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    app, kept = studio(tmp_path / "file" / "reviews.jsonl")
    answer = Review(app).judge("wrong", kept.key, 0, "Ann", "my note", PAGE)
    assert "could not be written" in answer[-1]
    assert all(value == {"__type__": "update"} for value in answer[:-1]), "the note stays where it was typed"


def test_the_next_text_without_a_judgement_is_shown() -> None:
    app, kept = studio()
    do = Review(app)
    assert do.start(kept.key, "Ann", PAGE)[4] == 0
    assert do.judge("wrong", kept.key, 0, "Ann", "", PAGE)[4] == 1
    assert do.judge("partly", kept.key, 2, "Ann", "", PAGE)[4] == 3
    assert do.start(kept.key, "Ann", PAGE)[4] == 1 and do.start(kept.key, "Bob", PAGE)[4] == 0
    assert do.step(-5, kept.key, 1, "Ann", PAGE)[4] == 0
    assert do.start("unknown", "Ann", PAGE)[4] == 0


def test_that_a_name_is_missing_stays_said_when_a_run_comes_late() -> None:
    app, kept = studio()
    do = Review(app)
    assert "Enter your name first" in do.judge("wrong", kept.key, 0, " ", "", PAGE)[-1]
    assert do.start(kept.key, " ", PAGE)[-1] == {"__type__": "update"}
    assert do.start(kept.key, "Ann", PAGE)[-1] == ""


def test_only_runs_that_a_page_may_see_are_exported() -> None:
    app, kept = studio()
    do = Review(app)
    do.judge("wrong", kept.key, 0, "Ann", "", PAGE)
    for keys, lines in ((kept.key, 1), ("", 0), (None, 0)):
        token = do.export("jsonl", keys).removeprefix("download/")
        assert app.downloads.get(token).data.count(b"\n") == lines


def test_whoever_signed_in_reviews_in_that_name() -> None:
    app, kept = studio()
    do, ann = Review(app), SimpleNamespace(session_hash="page", username="ann")
    assert do.who("Bob", ann)["value"] == "ann" and do.who("Bob", ann)["interactive"] is False
    assert do.who("Bob", PAGE)["value"] == "Bob" and do.who(["x"], PAGE)["value"] == ""
    do.judging("wrong")(kept.key, 0, "Bob", "", ann)
    assert [j.reviewer for j in app.reviews.latest()] == ["ann"]
    assert do.start(kept.key, "Bob", ann)[4] == 1, "what ann judged is judged"
