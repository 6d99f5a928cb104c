"""A server that answers with anything at all: one sentence, within bounds of time and size, and exit code 3."""

from __future__ import annotations

import asyncio
import gzip
import json
import math
import time

import pytest

from msr import cli
from msr.backbones.protocol import BackboneError
from msr.backbones.remote import answers
from msr.backbones.remote.requests import Patience
from msr.prompts import Prompt
from tests.backbones import served
from tests.backbones.served import HELLO, QUICK, connect

DEEP = b'{"choices":' * 50_000
HUGE = b'{"choices": [{"message": {"content": "x"}, "logprobs": {"content": [{"logprob": 1%s}]}}]}' % (b"0" * 4_000)


def spoken(content="x", chance=-0.1, listed=None, **more):
    told = [{"token": "Yes", "logprob": chance, "top_logprobs": [{"token": "Yes", "logprob": chance}]}]
    told = told if listed is None else [{"token": "Yes", "logprob": -0.1, "top_logprobs": listed}]
    return {"choices": [{"message": {"content": content}, "logprobs": {"content": told}}], **more}


HOSTILE = {
    "deep nesting": DEEP,
    "a huge integer": HUGE,
    "an integer that no reader takes": HUGE.replace(b"1000", b"1" * 9_000),
    "a log-probability of 10^6": spoken(chance=1e6),
    "a log-probability of 0.1": spoken(chance=0.1),
    "no number": b'{"choices": [{"message": {"content": "x"}, "logprobs": {"content": [{"logprob": NaN}]}}]}',
    "true for a probability": spoken(chance=True),
    "a number for a text": spoken(content=7),
    "a list for a text": spoken(content=[[]]),
    "a number for a list": {"choices": 7},
    "a text for a list": {"choices": "abc"},
    "null": None,
    "compressed": gzip.compress(b" " * 10**9, 1),
}


def replying(told):
    def reply(handler, body):
        if body and body.get("stream"):
            handler.send(200, b"data: " + (told if isinstance(told, bytes) else json.dumps(told).encode()) + b"\n\n")
        else:
            handler.send(200, told, **({"Content_Encoding": "gzip"} if told is HOSTILE["compressed"] else {}))

    return reply


def one_sentence(problem: pytest.ExceptionInfo, most: int = 600) -> None:
    said = str(problem.value)
    assert said.isprintable() and len(said) < most, said


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_answer_is_one_sentence(server, name):
    backbone = connect(server)
    server.replies["/chat/completions"] = replying(HOSTILE[name])
    asks = [lambda: backbone.generate([HELLO], 5)]
    if "probability" not in name and "integer" not in name and name != "no number":
        asks += [lambda: list(backbone.stream(HELLO, 5))]
    for ask in asks:
        with pytest.raises(BackboneError) as problem:
            ask()
        one_sentence(problem)


@pytest.mark.parametrize(
    "listed",
    [7, "Yes", {"Yes": 1}, [7], [[]], [{"token": 7, "logprob": -1}], [{"token": "Yes", "logprob": 1e6}],
     [{"token": "Yes", "logprob": 10**400}], [{"token": "Yes", "logprob": True}], [{"logprob": -1}]],
)  # fmt: skip
def test_hostile_log_probabilities_are_one_sentence(server, listed):
    backbone = connect(server)
    server.replies["/chat/completions"] = lambda handler, body: handler.send(200, spoken(listed=listed))
    with pytest.raises(BackboneError) as problem:
        backbone.score([HELLO])
    one_sentence(problem)
    with pytest.raises(BackboneError) as problem:
        connect(server)
    one_sentence(problem)


def test_chances_are_kept_within_what_means_something():
    unlikely = spoken(listed=[{"token": "Yes", "logprob": 1e-9}, {"token": "No", "logprob": -1e299}])
    answer = answers.yes_no(unlikely)
    assert (answer.yes, answer.no) == (0.0, -1e4) and answer.score == 1.0
    assert answers.confidence(spoken(chance=0.001)) == 1.0
    many = [{"token": f"t{n}", "logprob": -1.0} for n in range(10_000)]
    assert len(answers.first_tokens(spoken(listed=many))) == 20


@pytest.mark.parametrize("count", [10**400, -5, True, 1.5, "9", [], None])
def test_a_length_that_is_none_is_not_known(count):
    assert answers.tokens({"usage": {"prompt_tokens": count}}) == 0


def test_half_a_surrogate_pair_and_other_texts_can_be_kept(server):
    backbone = connect(server)
    server.replies["/chat/completions"] = replying(spoken(content="a \ud800 mug"))
    assert backbone.generate([HELLO], 5)[0].text == "a ? mug"
    server.replies["/chat/completions"] = replying({"choices": [{"delta": {"content": "a \udfff"}}]})
    assert list(backbone.stream(HELLO, 5)) == ["a ?"]


@pytest.mark.parametrize(
    "listed",
    [{"data": 7}, {"data": "m"}, {"data": [{"id": 7}]}, {"data": [{"id": ["m"]}]}, {"data": {"id": "m"}}, DEEP, {},
     {"data": [{"id": f"{n}\ny\ud800" * 9_000} for n in range(20)]}],
)  # fmt: skip
def test_a_hostile_list_of_models_is_one_sentence(server, listed):
    server.replies["/models"] = lambda handler, _: handler.send(200, listed)
    with pytest.raises(BackboneError) as problem:
        connect(server, "")
    one_sentence(problem, 2_500)


@pytest.mark.parametrize(
    "told", [DEEP, {"error": {"message": "a\nb\x1b[2J" * 9_000}}, {"error": [[["x"]]]}, b"\xff" * 99]
)
def test_a_hostile_refusal_is_one_sentence(server, told):
    backbone = connect(server)
    server.replies["/chat/completions"] = lambda handler, body: handler.send(400, told)
    with pytest.raises(BackboneError, match="HTTP 400") as problem:
        backbone.score([HELLO])
    one_sentence(problem)


@pytest.mark.parametrize("wanted", ["nan", "inf", "-1", "1e999"])
def test_a_pause_is_a_number_of_seconds(wanted):
    assert 0 < Patience(first=0.1, longest=0.3).pause(1, wanted) <= 0.3 and not math.isnan(QUICK.pause(1, wanted))


# -- without an end ---------------------------------------------------------------------------------------


def endless(piece: bytes, pause: float, content_type: str = "text/event-stream"):
    def reply(handler, body):
        handler.send_response(200)
        handler.send_header("Content-Type", content_type)
        handler.end_headers()
        until = time.monotonic() + 20
        while time.monotonic() < until:
            handler.wfile.write(piece)
            time.sleep(pause)

    return reply


def test_a_stream_that_writes_on_is_given_up(server):
    backbone = connect(server)
    server.replies["/chat/completions"] = endless(served.events("word ").split(b"data: [DONE]")[0], 0.0)
    heard = []
    with pytest.raises(BackboneError, match="writes on after the 5 tokens") as problem:
        heard.extend(backbone.stream(HELLO, 5))
    one_sentence(problem)
    server.replies["/chat/completions"] = replying(spoken(content="word " * 9_000))
    with pytest.raises(BackboneError, match="writes on after the 5 tokens"):
        backbone.generate([HELLO], 5)


@pytest.mark.parametrize(
    ("how", "piece"),
    [("stream", b": still here\n\n"), ("stream", b"data: " + json.dumps({"choices": []}).encode() + b"\n\n"),
     ("score", b" "), ("stream", b" ")],
)  # fmt: skip
def test_an_answer_that_drips_is_given_up(server, how, piece):
    backbone = connect(server, patience=Patience(read=5, answer=0.5, tries=2, first=0.02))
    server.replies["/chat/completions"] = endless(piece, 0.05)
    start = time.monotonic()
    with pytest.raises(BackboneError, match="took too long over its answer"):
        backbone.score([HELLO]) if how == "score" else list(backbone.stream(HELLO, 5))
    assert time.monotonic() - start < 4


def test_a_head_that_drips_is_given_up(server):
    backbone = connect(server, patience=Patience(read=5, answer=0.4, tries=2, first=0.02))

    def drip(handler, body):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for n in range(200):
            handler.wfile.write(b"X-%d: y\r\n" % n)
            time.sleep(0.05)

    server.replies["/chat/completions"] = drip
    start = time.monotonic()
    with pytest.raises(BackboneError, match="took too long"):
        backbone.score([HELLO])
    assert time.monotonic() - start < 4


class Pieces:
    """A response of two million bytes without a line's end, eight at a time."""

    async def aiter_raw(self):
        for _ in range(250_000):
            yield b"aaaaaaaa"


def test_small_pieces_do_not_cost_the_square_of_their_number():
    async def heard():
        return [event async for event in answers.events(Pieces())]

    start = time.monotonic()
    assert asyncio.run(heard()) == []
    assert len(asyncio.run(answers.whole(Pieces()))) == 2_000_000
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("name", ["deep nesting", "a log-probability of 10^6", "a number for a text"])
def test_the_command_ends_with_code_3_and_a_sentence(server, tmp_path, monkeypatch, capsys, name):
    monkeypatch.setenv("MSR_CACHE", str(tmp_path / "cache"))
    (tmp_path / "h.csv").write_text("id,title,image\na,striped mug,\n")
    (tmp_path / "c.csv").write_text("id,title,image\nb,plain mug,\nc,lamp,\n")
    served_well = server.replies["/chat/completions"]

    def turning(handler, body):
        (served_well if len(server.chats()) < 4 else replying(HOSTILE[name]))(handler, body)

    server.replies["/chat/completions"] = turning
    asked = ["run", "--history", "h.csv", "--catalogue", "c.csv", "--out", "run.json", "--quiet"]
    monkeypatch.chdir(tmp_path)
    assert cli.main([*asked, "--backbone", f"openai:{server.url}#m"]) == 3
    said = capsys.readouterr().err
    assert said.startswith("error: the server") and said.count("\n") == 1
    assert not (tmp_path / "run.json").exists()


def test_an_honest_server_is_served_as_before(server):
    backbone = connect(server)
    assert backbone.score([HELLO, Prompt("Another? Answer Yes or No.")])[0].logit > 0
