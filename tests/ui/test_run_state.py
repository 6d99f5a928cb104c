from __future__ import annotations

import json
from dataclasses import replace

import pytest

from msr.events import ItemDescribed, PreferenceText, StageProgress, Stopped
from msr.intake import recorded_run
from msr.pipeline import Pipeline
from msr.schema import Block, Influence, ItemSummary, Preference
from msr.ui.results import results, sheet
from msr.ui.run_state import Pace, RunState, duration, expected_steps, line
from msr.ui.stores import Media
from msr.ui.timeline import timeline
from tests import fakes
from tests.ui import hostile

HISTORY, CATALOGUE = fakes.items(6), fakes.catalogue(5)
BY_ID = {item.id: item for item in CATALOGUE}


def begun() -> RunState:
    return RunState.of(HISTORY, 3)


def views() -> list[RunState]:
    """Every state of a whole run."""
    state, seen = begun(), []
    for event in Pipeline(fakes.FakeBackbone()).run(HISTORY, CATALOGUE, top=3):
        state = state.after(event)
        seen.append(state)
    return seen


def test_a_run_folds_into_what_it_returned() -> None:
    last = views()[-1]
    assert last.phase == "finished" and last.ended and not last.writing
    assert last.preferences == last.run.preferences
    assert last.recommendations == last.run.recommendations
    assert last.steps["preference"] == (2, 2)


def test_a_growing_text_replaces_itself() -> None:
    block = Block(0, ("h0",))
    state = begun().after(PreferenceText(Preference(block, "The"), False))
    state = state.after(PreferenceText(Preference(block, "The user"), False))
    assert [p.text for p in state.preferences] == ["The user"] and state.writing
    assert not state.after(PreferenceText(Preference(block, "The user."), True)).writing


def test_after_a_stop_what_was_made_stays() -> None:
    state = begun().after(ItemDescribed(ItemSummary("h0", "a mug"))).after(Stopped("describe"))
    assert state.phase == "stopped" and state.summaries["h0"].text == "a mug"


def test_an_unknown_event_is_an_error() -> None:
    with pytest.raises(TypeError, match="str is not an event"):
        begun().after("what")  # type: ignore[arg-type]


def test_every_view_can_be_shown() -> None:
    media = Media()
    for state in views():
        shown = timeline(state, media) + results(state, BY_ID, media) + line(state, 1.0, 2.0)
        assert shown.count("<li") == shown.count("</li>") and shown.count("<div") == shown.count("</div>")


def test_the_caret_shows_while_text_arrives_only() -> None:
    block = begun().blocks[0]
    writing = begun().after(PreferenceText(Preference(block, "The"), False))
    assert "caret" in timeline(writing, Media())
    assert "caret" not in timeline(writing.ending("stopped"), Media())


def test_pictures_that_are_not_known_are_marked() -> None:
    sure = begun().after(ItemDescribed(ItemSummary("h0", "a mug")))
    unsure = begun().after(ItemDescribed(ItemSummary("h0", "a mug", 0.2, familiar=False)))
    assert "not sure" not in timeline(sure, Media()) and "not sure" in timeline(unsure, Media())


@pytest.mark.parametrize("words", hostile.ALL)
def test_texts_of_a_model_are_escaped(words: str) -> None:
    state = begun().after(ItemDescribed(ItemSummary("h0", words)))
    shown = timeline(state.after(PreferenceText(Preference(state.blocks[0], words), True)), Media())
    assert "${" not in shown and "<script" not in shown and "onerror=alert(1)>" not in shown


def test_both_kinds_of_explanation_are_labelled() -> None:
    shown = results(views()[-1], BY_ID, Media())
    # Each result is labelled on its card and on its sheet; the table's heads once more.
    assert shown.count(">model-written reason<") == 2 * 3 + 1 and shown.count(">measured influence<") == 2 * 3
    assert shown.count("strongest measured influence<") == 1


def test_a_table_has_columns_for_what_was_measured() -> None:
    state = views()[-1]
    best = state.recommendations[0]
    shown = sheet(best, BY_ID[best.item_id], state, Media())
    assert "preference written anew" in shown and "text left as it is" not in shown
    both = replace(best, influence=(*best.influence, Influence(HISTORY[0].id, 0.1, "direct")))
    shown = sheet(both, BY_ID[best.item_id], state, Media())
    assert "preference written anew" in shown and "text left as it is" in shown


def test_the_legend_tells_what_was_measured() -> None:
    state = views()[-1]
    anew, dot = "writing the preference anew", "The dot is"

    def told(*readings: str) -> str:
        influence = tuple(Influence(HISTORY[0].id, 0.1, reading) for reading in readings)
        best = replace(state.recommendations[0], influence=influence)
        return results(replace(state, recommendations=(best,)), BY_ID, Media()).split('class="legend"')[1]

    assert anew in told("regenerated") and dot not in told("regenerated")
    assert anew in told("regenerated", "direct") and dot in told("regenerated", "direct")
    assert anew not in told("direct") and "striking its title" in told("direct")


def test_results_are_awaited_then_kept() -> None:
    waiting = begun().after(StageProgress("describe", 0, 6))
    assert "ghost" in results(waiting, BY_ID, Media())
    assert "ghost" not in results(waiting.ending("stopped"), BY_ID, Media())
    ranked = next(state for state in views() if state.recommendations)
    assert "skeleton" in results(ranked, BY_ID, Media())
    stopped = results(ranked.ending("stopped"), BY_ID, Media())
    assert "skeleton" not in stopped and "Not measured." in stopped


def test_progress_says_the_stage_and_how_long() -> None:
    state = begun().after(StageProgress("describe", 4, 6))
    assert "Describing items 4/6 · about 20 s left" in line(state, 10, 21)
    assert 'aria-live="polite">Describing items</p>' in line(state, 10, 21)
    assert "kept" in line(state.ending("stopped"))


@pytest.mark.parametrize(
    ("seconds", "words"), [(2, "a few seconds"), (21, "about 20 s"), (58, "about 1 min"), (150, "about 2 min")]
)
def test_duration(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_the_pace_is_learnt_from_finished_runs() -> None:
    pace, expected = Pace(), expected_steps(6, 2, 5, 3)
    before = pace.split(begun(), expected)[1]
    *_, last = views()
    for _ in range(6):
        pace.learn(last.steps, {stage: 0.001 for stage in last.steps})
    behind, ahead = pace.split(begun(), expected)
    assert behind == 0 and ahead < before / 10
    assert pace.split(last, expected)[1] == 0


def test_what_changed_since_the_block_before_is_shown_when_the_text_stands() -> None:
    first, second = begun().blocks
    state = begun().after(PreferenceText(Preference(first, "a preference for red mugs."), True))
    growing = state.after(PreferenceText(Preference(second, "a preference for blue"), False))
    assert "<mark>" not in timeline(growing, Media()) and "drift" not in timeline(growing, Media())
    done = state.after(PreferenceText(Preference(second, "a preference for blue mugs."), True))
    shown = timeline(done, Media())
    assert "for <mark>blue</mark> mugs" in shown
    assert all(f"<bdi>{word}</bdi>" in shown for word in ("blue", "mugs", "red"))
    assert "block 2: 67%" in shown


def test_an_edited_text_has_a_card_of_its_own() -> None:
    *_, last = Pipeline(fakes.FakeBackbone()).run(HISTORY, CATALOGUE, top=3, edited="I like bags.")
    state = RunState.finished(last.run)
    shown = timeline(state, Media())
    assert shown.count('<li class="step') == 3 and "written by you" in shown and "Your edit" in shown
    assert "Not measured." not in results(state, BY_ID, Media()), "the direct reading is"


@pytest.mark.parametrize("words", hostile.ALL)
def test_results_and_sheets_are_escaped(words: str) -> None:
    run = views()[-1].run
    nasty = replace(
        run,
        history=tuple(replace(i, title=words) for i in run.history),
        recommendations=tuple(replace(r, title=words, rationale=words, prompt=words) for r in run.recommendations),
        offered=tuple(replace(i, title=words) for i in run.offered),
    )
    shown = results(RunState.finished(nasty), {}, Media())
    assert "${" not in shown and "<script" not in shown and "onerror=alert(1)>" not in shown


def test_a_recorded_run_is_shown_like_a_live_one() -> None:
    live = views()[-1]
    back = recorded_run(json.dumps(live.run.to_json(pictures=True)).encode(), "run.json")
    media = Media()
    assert timeline(RunState.finished(back), media) == timeline(live, media)
    assert results(RunState.finished(back), {}, media) == results(live, BY_ID, media)
