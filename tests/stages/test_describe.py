from __future__ import annotations

import math
import threading

import pytest

from msr.backbones.protocol import StopRequested
from msr.backbones.wrappers import CachedBackbone
from msr.config import PipelineConfig
from msr.schema import Item
from msr.stages.describe import describe
from msr.storage import TextCache
from tests.fakes import KNOWN, UNKNOWN, FakeBackbone, items, noise, picture


def run(fake, history, config=None, cache=None, stop=None):
    """The events in order, and the returned summaries."""
    work = describe(CachedBackbone(fake, cache or TextCache()), history, config or PipelineConfig(), stop)
    events = []
    while True:
        try:
            events.append(next(work))
        except StopIteration as end:
            return events, end.value


def test_an_item_is_described_from_its_picture_and_title():
    _, summaries = run(FakeBackbone(), items(2))
    assert summaries["h0"].text == "A red plain mug."
    assert summaries["h1"].text == "A blue striped mug."
    assert summaries["h0"].confidence == KNOWN.name
    assert summaries["h0"].familiar


def test_items_without_a_picture_or_a_title_work():
    _, summaries = run(FakeBackbone(), [Item("t", "plain mug"), Item("p", picture=picture("green"))])
    assert summaries["t"].text == "A not seen plain mug."
    assert math.isnan(summaries["t"].confidence) and summaries["t"].familiar, "there is no picture to be sure of"
    assert summaries["p"].text == "A green item."


def test_an_unknown_picture_is_described_with_less_confidence_and_says_so():
    fake = FakeBackbone(unknown=[noise().digest])
    _, summaries = run(fake, [Item("n", "mug", noise()), Item("k", "mug", picture())])
    assert summaries["n"].text == "An unclear picture of mug."
    assert not summaries["n"].familiar
    assert summaries["n"].confidence == UNKNOWN.name
    assert summaries["k"].familiar


def test_descriptions_come_as_their_batches_finish():
    fake = FakeBackbone()
    work = describe(CachedBackbone(fake, TextCache()), items(6), PipelineConfig(describe_batch=2))
    next(work)
    assert fake.calls["generate"] == 1
    assert len(list(work)) == 5
    assert fake.calls["generate"] == 3


def test_batches_hold_prompts_of_a_kind():
    mixed = [Item("a", "x" * 50, picture()), Item("b", "y"), Item("c", "z", picture()), Item("d", "w" * 50)]
    fake = FakeBackbone()
    events, _ = run(fake, mixed, PipelineConfig(describe_batch=2))
    assert [event.summary.item_id for event in events] == ["b", "d", "c", "a"]


def test_identical_items_are_described_once_and_each_gets_its_summary():
    twins = [Item("a", "mug", picture()), Item("b", "mug", picture()), Item("c", "mug", picture("blue"))]
    fake = FakeBackbone()
    events, summaries = run(fake, twins)
    assert len(fake.prompts["generate"]) == 2
    assert {event.summary.item_id for event in events} == {"a", "b", "c"}
    assert summaries["a"].text == summaries["b"].text == "A red mug."


def test_a_second_run_asks_the_model_nothing(tmp_path):
    cold = run(FakeBackbone(), items(5), cache=TextCache(tmp_path))[1]
    fake = FakeBackbone()
    events, warm = run(fake, items(5), cache=TextCache(tmp_path))
    assert warm == cold
    assert len(events) == 5
    assert fake.calls == {}


def test_known_descriptions_come_first_and_batches_stay_full():
    cache = TextCache()
    run(FakeBackbone(), items(6)[::2], cache=cache)
    fake = FakeBackbone()
    events, _ = run(fake, items(6), PipelineConfig(describe_batch=3), cache=cache)
    assert {event.summary.item_id for event in events[:3]} == {"h0", "h2", "h4"}
    assert fake.calls["generate"] == 1, "three unknown items are one batch"


def test_answers_are_cleaned():
    class Cut(FakeBackbone):
        def _answer(self, prompt):
            return "A red mug.\nIt has <|im_end|> a handle and"

    _, summaries = run(Cut(), items(1))
    assert summaries["h0"].text == "A red mug."


def test_stop_ends_the_work_before_the_next_batch():
    stop = threading.Event()
    fake = FakeBackbone()
    work = describe(CachedBackbone(fake, TextCache()), items(6), PipelineConfig(describe_batch=3), stop)
    for _ in range(3):
        next(work)
    stop.set()
    with pytest.raises(StopRequested):
        next(work)
    assert len(fake.prompts["generate"]) <= 6
    before = FakeBackbone()
    with pytest.raises(StopRequested):
        next(describe(CachedBackbone(before, TextCache()), items(2), PipelineConfig(), stop))
    assert before.calls == {}
