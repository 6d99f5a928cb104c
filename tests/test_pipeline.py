from __future__ import annotations

import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest

from msr.config import PipelineConfig
from msr.events import Explained, Finished, ItemDescribed, PreferenceText, Ranked, StageProgress, Stopped
from msr.pipeline import Pipeline
from msr.schema import InputProblem, Item
from msr.storage import TextCache
from tests.fakes import FakeBackbone, catalogue, items, noise, picture

STAGES = ["describe", "preference", "rank", "explain", "influence"]


def finished(fake=None, history=None, candidates=None, cache=None, **settings):
    *_, last = Pipeline(fake or FakeBackbone(), cache=cache).run(
        history or items(7), candidates or catalogue(30), **settings
    )
    assert isinstance(last, Finished)
    return last.run


def test_a_run_holds_what_its_events_told():
    history, candidates = items(7), catalogue(30)
    events = list(Pipeline(FakeBackbone()).run(history, candidates, top=5))
    run = events[-1].run
    assert sum(isinstance(event, Finished) for event in events) == 1
    assert run.history == history
    final = [event.preference for event in events if isinstance(event, PreferenceText) and event.final]
    assert run.preferences == tuple(final)
    assert [preference.block.item_ids for preference in final] == [("h0", "h1", "h2"), ("h3", "h4", "h5"), ("h6",)]
    described = {event.summary for event in events if isinstance(event, ItemDescribed)}
    assert set(run.summaries) == described
    (ranked,) = [event.recommendations for event in events if isinstance(event, Ranked)]
    assert [r.item_id for r in ranked] == [r.item_id for r in run.recommendations]
    assert all(r.rationale == "" and r.influence == () for r in ranked)
    last_told = {event.recommendation.rank: event.recommendation for event in events if isinstance(event, Explained)}
    assert tuple(last_told[rank] for rank in range(1, 6)) == run.recommendations
    assert all(r.rationale and len(r.influence) == 7 for r in run.recommendations)
    assert len(run.scores) == 30
    assert [c.item_id for c in run.scores[:5]] == [r.item_id for r in run.recommendations]


def test_every_stage_reports_its_progress_from_none_to_all():
    events = [e for e in Pipeline(FakeBackbone()).run(items(7), catalogue(30)) if isinstance(e, StageProgress)]
    assert list(dict.fromkeys(e.stage for e in events)) == STAGES
    for stage, total in (("describe", 7), ("preference", 3), ("rank", 30), ("explain", 20), ("influence", 3 + 7)):
        told = [(e.done, e.total) for e in events if e.stage == stage]
        assert told[0] == (0, total)
        assert told[-1] == (total, total)
        assert told == sorted(told)


def test_the_first_preference_is_written_before_the_rest_is_described():
    events = list(Pipeline(FakeBackbone()).run(items(7), catalogue(3)))
    first_words = next(n for n, event in enumerate(events) if isinstance(event, PreferenceText))
    before = [event.summary.item_id for event in events[:first_words] if isinstance(event, ItemDescribed)]
    assert sorted(before) == ["h0", "h1", "h2"]


def test_later_blocks_are_described_in_one_batch():
    fake = FakeBackbone()
    list(Pipeline(fake).run(items(9), catalogue(3), PipelineConfig(explain_top=0)))
    assert fake.calls["generate"] == 2, "three items, then six"


def test_the_candidate_that_fits_is_first():
    history = [Item(f"h{n}", f"{kind} mug", picture("red")) for n, kind in enumerate(("plain", "striped", "dotted"))]
    offered = [Item("x", "lamp", picture("blue")), Item("y", "mug", picture("blue")), Item("z", "mug", picture("red"))]
    run = finished(history=history, candidates=offered)
    assert [r.item_id for r in run.recommendations] == ["z", "y", "x"]
    assert [r.rank for r in run.recommendations] == [1, 2, 3]


def test_only_the_top_is_explained():
    run = finished(config=PipelineConfig(top=6, explain_top=2))
    assert [bool(r.rationale) for r in run.recommendations] == [True, True, False, False, False, False]
    assert [bool(r.influence) for r in run.recommendations] == [True, True, False, False, False, False]
    assert [r.rank for r in run.recommendations] == [1, 2, 3, 4, 5, 6]
    plain = finished(config=PipelineConfig(top=6, explain_top=0))
    assert len(plain.recommendations) == 6
    assert "explain" not in plain.timings


def test_a_run_is_reproducible_and_its_id_follows_what_matters():
    first = finished(top=5)
    again = finished(top=5)
    assert replace(again, timings=first.timings) == first
    assert finished(top=5, candidates=catalogue(30)[::-1]).id == first.id, "the catalogue's order does not count"
    others = [
        finished(top=4).id,
        finished(top=5, history=items(6)).id,
        finished(top=5, history=items(7)[::-1]).id,
        finished(top=5, candidates=catalogue(29)).id,
        finished(FakeBackbone(adapter="another"), top=5).id,
        finished(top=5, config=PipelineConfig(block_size=2)).id,
    ]
    assert len({first.id, *others}) == 7
    assert len(first.id) == 12
    assert first.parent is None
    assert finished(top=5, parent=first.id).parent == first.id


def test_a_run_with_everything_known_equals_the_first_and_writes_nothing(tmp_path):
    cold = finished(cache=TextCache(tmp_path))
    fake = FakeBackbone()
    events = list(Pipeline(fake, cache=TextCache(tmp_path)).run(items(7), catalogue(30)))
    assert replace(events[-1].run, timings=cold.timings) == cold
    assert set(fake.calls) == {"score"}
    texts = [event for event in events if isinstance(event, PreferenceText)]
    assert [event.final for event in texts] == [True, True, True]


def test_no_prompt_is_written_twice_in_a_run():
    fake = FakeBackbone()
    list(Pipeline(fake).run(items(7), catalogue(30)))
    written = fake.prompts["generate"] + fake.prompts["stream"]
    assert len(written) == len(set(written))


def test_settings_say_how_the_run_was_made():
    run = finished(candidates=[*catalogue(5), items(7)[0]], top=3, config=PipelineConfig(block_size=4))
    assert run.settings["block_size"] == 4
    assert run.settings["top"] == 3
    assert run.settings["seed"] is None
    assert (run.settings["history_items"], run.settings["catalogue_items"], run.settings["candidates"]) == (7, 6, 5)
    assert run.model["name"] == "fake"


@pytest.mark.parametrize(
    ("history", "candidates", "said"),
    [
        ((), catalogue(3), "history is empty"),
        (items(2), (), "catalogue is empty"),
        (items(2), items(2), "All 2 catalogue items are in the history"),
        (items(2) * 2, catalogue(3), "history has 2 items with the id 'h0'"),
        (items(2), catalogue(3) * 3, "catalogue has 3 items with the id 'c000'"),
    ],
)
def test_input_that_cannot_be_run_is_refused_at_once(history, candidates, said):
    fake = FakeBackbone()
    with pytest.raises(InputProblem, match=said) as problem:
        Pipeline(fake).run(history, candidates)
    assert isinstance(problem.value, ValueError)
    assert fake.calls == {}


def test_partial_and_unknown_items_go_through():
    history = [Item("t", "plain mug"), Item("p", picture=picture("red")), Item("n", "mug", noise())]
    run = finished(FakeBackbone(unknown=[noise().digest]), history, [Item("c", picture=picture("blue"))])
    told = {entry["id"]: entry for entry in run.to_json()["history"]}
    assert told["n"]["familiar"] is False
    assert told["t"]["picture"] is None
    assert run.recommendations[0].title == ""


@pytest.mark.parametrize("stage", STAGES)
def test_stop_between_events_is_the_last_word_and_asks_no_more(stage):
    fake = FakeBackbone()
    stop = threading.Event()
    events = []
    for event in Pipeline(fake).run(items(7), catalogue(30), stop=stop):
        events.append(event)
        if isinstance(event, StageProgress) and event.stage == stage and event.done and not stop.is_set():
            stop.set()
            called = fake.calls.copy()
    assert events[-1] == Stopped(stage)
    assert not any(isinstance(event, Finished) for event in events)
    assert fake.calls == called


@pytest.mark.parametrize("stop_at", [1, 5, 15, 60, 120, 140, 155])
def test_stop_during_a_call_ends_that_call(stop_at):
    class Stopping(FakeBackbone):
        steps = 0

        def _step(self, flag):
            self.steps += 1
            if self.steps == stop_at:
                stop.set()
            super()._step(flag)

    stop = threading.Event()
    fake = Stopping()
    events = list(Pipeline(fake).run(items(7), catalogue(30), stop=stop))
    assert isinstance(events[-1], Stopped)
    assert fake.steps == stop_at
    assert fake.streaming == 0


def test_closing_early_leaves_nothing_open_and_the_next_run_is_whole():
    fake = FakeBackbone()
    pipeline = Pipeline(fake)
    work = pipeline.run(items(7), catalogue(30))
    next(event for event in work if isinstance(event, PreferenceText))
    assert fake.streaming == 1
    work.close()
    assert fake.streaming == 0
    called = fake.calls.copy()
    assert list(work) == []
    assert fake.calls == called
    *_, last = pipeline.run(items(7), catalogue(30))
    assert replace(last.run, timings={}) == replace(finished(), timings={})


def test_errors_of_the_backbone_come_out():
    class Broken(FakeBackbone):
        def score(self, prompts, stop=None):
            raise RuntimeError("no memory")

    with pytest.raises(RuntimeError, match="no memory"):
        list(Pipeline(Broken()).run(items(2), catalogue(3)))


def test_timings_by_hand(monkeypatch):
    """The fake takes one second a step; the consumer's 100 seconds an event count in the total alone."""
    now = [0.0]

    class Ticking(FakeBackbone):
        def _step(self, stop):
            now[0] += 1.0

    monkeypatch.setattr("msr.stages.timer.time", SimpleNamespace(monotonic=lambda: now[0]))
    count = 0
    for event in Pipeline(Ticking()).run(items(1), [Item("c", "lamp")], PipelineConfig(explain_top=0)):
        if not isinstance(event, Finished):
            now[0] += 100.0
            count += 1
    assert event.run.timings == {
        "describe": 4.0,  # "A red plain mug."
        "preference": 13.0,  # "The user appears to have a preference for mug and plain and red."
        "first_preference_word": 2.0,  # a word is passed on when the next one is there
        "rank": 1.0,
        "total": 18.0 + 100.0 * count,
    }


def test_timings_name_every_stage():
    assert set(finished().timings) == {*STAGES, "first_preference_word", "total"}


def test_an_edited_preference_is_what_candidates_are_scored_by():
    plain = finished()
    run = finished(edited="I only like dotted bags now.", parent=plain.id)
    assert run.preferences[:-1] == plain.preferences
    own = run.preferences[-1]
    assert (own.text, own.edited, own.block.item_ids) == ("I only like dotted bags now.", True, ())
    assert all("I only like dotted bags now." in r.prompt for r in run.recommendations)
    assert run.parent == plain.id and run.id != plain.id
    assert run.settings["edited_preference"] == own.text
    assert {e.reading for r in run.recommendations for e in r.influence} == {"direct"}, "nothing is written anew"
    assert [r.item_id for r in run.recommendations] != [r.item_id for r in plain.recommendations]


def test_a_run_without_the_adapter_says_so_and_leaves_it_on():
    fake = FakeBackbone()
    run = finished(fake, config=PipelineConfig(adapter=False))
    assert run.model["adapter"] is None and run.settings["adapter"] is False
    assert {c.answer.yes for c in run.scores} == {0.0}
    assert fake.adapted
    assert finished(fake).model["adapter"] == "fake-adapter"


def test_a_run_shows_itself_without_its_catalogue():
    run = finished(top=4)
    assert [i.id for i in run.offered] == [r.item_id for r in run.recommendations]
    assert all(r.tokens == len(r.prompt.split()) > 10 for r in run.recommendations)


def test_describing_alone():
    fake = FakeBackbone(unknown=[noise().digest])
    told = list(Pipeline(fake).describe([*items(3), Item("n", "", noise())]))
    assert {event.summary.item_id: event.summary.familiar for event in told} == {
        "h0": True,
        "h1": True,
        "h2": True,
        "n": False,
    }
    assert list(Pipeline(fake).describe([])) == []
