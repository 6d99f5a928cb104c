"""A remote backbone against a small server that does as told, well or badly. Real ones: `test_remote_servers`."""

from __future__ import annotations

import base64
import io
import math
import socket
import threading

import pytest
from PIL import Image

from msr import backbones
from msr.backbones.protocol import BackboneError
from msr.backbones.remote import backbone as remote
from msr.backbones.remote.requests import KEY, Patience, Server
from msr.config import BackboneConfig
from msr.prompts import Prompt
from tests.backbones import served
from tests.backbones.served import HELLO, QUICK, SECRET, connect
from tests.fakes import picture

# -- addresses --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "url", "model"),
    [
        ("openai:http://host:8000/v1#m", "http://host:8000/v1", "m"),
        ("openai:https://host/v1/#a/b", "https://host/v1", "a/b"),
        ("openai:http://host", "http://host/v1", ""),
        ("openai:http://[::1]:80/api#m", "http://[::1]:80/api", "m"),
    ],
)
def test_an_address_is_read(name, url, model):
    assert Server.parse(name) == Server(url, model)


@pytest.mark.parametrize(
    "name",
    ["openai:", "openai:host/v1#m", "openai:file:///etc/passwd#m", "openai:ftp://h/v1", "openai:http://#m",
     "openai:http://h:99999/v1", "openai:http://h/v1?key=1#m"],
)  # fmt: skip
def test_what_is_no_address_is_refused(name):
    with pytest.raises(BackboneError, match="is written openai:http"):
        backbones.load(BackboneConfig(name=name))


def test_a_password_in_an_address_is_refused_and_not_repeated():
    with pytest.raises(BackboneError) as told:
        Server.parse(f"openai:http://me:{SECRET}@host/v1#m")
    assert SECRET not in str(told.value) and KEY in str(told.value)


def test_offline_reaches_this_computer_only(server):
    with pytest.raises(BackboneError, match="--offline fetches nothing, and example.org is another computer"):
        backbones.load(BackboneConfig(name="openai:https://example.org/v1#m", offline=True))
    assert connect(server, offline=True).identity()["name"] == "m"


@pytest.mark.parametrize("near", ["localhost", "127.0.0.1", "127.9.9.9", "[::1]"])
def test_what_is_this_computer(near):
    assert Server.parse(f"openai:http://{near}:1/v1").near
    assert not Server.parse("openai:http://localhost.example.org/v1").near


def test_the_adapter_is_the_servers_business(server):
    with pytest.raises(BackboneError, match="loads weights and adapters itself"):
        connect(server, adapter="some/folder")


@pytest.mark.parametrize("name", list(Patience.__dataclass_fields__))
def test_patience_is_positive(name):
    with pytest.raises(ValueError, match=name):
        Patience(**{name: 0})


# -- what the server has ----------------------------------------------------------------------------------


def test_the_only_model_needs_no_name(server):
    assert connect(server, "").identity()["name"] == "m"


def test_one_of_several_models_must_be_named(server):
    server.replies["/models"] = lambda handler, _: handler.send(200, {"data": [{"id": "m"}, {"id": "other"}]})
    with pytest.raises(BackboneError, match="write which model.* has: m, other"):
        connect(server, "")


def test_an_unknown_model_is_told_with_those_that_are_there(server):
    server.replies["/chat/completions"] = lambda h, _: h.send(404, {"error": {"message": "The model does not exist"}})
    with pytest.raises(BackboneError, match="'nope' does not answer.*does not exist.* has: m"):
        connect(server, "nope")


def test_a_server_that_answers_to_any_name_with_another_model_is_found_out(server):
    server.replies["/chat/completions"] = lambda h, body: served.chat(h, body | {"model": "m"})
    with pytest.raises(BackboneError, match="there is no model 'nope'; .* has: m"):
        connect(server, "nope")


def test_nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as opened:
        port = opened.getsockname()[1]
    with pytest.raises(BackboneError, match=f"127.0.0.1:{port}/v1 cannot be reached"):
        remote.load(BackboneConfig(name=f"openai:http://127.0.0.1:{port}/v1#m"), print, QUICK)


def test_neither_log_probabilities_nor_decisions(server):
    server.replies["/chat/completions"] = served.silent
    with pytest.raises(BackboneError, match="neither log-probabilities.*nor.*decisions.*HTTP 404: Not Found"):
        connect(server)


def test_a_server_that_minds_the_question_for_log_probabilities_is_asked_for_decisions(server):
    def picky(handler, body):
        if "logprobs" in body:
            handler.send(400, {"error": {"message": "logprobs is not supported"}})
        else:
            served.silent(handler, body)

    def decide(handler, body):
        told = {"answers": {"answer": {"type": "noul", "noul": 0.8}}, "usage": {"input_tokens": 7}}
        handler.send(200, told)

    server.replies |= {"/chat/completions": picky, "/systemone": decide}
    backbone = connect(server)
    shown = picture("red")
    (answer,) = backbone.score([Prompt("<image> a mug", (shown,))])
    assert answer.score == pytest.approx(0.8)
    asked = server.asked[-1][1]
    (place,) = asked["assets"]
    assert asked["state"] == f"{place} a mug" and place not in "a mug"
    assert base64.b64decode(asked["assets"][place]["data_base64"]) == shown.data
    assert backbone.reading([Prompt("a mug")])[0].tokens == 7
    (generation,) = backbone.generate([HELLO], 4)
    assert generation.text == "No." and math.isnan(generation.confidence)


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_a_certain_decision_has_finite_logits(chance):
    answer = remote.answers.decided({"answers": {"answer": {"noul": chance}}})
    assert 16 < abs(answer.logit) < 17 and (answer.logit > 0) == (chance == 1)


def blind(handler, body):
    if isinstance(body["messages"][0]["content"], list):
        handler.send(500, {"error": {"message": "image input is not supported"}})
    else:
        served.chat(handler, body)


def forgetful(handler, body):
    body["messages"][0]["content"] = served.said(body).replace("[ ]", "").strip()
    served.chat(handler, body)


@pytest.mark.parametrize(("reply", "why"), [(blind, "image input is not supported"), (forgetful, "leaves pictures")])
def test_a_model_without_eyes_serves_texts_and_says_so(server, reply, why):
    server.replies["/chat/completions"] = reply
    backbone = connect(server)
    assert backbone.score([HELLO])[0].logit > 0
    asked = len(server.asked)
    for ask in (backbone.score, lambda p: backbone.generate(p, 3), lambda p: list(backbone.stream(p[0], 3))):
        with pytest.raises(BackboneError, match=f"reads no pictures .*{why}"):
            ask([Prompt("<image>", (picture("red"),))])
    assert len(server.asked) == asked


def test_a_server_that_knows_no_webp_gets_png(server):
    def old(handler, body):
        if "image/webp" in str(body):
            handler.send(400, {"error": "cannot decode"})
        else:
            served.chat(handler, body)

    server.replies["/chat/completions"] = old
    backbone = connect(server)
    backbone.score([Prompt("<image> a mug", (picture("blue"),))])
    url = server.chats()[-1]["messages"][0]["content"][0]["image_url"]["url"]
    shown = Image.open(io.BytesIO(base64.b64decode(url.removeprefix("data:image/png;base64,"))))
    assert list(shown.convert("RGB").getdata()) == list(picture("blue").open().getdata())


def test_more_prompts_than_lengths_are_kept_can_be_read(server, monkeypatch):
    """What was known before the call would be dropped by the new lengths."""
    monkeypatch.setattr(remote, "_LENGTHS_KEPT", 3)
    backbone = connect(server)
    asked = [Prompt("word " * n) for n in range(1, 6)]
    expected = [len(prompt.text) for prompt in asked]
    assert [told.tokens for told in backbone.reading(asked[:1])] == expected[:1]
    assert [told.tokens for told in backbone.reading(asked)] == expected
    assert len(backbone._lengths) == 3


def test_an_adapter_of_vllm_gives_way_to_its_base_for_one_thread(server):
    models = [{"id": "base", "parent": None}, {"id": "msr", "parent": "base", "root": "/adapters/msr"}]
    server.replies["/models"] = lambda handler, _: handler.send(200, {"data": models})
    backbone = connect(server, "msr")
    assert (backbone.identity()["name"], backbone.identity()["adapter"]) == ("base", "msr")
    with backbone.adapter_off():
        assert backbone.identity()["adapter"] is None
        backbone.score([HELLO])
        other = threading.Thread(target=backbone.score, args=([HELLO],))
        other.start()
        other.join()
    backbone.generate([HELLO], 1)
    assert [body["model"] for body in server.chats()][-3:] == ["base", "msr", "msr"]
