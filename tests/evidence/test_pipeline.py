"""Evidence about a recommendation of a finished run is measured in stages, quick ones first; what is known is kept."""

from __future__ import annotations

import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest

from msr.backbones.protocol import StopRequested
from msr.config import PipelineConfig
from msr.events import Grown, StageProgress
from msr.evidence.kinds.shapley import ORDERS
from msr.pipeline import Pipeline
from msr.schema import InputProblem, Item, Run
from tests.fakes import FakeBackbone, OpenBackbone, catalogue, items


def made(backbone: FakeBackbone | None = None, history: int = 4, **options) -> tuple[Pipeline, Run]:
    pipeline = Pipeline(backbone or OpenBackbone())
    *_, last = pipeline.run(items(history), catalogue(6), top=3, **options)
    return pipeline, last.run


def of(run: Run, item_id: str) -> SimpleNamespace:
    """What was measured about one recommendation, by the keys of `run.json`."""
    measured = next(r.measured for r in run.recommendations if r.item_id == item_id)
    records = measured.records
    return SimpleNamespace(
        effects=records["effects"].rows,
        shares=records["shares"].rows,
        orders=records["shares"].orders,
        words=records["words"].words,
        patches=records["patches"],
        contrasts=records["contrasts"].rows,
        unavailable=measured.unavailable,
    )


def test_everything_is_measured_and_the_rest_of_the_run_stays():
    pipeline, run = made()
    chosen = run.recommendations[1].item_id
    events = list(pipeline.measure(run, chosen))
    stages = list(dict.fromkeys(e.stage for e in events if isinstance(e, StageProgress)))
    assert stages == ["direct", "words", "patches", "regenerated", "shares"]
    last = [e for e in events if isinstance(e, Grown)][-1].run
    found = of(last, chosen)
    # four items, their descriptions, two blocks, the sentences, image and title; three kinds can be written anew
    readings = [e.reading for e in found.effects]
    assert readings.count("regenerated") == 4 + 4 + 2
    assert readings.count("direct") == 4 + 4 + 2 + 1 + 2
    assert readings == sorted(readings), "the quick reading came first"
    assert [share.unit.key for share in found.shares] == [item.id for item in run.history]
    assert found.orders == ORDERS and all(share.error >= 0 for share in found.shares)
    assert {word.part for word in found.words} == {"preference", "title"}
    assert found.patches.complete and found.unavailable == {}
    assert replace(last, recommendations=()) == replace(run, recommendations=())
    bare = tuple(replace(r, measured=None) for r in last.recommendations)
    assert bare == run.recommendations, "only evidence was added"
    assert all(of(last, r.item_id).effects for r in last.recommendations), "effects are those of all"
    assert list(pipeline.measure(last, chosen)) == []


def test_progress_is_complete_and_named_at_once():
    pipeline, run = made()
    progress = [e for e in pipeline.measure(run, run.recommendations[0].item_id) if isinstance(e, StageProgress)]
    assert [e.done for e in progress[:5]] == [0] * 5 and len({e.stage for e in progress[:5]}) == 5
    last = {e.stage: (e.done, e.total) for e in progress}
    assert all(done == total for done, total in last.values())


def test_what_was_stopped_goes_on():
    pipeline, run = made()
    chosen, stop, grown = run.recommendations[0].item_id, threading.Event(), run
    with pytest.raises(StopRequested):
        for event in pipeline.measure(run, chosen, stop=stop):
            if isinstance(event, Grown):
                grown = event.run
                if of(grown, chosen).patches.drops:
                    stop.set()
    rest = [e for e in pipeline.measure(grown, chosen) if isinstance(e, StageProgress)]
    assert list(dict.fromkeys(e.stage for e in rest)) == ["patches", "regenerated", "shares"]


def test_a_model_without_gradients_says_so():
    pipeline, run = made(FakeBackbone())
    chosen = run.recommendations[0].item_id
    *_, last = (e for e in pipeline.measure(run, chosen) if isinstance(e, Grown))
    found = of(last.run, chosen)
    assert found.words == ()
    assert found.unavailable["words"].startswith("Word weights are not available: this model shows no gradients")
    assert found.patches.complete and found.shares


def test_an_item_without_a_picture_has_no_patches():
    pipeline = Pipeline(OpenBackbone())
    *_, made_run = pipeline.run(items(2), [Item("t", "a mug"), Item("u", "a lamp")])
    *_, last = (e for e in pipeline.measure(made_run.run, "t") if isinstance(e, Grown))
    assert of(last.run, "t").unavailable == {"patches": "This item has no picture."}


def test_a_text_that_a_person_wrote_is_not_written_anew():
    pipeline, run = made(edited="I like mugs.")
    chosen = run.recommendations[0].item_id
    *_, last = (e for e in pipeline.measure(run, chosen) if isinstance(e, Grown))
    found = of(last.run, chosen)
    assert {e.reading for e in (*found.effects, *found.shares)} == {"direct"}


def test_long_histories_share_by_blocks():
    pipeline, run = made(history=14)
    chosen = run.recommendations[0].item_id
    *_, last = (e for e in pipeline.measure(run, chosen) if isinstance(e, Grown))
    assert [share.unit.kind for share in of(last.run, chosen).shares] == ["block"] * 5


def test_a_contrast_is_kept_once_for_each_pair():
    pipeline, run = made()
    first, second, third = (r.item_id for r in run.recommendations)
    for _ in range(2):
        *_, last = (e for e in pipeline.measure(run, first, second) if isinstance(e, Grown))
        run = last.run
    *_, last = (e for e in pipeline.measure(run, first, third) if isinstance(e, Grown))
    assert [found.other for found in of(last.run, first).contrasts] == [second, third]


def test_refusals():
    pipeline, run = made()
    chosen = run.recommendations[0].item_id
    for item, other, why in (
        ("h0", None, "Choose an item"),
        (chosen, chosen, "two different"),
        (chosen, "h0", "Choose"),
    ):
        with pytest.raises(InputProblem, match=why):
            list(pipeline.measure(run, item, other))
    with pytest.raises(InputProblem, match="another model"):
        list(pipeline.measure(replace(run, model={**run.model, "revision": "2"}), chosen))
    with pytest.raises(InputProblem, match="no preference text"):
        list(pipeline.measure(replace(run, preferences=()), chosen))


def test_rounding_makes_no_other_model():
    """A run of 32 bits may be measured in 16, and so may one of an older version whose texts llama.cpp wrote."""
    pipeline, run = made()
    other = replace(run, model={**run.model, "dtype": "bfloat16", "engine": "llama.cpp"})
    assert any(isinstance(event, Grown) for event in pipeline.measure(other, run.recommendations[0].item_id))


def test_an_untuned_run_is_measured_untuned():
    pipeline = Pipeline(OpenBackbone(), PipelineConfig(adapter=False, top=3, explain_top=0))
    *_, last = pipeline.run(items(3), catalogue(6))
    chosen = last.run.recommendations[0].item_id
    *_, grown = (e for e in pipeline.measure(last.run, chosen) if isinstance(e, Grown))
    assert {effect.logit for effect in of(grown.run, chosen).effects} == {0.0}, "untuned, the fake knows nothing"
