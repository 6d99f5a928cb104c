"""The model as a system: asked as the app asks it, remembered across interruptions, untuned and blind on request."""

from __future__ import annotations

import json

import pytest

from msr.backbones.wrappers import CachedBackbone
from msr.config import PipelineConfig
from msr.pipeline import Pipeline
from msr.prompts import UNKNOWN
from msr.storage import TextCache
from tests.fakes import FakeBackbone, picture
from train.data.dataset import CatalogueItem
from train.data.splits import Case
from train.evaluate.model_system import Model, ScoreLog, writer
from train.teach.examples import AppItems

CASE = Case("kim", ("i0", "i1", "i2", "i3"), "i4", ("i5", "i6", "i7"))


@pytest.fixture
def items(tmp_path) -> dict[str, CatalogueItem]:
    made = {}
    for n in range(8):
        path = tmp_path / f"{n}.webp"
        path.write_bytes(picture(("red", "blue", "green")[n % 3]).data)
        made[f"i{n}"] = CatalogueItem(f"i{n}", f"{('striped', 'plain')[n % 2]} mug {n}", path)
    return made


def model(items, backbone, log=None, preference="generated", pictured=True, tuned=True) -> Model:
    cached = CachedBackbone(backbone, TextCache())
    shown_items = AppItems(items, pictured)
    return Model("mllm", cached, shown_items, writer(preference, shown_items, cached), log or ScoreLog(), tuned)


def test_scores_are_the_logits_of_the_app_in_the_order_of_the_candidates(items):
    shown_items = AppItems(items)
    app = Pipeline(FakeBackbone(), PipelineConfig(explain_top=0))
    *_, done = app.run(shown_items.pick(CASE.history), shown_items.pick(CASE.candidates))
    logits = {c.item_id: c.answer.logit for c in done.run.scores}
    found = model(items, FakeBackbone()).scores(CASE)
    assert found.tolist() == [logits[item] for item in CASE.candidates]
    assert len(set(found)) > 1


def test_without_a_preference_the_recent_titles_are_shown(items):
    backbone = FakeBackbone()
    model(items, backbone, preference="titles").scores(CASE)
    assert not backbone.prompts["generate"]
    first, recent, *_ = backbone.prompts["score"][0].text.splitlines()
    assert first == UNKNOWN
    assert recent == 'Recent: "striped mug 0"; "plain mug 1"; "striped mug 2"; "plain mug 3"'


def test_untuned_means_that_the_adapter_is_off_for_texts_and_answers(items):
    seen = []

    class Watched(FakeBackbone):
        def _called(self, method, prompts):
            super()._called(method, prompts)
            seen.append((method, self.adapted))

    model(items, Watched(), tuned=False).scores(CASE)
    assert {method for method, _ in seen} == {"generate", "score"}
    assert not any(adapted for _, adapted in seen)
    seen.clear()
    model(items, Watched()).scores(CASE)
    assert all(adapted for _, adapted in seen)


def test_titles_alone_show_no_picture_anywhere(items):
    backbone = FakeBackbone()
    model(items, backbone, pictured=False).scores(CASE)
    assert not any(p.pictures for asked in backbone.prompts.values() for p in asked)
    assert backbone.prompts["generate"] and backbone.prompts["score"]


def test_preferences_of_several_users_are_written_together_and_once(items):
    backbone = FakeBackbone()
    asking = model(items, backbone)
    other = Case("tom", ("i7",), "i1", ("i2",))
    asking.prepare([CASE, other])
    calls = backbone.calls["generate"]
    assert set(asking.texts) == {"kim", "tom"}
    asking.scores(CASE)
    asking.scores(other)
    assert backbone.calls["generate"] == calls


def test_an_interrupted_evaluation_goes_on(items, tmp_path):
    path = tmp_path / "out.scores.jsonl"
    first = FakeBackbone()
    found = model(items, first, ScoreLog(path)).scores(CASE)
    path.write_text(path.read_text() + '{"key": "cut o')  # the process was killed in the middle of a line
    second = FakeBackbone()
    asking = model(items, second, ScoreLog(path))
    assert asking.scores(CASE).tolist() == found.tolist()
    assert not second.calls["score"]
    asking.scores(Case("kim", CASE.history, "i4", ("i5",)))
    assert second.calls["score"] == 1, "other candidates are another question"
    lines = path.read_text().splitlines()
    assert len([json.loads(line) for line in lines]) == 2, "the cut line is gone"


@pytest.mark.parametrize("change", [{"tuned": False}, {"preference": "titles"}, {"pictured": False}])
def test_another_model_or_prompt_is_asked_anew(items, change):
    log, backbone = ScoreLog(), FakeBackbone()
    model(items, backbone, log).scores(CASE)
    model(items, backbone, log, **change).scores(CASE)
    assert backbone.calls["score"] == 2


def test_without_pictures_titles_alone_is_the_same_question(items):
    bare = {name: CatalogueItem(name, item.title) for name, item in items.items()}
    log, backbone = ScoreLog(), FakeBackbone()
    both = [model(bare, backbone, log, pictured=shown).scores(CASE).tolist() for shown in (True, False)]
    assert both[0] == both[1]
    assert backbone.calls["score"] == 1
