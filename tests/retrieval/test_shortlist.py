"""The pipeline on a catalogue that is too large to score, the commands, and what runs say of it."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from msr import backbones, cli
from msr.bench import recall
from msr.config import PipelineConfig
from msr.events import Finished, Stopped
from msr.pipeline import Pipeline
from msr.render import report
from msr.retrieval.index import Index, build
from msr.retrieval.shortlist import by_titles, seeing, tower
from msr.schema import Item
from msr.ui.results import results
from msr.ui.run_state import RunState
from msr.ui.stores import Media
from tests.fakes import FakeBackbone, catalogue, items, picture
from tests.intake_files import HEADER, png, write_folder

FEW = PipelineConfig(shortlist=12, top=5, explain_top=0)


def run(fake: FakeBackbone | None = None, config=FEW, index=None, offered=None):
    *_, last = Pipeline(fake or FakeBackbone(), config, index=index).run(items(6), offered or catalogue(50))
    assert isinstance(last, Finished)
    return last.run


def test_only_the_shortlist_is_scored_and_the_run_says_so():
    fake = FakeBackbone()
    made = run(fake)
    assert len(made.scores) == len(fake.prompts["score"]) == 12
    assert made.settings["shortlisted"] == "12 of 50"
    assert made.settings["catalogue_items"] == 50 and made.settings["candidates"] == 12
    assert "shortlist" in made.timings
    assert "shortlisted 12 of 50" in report.to_html(made)
    assert "Scored 12 of 50" in results(RunState.finished(made), {}, Media())


def test_the_run_is_named_after_the_candidates_that_were_scored(monkeypatch):
    named = []
    monkeypatch.setattr("msr.pipeline._run_id", lambda history, candidates, *rest: named.extend(candidates) or "id")
    made = run()
    assert sorted(item.id for item in named) == sorted(c.item_id for c in made.scores)
    assert [item.id for item in named] != [item.id for item in catalogue(12)], "they are not just the first ones"


def test_a_catalogue_that_is_small_enough_is_scored_whole():
    fake = FakeBackbone()
    made = run(fake, PipelineConfig(shortlist=50, explain_top=0))
    assert len(made.scores) == 50 and "shortlisted" not in made.settings and "index" not in made.settings
    assert not fake.calls["views"]
    assert "hortlisted" not in report.to_html(made) and "Scored " not in results(RunState.finished(made), {}, Media())


def test_the_order_of_the_catalogue_changes_no_run():
    assert run(offered=catalogue(50)[::-1]).id == run().id


def test_the_same_scores_as_in_the_full_ranking():
    full = {c.item_id: c.answer for c in run(config=PipelineConfig(explain_top=0)).scores}
    assert all(full[c.item_id] == c.answer for c in run().scores)


def test_an_index_of_pictures_finds_what_titles_do_not_tell():
    colours = ("red", "blue", "green", "yellow")
    offered = [Item(f"c{n}", "", picture(colours[n % 4], 20 + n)) for n in range(40)]
    fake = FakeBackbone()
    index = build(offered, fake.views, tower(fake))
    history = [Item(f"h{n}", "", picture("red", 70 + n)) for n in range(3)]
    *_, last = Pipeline(fake, FEW, index=index).run(history, offered)
    found = {c.item_id for c in last.run.scores}
    assert {f"c{n}" for n in range(0, 40, 4)} <= found


def test_without_an_index_only_untitled_pictures_are_looked_at():
    fake = FakeBackbone()
    by_titles(fake, catalogue(50))
    assert not fake.calls["views"]
    by_titles(fake, [*catalogue(50), Item("x", "", picture())])
    assert fake.calls["views"] == 1


def test_a_pipeline_makes_the_index_of_titles_once(monkeypatch):
    built = []
    monkeypatch.setattr("msr.pipeline.by_titles", lambda *given: built.append(1) or by_titles(*given))
    pipeline = Pipeline(FakeBackbone(), FEW)
    for offered in (catalogue(50), catalogue(50)[::-1], catalogue(40)):
        list(pipeline.run(items(6), offered))
    assert len(built) == 2


def test_a_stop_ends_the_looking():
    stop = threading.Event()
    offered = [Item(f"c{n}", "", picture("red", 20 + n)) for n in range(40)]

    class Stopping(FakeBackbone):
        def views(self, pictures):
            stop.set()
            return super().views(pictures)

    *_, last = Pipeline(Stopping(), FEW).run(items(6), offered, stop=stop)
    assert last == Stopped("shortlist")


def test_another_tower_is_another_name():
    fake = FakeBackbone(adapter="another")
    assert tower(fake) != tower(FakeBackbone())
    assert seeing(fake)([picture()]).shape == (1, 3)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setenv("MSR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(backbones, "load", lambda *_: FakeBackbone())
    rows = "".join(f"i{n:02d},{title} {n},p.png\n" for n, title in enumerate(["striped mug", "chair", "lamp"] * 12))
    monkeypatch.chdir(write_folder(tmp_path / "work", {"shop/items.csv": HEADER + rows, "shop/p.png": png()}))
    Path("h.csv").write_text(HEADER + "a,striped mug,\nb,striped bowl,\n")
    return Path("shop")


def test_the_command_builds_updates_and_serves_a_run(shop, capsys):
    build_it = ["index", "--catalogue", "shop", "--out", "made"]
    assert cli.main(build_it) == 0
    first = Index.open(Path("made"))
    assert cli.main(["describe", "--items", "shop", "--out", "items.jsonl"]) == 0
    assert cli.main([*build_it, "--descriptions", "items.jsonl"]) == 0
    assert Index.open(Path("made")).digest != first.digest
    asked = ["run", "--history", "h.csv", "--catalogue", "shop", "--shortlist", "10", "--index", "made"]
    assert cli.main([*asked, "--out", "run.json"]) == 0
    settings = json.loads(Path("run.json").read_text("utf-8"))["settings"]
    assert settings["shortlisted"] == "10 of 36" and settings["index"] == Index.open(Path("made")).digest
    Path("deep.jsonl").write_text("[" * 100_000 + "\n")
    assert cli.main([*build_it, "--descriptions", "deep.jsonl"]) == 2
    Path("line.jsonl").write_text('{"id": "i00", "description": "a\u2028b"}\n')
    assert cli.main([*build_it, "--descriptions", "line.jsonl"]) == 0
    assert cli.main([*build_it, "--descriptions", "h.csv"]) == 2
    assert cli.main([*asked, "--index", "nowhere", "--out", "run.json"]) == 2
    assert "nowhere holds no index. Build one: python -m msr index" in capsys.readouterr().err


def test_the_command_refuses_a_folder_of_something_else_before_the_model_is_loaded(shop, capsys, monkeypatch):
    monkeypatch.setattr(backbones, "load", lambda *_: pytest.fail("the model was loaded"))
    Path("thesis").mkdir()
    Path("thesis/results.npy").write_text("years of work")
    assert cli.main(["index", "--catalogue", "shop", "--out", "thesis"]) == 2
    assert "thesis holds 'results.npy', which no index made" in capsys.readouterr().err
    assert Path("thesis/results.npy").read_text() == "years of work"


def test_the_check_tells_recall(shop, capsys):
    assert cli.main(["index", "--catalogue", "shop", "--out", "made"]) == 0
    capsys.readouterr()
    assert cli.main(["index", "--catalogue", "shop", "--out", "made", "--check", "--history", "h.csv"]) == 0
    said = capsys.readouterr().out
    assert "| 25 |" in said and "| 50 |" not in said and "1 histories" in said


def test_recall_is_the_share_of_the_top_ten_in_the_shortlist():
    fake, offered = FakeBackbone(), catalogue(60)
    index = build(offered, fake.views, tower(fake))
    found = recall.check(fake, index, offered, [items(6), items(3)])
    assert [one.size for one in found] == [25, 50]
    shares = [one.shares for one in found]
    assert all(len(s) == 2 and all(0 <= share <= 1 for share in s) for s in shares)
    assert all(small <= large for small, large in zip(*shares, strict=True)), "a longer shortlist holds the shorter"
