"""What `protocol.Backbone` promises, asked of every backbone: fakes, tiny real models, a served one, the cache."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from msr import prompts
from msr.backbones.protocol import METHODS, Attributes, Backbone, StopRequested
from msr.backbones.wrappers import CachedBackbone, UntunedBackbone
from msr.schema import Item
from msr.storage import TextCache
from tests import tiny, tiny_classes
from tests.backbones.served import Served, chat, connect, events, said
from tests.fakes import FakeBackbone, OpenBackbone, items, picture

NEEDED = {"name", "revision", "adapter", "adapter_sha256", "device", "dtype", "versions"}
ASKED = [prompts.describe(item) for item in (*items(2), Item("t", "a mug"))]
CHOICES = [prompts.recommend("The user likes red mugs.", ["a cup"], item) for item in items(3)]


def streaming(handler, body) -> None:
    if body.get("stream"):
        handler.send(200, events(*said(body).split()[-1]))
    else:
        chat(handler, body)


def served() -> Iterator[Backbone]:
    models = [{"id": "base", "parent": None}, {"id": "msr", "parent": "base", "root": "/adapters/msr"}]
    with Served().running() as running:
        running.replies["/models"] = lambda handler, _: handler.send(200, {"data": models})
        running.replies["/chat/completions"] = streaming
        yield connect(running, "msr")


def adapted(kind: str, folder: str) -> Backbone:
    backbone = tiny_classes.backbone(kind)
    tiny.save_adapter(folder, tiny_classes.KINDS[kind].model())
    backbone.merge_adapter(str(folder), "mine", "0123456789abcdef")
    return backbone


MAKERS: dict[str, Callable] = {
    "fake": lambda folder: FakeBackbone(),
    "fake with gradients": lambda folder: OpenBackbone(),
    "pocket": lambda folder: adapted("pocket", folder),
    "llava": lambda folder: adapted("llava", folder),
    "cached": lambda folder: CachedBackbone(FakeBackbone(), TextCache()),
}


@pytest.fixture(scope="module", params=[*MAKERS, "served"])
def backbone(request, tmp_path_factory) -> Iterator[Backbone]:
    """Each has an adapter."""
    if request.param == "served":
        yield from served()
    else:
        yield MAKERS[request.param](tmp_path_factory.mktemp("adapter"))


def elsewhere(work: Callable, seconds: float = 20.0) -> list:
    """What `work` returns in another thread; empty if it waits longer than that."""
    found: list = []
    thread = threading.Thread(target=lambda: found.append(work()), daemon=True)
    thread.start()
    thread.join(seconds)
    return found


def test_the_identity_says_what_answers(backbone):
    about = backbone.identity()
    assert set(about) >= NEEDED
    assert about["adapter"] and isinstance(about["versions"], dict)


def test_nothing_asked_is_nothing_answered(backbone):
    assert backbone.generate([], 4) == [] and backbone.score([]) == []
    assert backbone.reading([]) == [] and backbone.certainty([]) == []


def test_answers_come_in_order_and_are_always_the_same(backbone):
    answers = backbone.generate(ASKED, 6)
    assert len(answers) == len(ASKED) and all(0 < answer.confidence <= 1 for answer in answers)
    assert [a.text for a in backbone.generate(ASKED[::-1], 6)] == [a.text for a in answers][::-1]


def test_a_stream_grows_into_what_generate_answers(backbone):
    grown = list(backbone.stream(ASKED[2], 8))
    assert all(len(a) <= len(b) for a, b in zip(grown, grown[1:], strict=False))
    assert grown[-1] == backbone.generate([ASKED[2]], 8)[0].text


def test_a_stream_that_is_closed_lets_the_next_question_in(backbone):
    growing = backbone.stream(ASKED[0], 8)
    next(growing)
    growing.close()
    assert elsewhere(lambda: len(backbone.score(CHOICES))) == [len(CHOICES)]


def test_scores_are_finite_and_one_for_each_prompt(backbone):
    scores = backbone.score(CHOICES)
    assert len(scores) == len(CHOICES) and all(0 < answer.score < 1 for answer in scores)


def test_a_prompt_is_read_as_text_of_some_length(backbone):
    for prompt, told in zip(CHOICES, backbone.reading(CHOICES), strict=True):
        assert prompt.text.splitlines()[0] in told.text and told.tokens >= 0


def test_pictures_have_a_certainty_and_a_view(backbone):
    shown = [picture("red"), picture("blue"), picture("red")]
    for known in backbone.certainty(shown):
        chances = (known.name, known.group)
        assert all(map(math.isnan, chances)) or all(0 <= chance <= 1 for chance in chances)
    views = backbone.views(shown)
    assert views.dtype == np.float32 and views.ndim == 2 and np.isfinite(views).all()
    assert (views[0] == views[2]).all() and (views[0] != views[1]).any()


@pytest.mark.parametrize("method", ["generate", "stream", "score"])
def test_a_stop_beforehand_is_heard(backbone, method):
    stop = threading.Event()
    stop.set()
    other = prompts.describe(Item("x", f"a thing that nobody asked of {method}", picture("green")))  # not remembered
    with pytest.raises(StopRequested):
        if method == "stream":
            list(backbone.stream(other, 5, stop))
        elif method == "generate":
            backbone.generate([other], 5, stop)
        else:
            backbone.score(CHOICES, stop)


def test_the_adapter_can_be_off_twice_and_comes_back(backbone):
    on = backbone.identity()
    with backbone.adapter_off():
        with backbone.adapter_off():
            off = backbone.identity()
        assert backbone.identity() == off
    assert (off["adapter"], off["adapter_sha256"]) == (None, None)
    with pytest.raises(KeyError, match="mine"), backbone.adapter_off():
        raise KeyError("mine")
    assert backbone.identity() == on


def test_the_adapter_is_off_for_one_thread_only(backbone):
    on, tuned = backbone.identity(), backbone.score(CHOICES)
    with backbone.adapter_off():
        untuned = backbone.score(CHOICES)
        assert elsewhere(backbone.identity) == [on]
        asked = threading.Thread(target=lambda: found.append(backbone.score(CHOICES)), daemon=True)
        found: list = []
        asked.start()
        asked.join(0.1)
        assert backbone.score(CHOICES) == untuned, "the other thread's question did not put it back"
    asked.join(20)
    assert [a.logit for a in found[0]] == pytest.approx([a.logit for a in tuned], abs=1e-4)


def test_an_answer_of_one_thread_is_not_remembered_as_that_of_another_thread(backbone):
    """The tuned answer is computed after the other thread has left `adapter_off`, and asked for while it is inside."""
    cached = CachedBackbone(backbone, TextCache())
    prompt = prompts.describe(Item("n", "a mug that was asked for by two threads"))
    entered, leave = threading.Event(), threading.Event()

    def aside() -> None:
        with cached.adapter_off():
            entered.set()
            leave.wait(20)

    other = threading.Thread(target=aside, daemon=True)
    other.start()
    assert entered.wait(20)
    asked = threading.Thread(target=cached.generate, args=([prompt], 5), daemon=True)
    asked.start()
    asked.join(0.1)
    leave.set()
    asked.join(20)
    other.join(20)
    assert cached.recall(prompt, 5) is not None
    assert UntunedBackbone(cached).recall(prompt, 5) is None


def test_gradients_are_refused_by_an_unknown_method_name(backbone):
    if isinstance(backbone, CachedBackbone) or not isinstance(backbone, Attributes):
        pytest.skip("this backbone shows no gradients")
    (prompt,) = CHOICES[:1]
    spans = [(0, len(prompt.text))]
    assert all(backbone.attribute(prompt, spans, method).words for method in METHODS)
    with pytest.raises(ValueError, match="method 'magic'; there are gradient x input"):
        backbone.attribute(prompt, spans, "magic")
