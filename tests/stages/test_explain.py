from __future__ import annotations

from msr.backbones.wrappers import CachedBackbone
from msr.config import PipelineConfig
from msr.events import Explained, ItemDescribed, StageProgress
from msr.schema import Item, Recommendation
from msr.stages.explain import explain
from msr.storage import TextCache
from tests.fakes import FakeBackbone, catalogue, picture

TEXT = "The user appears to have a preference for mug and red."
ITEMS = {
    "a": Item("a", "plain mug", picture("red")),
    "b": Item("b", "plain lamp", picture("blue")),
}
RECOMMENDED = (Recommendation(1, "a", "plain mug", 0.5), Recommendation(2, "b", "plain lamp", 0.49))


def run(fake, recommended=RECOMMENDED, items=None, cache=None):
    work = explain(CachedBackbone(fake, cache or TextCache()), TEXT, recommended, items or ITEMS, PipelineConfig())
    events = []
    while True:
        try:
            events.append(next(work))
        except StopIteration as end:
            return events, *end.value


def test_a_rationale_follows_the_decision_and_what_the_candidate_is():
    fake = FakeBackbone()
    _, explained, summaries = run(fake)
    assert summaries["a"].text == "A red plain mug."
    assert explained[0].rationale == "It fits the preference through mug, red."
    assert explained[1].rationale == "It does not fit the preference through nothing."
    assert fake.prompts["generate"][-1].text == (
        f'{TEXT}\nCandidate: "plain lamp": A blue plain lamp.\nDecision: No. Explain it in one sentence.'
    )
    assert [(r.rank, r.item_id, r.score, r.influence) for r in explained] == [(1, "a", 0.5, ()), (2, "b", 0.49, ())]


def test_candidates_are_described_before_one_batch_of_rationales():
    fake = FakeBackbone()
    events, explained, _ = run(fake)
    assert fake.calls["generate"] == 2
    kinds = [type(event) for event in events if not isinstance(event, StageProgress)]
    assert kinds == [ItemDescribed, ItemDescribed, Explained, Explained]
    assert [event.recommendation for event in events if isinstance(event, Explained)] == list(explained)
    progress = [(event.done, event.total) for event in events if isinstance(event, StageProgress)]
    assert progress == [(0, 4), (1, 4), (2, 4), (4, 4)]


def test_many_rationales_are_several_batches():
    items = {item.id: item for item in catalogue(20)}
    recommended = tuple(Recommendation(n, item.id, item.title, 0.6) for n, item in enumerate(items.values(), start=1))
    _, explained, _ = run(FakeBackbone(), recommended, items)
    assert [r.item_id for r in explained] == list(items)
    assert all(r.rationale for r in explained)


def test_known_rationales_are_not_written_again():
    cache = TextCache()
    first = run(FakeBackbone(), cache=cache)[1]
    fake = FakeBackbone()
    assert run(fake, cache=cache)[1] == first
    assert fake.calls == {}
