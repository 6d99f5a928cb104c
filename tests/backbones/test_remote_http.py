"""Requests of a remote backbone to a small server: failures, retries, stop and the key."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time

import pytest

from msr.backbones.protocol import BackboneError, StopRequested
from msr.backbones.remote.requests import KEY, Patience
from msr.prompts import Prompt
from tests.backbones import served
from tests.backbones.served import HELLO, QUICK, SECRET, Served, connect, failing

# -- failures ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_busy_server_is_asked_again(server, status):
    backbone = connect(server)
    server.replies["/chat/completions"] = failing(status, status)
    assert len(backbone.score([HELLO])) == 1


def test_a_server_that_stays_broken_is_given_up(server):
    backbone = connect(server)
    server.replies["/chat/completions"] = failing(*[503] * 9)
    before = len(server.asked)
    with pytest.raises(BackboneError, match="HTTP 503: not now"):
        backbone.score([HELLO])
    assert len(server.asked) == before + QUICK.tries


def test_a_mistake_is_not_repeated(server):
    backbone = connect(server)
    server.replies["/chat/completions"] = failing(400)
    before = len(server.asked)
    with pytest.raises(BackboneError, match="HTTP 400: not now"):
        backbone.generate([HELLO], 3)
    assert len(server.asked) == before + 1


def test_a_broken_connection_is_tried_again(server):
    backbone = connect(server)
    broken = iter([True, True])

    def cut(handler, body):
        if next(broken, False):
            handler.connection.shutdown(socket.SHUT_RDWR)
        else:
            served.chat(handler, body)

    server.replies["/chat/completions"] = cut
    assert len(backbone.score([HELLO])) == 1


def test_the_server_says_when_to_come_again(server):
    backbone = connect(server)
    server.replies["/chat/completions"] = failing(429, Retry_After="0.25")
    start = time.monotonic()
    backbone.score([HELLO])
    assert 0.25 <= time.monotonic() - start < 2


def test_pauses_grow_differ_and_end():
    patience = Patience(first=1, longest=20)
    for tried, longest in ((1, 1), (2, 2), (3, 4), (9, 20)):
        pauses = {patience.pause(tried) for _ in range(20)}
        assert longest / 2 <= min(pauses) <= max(pauses) <= longest and (len(pauses) > 1 or longest == 20)
    assert patience.pause(1, "7") == 7 and patience.pause(1, "9999") == 20
    assert patience.pause(1, "Wed, 21 Oct 2015 07:28:00 GMT") <= 1


def test_a_silent_server_takes_too_long(server):
    patience = Patience(read=0.3, tries=2, first=0.01)
    backbone = connect(server, patience=patience)
    server.replies["/chat/completions"] = lambda handler, body: time.sleep(1)
    start = time.monotonic()
    with pytest.raises(BackboneError, match="took too long"):
        backbone.score([HELLO])
    assert 0.6 <= time.monotonic() - start < 3


@pytest.mark.parametrize(
    "told",
    [b"<html>hello</html>", b"[]", b"3", b"null", {}, {"choices": []}, {"choices": ["x"]}, {"choices": [{}]},
     {"choices": [{"logprobs": {"content": [3]}}]}, {"choices": [{"logprobs": {"content": "no"}}]},
     {"choices": [{"logprobs": {"content": [{"top_logprobs": [{"token": "Yes", "logprob": None}]}]}}]},
     {"choices": [{"logprobs": {"content": [{"top_logprobs": [{"token": "Yes", "logprob": "-inf"}]}]}}]}],
)  # fmt: skip
def test_a_malformed_answer_is_one_sentence(server, told):
    backbone = connect(server)
    server.replies["/chat/completions"] = lambda handler, body: handler.send(200, told)
    with pytest.raises(BackboneError, match="the server('s)? (answer|list)"):
        backbone.score([HELLO])
    with pytest.raises(BackboneError, match="the server('s)? (answer|list)|neither log-probabilities"):
        connect(server)


@pytest.mark.parametrize("told", [b"data: {\n\n", b"data: []\n\n", served.events({"error": "out of memory"})])
def test_a_malformed_stream_is_one_sentence(server, told):
    backbone = connect(server)
    server.replies["/chat/completions"] = lambda handler, body: handler.send(200, told)
    with pytest.raises(BackboneError, match="the server('s answer has no choices| answered something| gave up in)"):
        list(backbone.stream(HELLO, 4))


@pytest.mark.parametrize("how", ["score", "stream"])
def test_a_huge_answer_is_not_read(server, how):
    backbone = connect(server)
    sent = [0]

    def flood(handler, body):
        handler.send_response(200)
        handler.end_headers()
        for _ in range(4000):  # 250 MiB, and no length ahead
            handler.wfile.write(b" " * 65536)
            sent[0] += 65536

    server.replies["/chat/completions"] = flood
    with pytest.raises(BackboneError, match="larger than 8 MiB"):
        backbone.score([HELLO]) if how == "score" else list(backbone.stream(HELLO, 4))
    assert sent[0] < 64 * 2**20


def test_no_redirect_is_followed(server):
    with Served().running() as other:
        url = other.url + "/chat/completions"
        server.replies["/chat/completions"] = lambda handler, body: handler.send(307, b"", Location=url)
        with pytest.raises(BackboneError, match=r"sends elsewhere \(HTTP 307\)"):
            connect(server)
        assert other.asked == []


# -- stop -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["score", "generate", "stream"])
def test_a_stop_abandons_what_is_under_way(server, method):
    backbone = connect(server)
    release, stop = threading.Event(), threading.Event()
    server.replies["/chat/completions"] = lambda handler, body: release.wait(20)
    ask = {
        "score": lambda: backbone.score([HELLO] * 6, stop),
        "generate": lambda: backbone.generate([HELLO] * 6, 5, stop),
        "stream": lambda: list(backbone.stream(HELLO, 5, stop)),
    }
    threading.Timer(0.3, stop.set).start()
    start = time.monotonic()
    with pytest.raises(StopRequested):
        ask[method]()
    assert time.monotonic() - start < 1.3
    release.set()
    server.replies["/chat/completions"] = served.chat
    assert len(backbone.score([HELLO])) == 1, "the backbone serves the next question"


def test_a_stop_ends_a_pause_between_two_tries(server):
    backbone = connect(server, patience=Patience(first=30, longest=60))
    stop = threading.Event()
    server.replies["/chat/completions"] = failing(*[503] * 9)
    threading.Timer(0.2, stop.set).start()
    start = time.monotonic()
    with pytest.raises(StopRequested):
        backbone.score([HELLO], stop)
    assert time.monotonic() - start < 1.2


def test_a_stop_beforehand_asks_nothing(server):
    backbone = connect(server)
    stop = threading.Event()
    stop.set()
    before = len(server.asked)
    for ask in (lambda: backbone.score([HELLO], stop), lambda: list(backbone.stream(HELLO, 3, stop))):
        with pytest.raises(StopRequested):
            ask()
    assert len(server.asked) == before


def test_a_stream_that_is_closed_early_closes_the_connection(server):
    backbone = connect(server)
    gone = threading.Event()

    def endless(handler, body):
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(served.events("a ").split(b"data: [DONE]")[0])
                time.sleep(0.02)
        except OSError:
            gone.set()

    server.replies["/chat/completions"] = endless
    growing = backbone.stream(HELLO, 5)
    assert next(growing) == "a"
    growing.close()
    assert gone.wait(2)


def test_requests_go_together_but_not_all_at_once(server):
    backbone = connect(server)

    def slow(handler, body):
        time.sleep(0.1)
        served.chat(handler, body)

    server.replies["/chat/completions"] = slow
    server.most = 0
    prompts = [Prompt(f"{'x' * n}? Answer Yes or No.") for n in range(12)]
    logits = [answer.logit for answer in backbone.score(prompts)]
    assert logits == sorted(logits), "answers come in the order of the questions"
    assert server.most == QUICK.together


# -- the key ----------------------------------------------------------------------------------------------


def test_the_key_goes_to_the_server_and_nowhere_else(server, monkeypatch, caplog, tmp_path):
    monkeypatch.setenv(KEY, SECRET)
    caplog.set_level("DEBUG")
    backbone = connect(server)
    assert {headers["Authorization"] for _, _, headers in server.asked} == {f"Bearer {SECRET}"}
    told = [str(backbone.identity()), repr(backbone), repr(backbone._line), str(vars(backbone))]
    for status in (400, 401, 403):
        server.replies["/chat/completions"] = lambda handler, body, status=status: handler.send(
            status, {"error": {"message": f"Incorrect API key provided: {SECRET}"}}
        )
        with pytest.raises(BackboneError) as problem:
            backbone.score([HELLO])
        told.append(str(problem.value))
    assert "***" in told[-3] and all(f"refuses the key in {KEY}" in one for one in told[-2:])
    assert SECRET not in " ".join(told) + caplog.text


def test_a_missing_key_is_asked_for(server, monkeypatch):
    monkeypatch.delenv(KEY, raising=False)
    server.replies["/models"] = lambda handler, _: handler.send(401, {"error": "Unauthorized"})
    with pytest.raises(BackboneError, match=f"wants a key: set {KEY}"):
        connect(server)


def test_a_key_that_no_header_can_hold_is_refused_unseen(server, monkeypatch):
    monkeypatch.setenv(KEY, f"{SECRET}\nX-Evil: 1")
    with pytest.raises(BackboneError, match=KEY) as problem:
        connect(server)
    assert SECRET not in str(problem.value) and server.asked == []


def test_a_remote_backbone_loads_no_model_library():
    code = (
        "import sys, msr.backbones.remote.backbone; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
