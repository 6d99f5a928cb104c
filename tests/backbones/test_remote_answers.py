"""What a remote backbone makes of a small server's answers: scores, texts, pictures, a whole run."""

from __future__ import annotations

import math

import pytest

from msr.backbones.protocol import BackboneError
from msr.backbones.remote import backbone as remote
from msr.backbones.wrappers import CachedBackbone
from msr.config import PipelineConfig
from msr.events import Finished
from msr.pipeline import Pipeline
from msr.prompts import Prompt
from msr.storage import TextCache
from tests import fakes
from tests.backbones import served
from tests.backbones.served import HELLO, connect
from tests.fakes import picture


def test_scores_are_the_log_probabilities_of_the_first_token(server):
    longer = Prompt("Is it so, and for long? Answer Yes or No.")
    answers = connect(server).score([HELLO, longer, HELLO])
    odds = [math.log((1 + len(p.text)) / 1) for p in (HELLO, longer, HELLO)]
    assert [a.logit for a in answers] == pytest.approx(odds)
    asked = server.chats()[-1]
    assert (asked["max_tokens"], asked["temperature"], asked["top_logprobs"]) == (1, 0, 20)


def listing(**chances: float):
    listed = [{"token": token, "logprob": chance} for token, chance in chances.items()]
    return {"choices": [{"logprobs": {"content": [{"top_logprobs": listed}]}}]}


def test_yes_and_no_are_found_in_their_likelier_spelling():
    answer = remote.answers.yes_no(listing(**{" Yes": -2.0, "Yes": -1.0, "▁No": -3.0, "No": -4.0, "Nothing": -0.1}))
    assert (answer.yes, answer.no) == (-1.0, -3.0)


def test_what_is_not_listed_is_as_unlikely_as_the_last_that_is():
    answer = remote.answers.yes_no(listing(Yes=-0.1, So=-5.0, yes=-6.0))
    assert (answer.yes, answer.no) == (-0.1, -6.0)
    assert remote.answers.yes_no(listing(So=-0.1, It=-6.0)).score == 0.5


def test_a_model_that_thinks_aloud_first_is_told_so(server):
    backbone = connect(server)
    server.replies["/chat/completions"] = lambda handler, body: handler.send(
        200, served.completion(body, "<think>", {"<think>": 0.9, "Well": 0.1})
    )
    with pytest.raises(BackboneError, match="begins its answers with '<think>'.*no reasoning"):
        backbone.score([HELLO, Prompt("Another?")])
    assert backbone.reading([Prompt("Describe it.")])[0].tokens > 0, "a text need not be a question"


def test_one_answer_of_other_words_among_several_is_undecided(server):
    backbone = connect(server)
    server.replies["/chat/completions"] = lambda handler, body: handler.send(
        200, served.completion(body, "Yes", {"So": 0.6, "It": 0.4} if "odd" in served.said(body) else {"Yes": 0.9})
    )
    sure, odd = backbone.score([HELLO, Prompt("An odd one?")])
    assert sure.yes == sure.no == math.log(0.9), "an absent No is as unlikely as the last that is listed"
    assert odd.score == 0.5
    assert backbone.score([Prompt("An odd one?")])[0].score == 0.5, "a lonely answer says nothing of the model"


def test_pictures_go_once_a_request_and_in_their_places(server):
    red, blue = picture("red"), picture("blue")
    connect(server).score([Prompt("<image> then <image>\nend", (red, blue))])
    content = server.chats()[-1]["messages"][0]["content"]
    assert [part.get("text") or part["image_url"]["url"] for part in content] == [
        red.data_url(), " then ", blue.data_url(), "\nend",
    ]  # fmt: skip


def test_confidence_is_the_geometric_mean(server):
    def spoken(handler, body):
        told = served.completion(body, " One two. ", {"Yes": 0.5})
        told["choices"][0]["logprobs"]["content"] = [{"logprob": math.log(0.25)}, {"logprob": math.log(1.0)}]
        handler.send(200, told)

    backbone = connect(server)
    server.replies["/chat/completions"] = spoken
    (answer,) = backbone.generate([HELLO], 5)
    assert (answer.text, answer.confidence) == ("One two.", pytest.approx(0.5))


def test_a_confidence_that_nobody_knows_is_kept_as_such(server, tmp_path):
    backbone = connect(server)
    server.replies["/chat/completions"] = served.silent
    for _ in range(2):
        (answer,) = CachedBackbone(backbone, TextCache(tmp_path)).generate([HELLO], 5)
        assert math.isnan(answer.confidence)
    assert len([body for body in server.chats() if body["max_tokens"] == 5]) == 1


def test_a_stream_grows(server):
    backbone = connect(server)
    last = {"choices": [], "usage": {}}
    server.replies["/chat/completions"] = lambda handler, body: handler.send(
        200, events if body.get("stream") else b"{}"
    )
    events = b": a comment\n\n" + served.events(
        {"choices": [{"delta": {"role": "assistant"}}]}, " A", " müg", ".", last
    )
    assert list(backbone.stream(HELLO, 5)) == ["A", "A müg", "A müg."]


def test_the_length_of_what_was_scored_is_known(server):
    backbone = connect(server)
    backbone.score([HELLO])
    asked = len(server.asked)
    assert [(r.text, r.tokens) for r in backbone.reading([HELLO])] == [(HELLO.text, len(HELLO.text))]
    assert len(server.asked) == asked
    assert backbone.reading([Prompt("abc"), Prompt("abc")])[1].tokens == 3


def test_nothing_asked_is_nothing_answered(server):
    backbone = connect(server)
    assert backbone.score([]) == backbone.generate([], 4) == []


def test_alike_pictures_have_near_views(server):
    views = connect(server).views([picture("red"), picture("red", 40), picture("blue")])
    assert views.shape == (3, 192) and views.dtype == "float32"
    assert abs(views[0] - views[1]).max() < 0.02 < abs(views[0] - views[2]).max()


def test_a_whole_run(server, tmp_path):
    backbone = connect(server)
    server.replies["/chat/completions"] = lambda handler, body: (
        handler.send(200, served.events("It ", "is.")) if body.get("stream") else served.chat(handler, body)
    )
    pipeline = Pipeline(backbone, PipelineConfig(top=2, explain_top=2, shortlist=4), TextCache(tmp_path))
    events = list(pipeline.run(fakes.items(3), fakes.catalogue(6)))
    assert isinstance(events[-1], Finished)
    run = events[-1].run
    assert run.model["name"] == "m" and len(run.recommendations) == 2 and run.recommendations[0].tokens > 0
