from __future__ import annotations

import math
import threading

import pytest

from msr import prompts
from msr.backbones.protocol import StopRequested
from msr.backbones.wrappers import CachedBackbone
from msr.certainty import NAME, Certainty
from msr.prompts import Prompt
from msr.storage import TextCache
from tests.fakes import CONFIDENCE, KNOWN, UNKNOWN, FakeBackbone, items, noise, picture

ASKED = [prompts.describe(item) for item in items(4)]


def test_only_unknown_and_distinct_prompts_reach_the_model(tmp_path):
    fake = FakeBackbone()
    cached = CachedBackbone(fake, TextCache(tmp_path))
    first = cached.generate([ASKED[0], ASKED[1], ASKED[0]], 40)
    assert [a.text for a in first] == ["A red plain mug.", "A blue striped mug.", "A red plain mug."]
    assert fake.prompts["generate"] == ASKED[:2]

    fresh = FakeBackbone()
    again = CachedBackbone(fresh, TextCache(tmp_path)).generate([ASKED[2], ASKED[1]], 40)
    assert [a.text for a in again] == ["A green dotted mug.", "A blue striped mug."]
    assert [a.confidence for a in again] == [CONFIDENCE, CONFIDENCE]
    assert fresh.prompts["generate"] == [ASKED[2]]


def test_the_key_holds_everything_that_the_model_sees():
    title = prompts.describe(items(1)[0]).text
    fake = FakeBackbone()
    cached = CachedBackbone(fake, TextCache())
    cached.generate([Prompt(title, (picture("red"),))], 40)
    cached.generate([Prompt(title, (picture("blue"),))], 40)  # another picture
    cached.generate([Prompt(title, (picture("red"),))], 3)  # another limit
    cached.generate([Prompt(title.replace("plain", "dotted"), (picture("red"),))], 40)  # another text
    fake.adapter = "another"
    cached.generate([Prompt(title, (picture("red"),))], 40)
    with cached.adapter_off():
        cached.generate([Prompt(title, (picture("red"),))], 40)
    assert fake.calls["generate"] == 6
    cached.generate([Prompt(title, (picture("red"),))], 40)
    assert fake.calls["generate"] == 6, "nothing had changed"


def test_a_stream_is_replayed_whole_and_known_to_generate():
    fake = FakeBackbone()
    cached = CachedBackbone(fake, TextCache())
    assert list(cached.stream(ASKED[0], 40)) == ["A", "A red", "A red plain", "A red plain mug."]
    assert list(cached.stream(ASKED[0], 40)) == ["A red plain mug."]
    (answer,) = cached.generate([ASKED[0]], 40)
    assert answer.text == "A red plain mug."
    assert math.isnan(answer.confidence)
    assert fake.calls == {"stream": 1}


def test_a_text_that_was_not_heard_out_is_not_remembered():
    fake = FakeBackbone()
    cached = CachedBackbone(fake, TextCache())
    left = cached.stream(ASKED[0], 40)
    next(left)
    assert fake.streaming == 1
    left.close()
    assert fake.streaming == 0
    assert cached.recall(ASKED[0], 40) is None

    stop = threading.Event()
    stopped = cached.stream(ASKED[0], 40, stop)
    next(stopped)
    stop.set()
    with pytest.raises(StopRequested):
        next(stopped)
    assert cached.recall(ASKED[0], 40) is None


def test_certainty_is_remembered_by_picture():
    fake = FakeBackbone(unknown=[noise().digest])
    cached = CachedBackbone(fake, TextCache())
    assert cached.certainty([picture("red"), noise()]) == [KNOWN, UNKNOWN]
    assert cached.certainty([noise(), picture("red")]) == [UNKNOWN, KNOWN]
    assert fake.calls["certainty"] == 1


def test_what_nobody_can_tell_is_remembered_too(tmp_path, monkeypatch):
    fake = FakeBackbone()
    monkeypatch.setattr(fake, "certainty", lambda pictures: [Certainty()] * len(pictures))
    assert CachedBackbone(fake, TextCache(tmp_path)).certainty([noise()])[0].level == NAME
    monkeypatch.delattr(fake, "certainty")
    again = CachedBackbone(fake, TextCache(tmp_path)).certainty([noise()])
    assert math.isnan(again[0].name) and math.isnan(again[0].group)
    assert fake.calls["certainty"] == 0


def test_scores_are_always_computed():
    fake = FakeBackbone()
    cached = CachedBackbone(fake, TextCache())
    asked = [prompts.recommend("The user likes mugs.", [], item) for item in items(2)]
    assert cached.score(asked) == cached.score(asked)
    assert fake.calls["score"] == 2
