"""Calls that cannot be meant: refused with one sentence, at most one line in the log, and no markup of the caller's."""

from __future__ import annotations

import json
import logging
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.slow  # a server of its own

HOSTILE = "<img src=x onerror=alert(1)>"


def sentence(answer: httpx.Response) -> str:
    said = answer.json()
    told = said.get("detail") or said.get("error")
    assert isinstance(told, str) and "\n" not in told and len(told) < 250, said
    assert "Traceback" not in told and "<img" not in answer.text
    return told


def quiet(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> bool:
    out, err = capfd.readouterr()
    assert "Traceback" not in out + err, out + err
    return len([r for r in caplog.records if r.levelno >= logging.WARNING]) <= 1


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("call/nothere", {"data": []}, 404, "no such endpoint"),
        ("call/v2/nothere", {}, 404, "no such endpoint"),
        ("run/nothere", {"data": []}, 404, "no such endpoint"),
        ("api/nothere", {"data": []}, 404, "no such endpoint"),
        (f"call/{HOSTILE}", {"data": []}, 404, "no such endpoint"),
        ("run/predict", {"data": [], "fn_index": 9999}, 404, "no such endpoint"),
        ("run/predict", {"data": [], "fn_index": "0"}, 400, "must be the number"),
        ("queue/join", {"data": [], "fn_index": 9999, "session_hash": "x"}, 404, "no such endpoint"),
        ("queue/join", {"data": [], "fn_index": True, "session_hash": "x"}, 400, "must be the number"),
        ("queue/join", {"data": [], "session_hash": "x"}, 400, "must be the number"),
        ("call/describe", {"data": [None]}, 400, "takes 2 arguments; there are 1"),
        ("call/describe", {"data": [None, [], 3]}, 400, "takes 2 arguments; there are 3"),
        ("call/describe", {"data": {"a": 1}}, 400, "must be the list"),
        ("call/describe", {"data": HOSTILE}, 400, "must be the list"),
        ("call/describe", {}, 400, "must be the list"),
        ("call/describe", [], 400, "JSON object"),
        ("call/describe", {"data": [None, []], "session_hash": [HOSTILE]}, 400, "must be a text"),
        ("queue/join", {"data": [None, []], "fn_index": 0, "trigger_id": HOSTILE}, 400, ""),
        ("call/v2/describe", {HOSTILE: 1}, 400, "these arguments: files, titles"),
        ("cancel", {"session_hash": "x"}, 400, "lacks something"),
        ("cancel", {"session_hash": "x", "fn_index": 0, "event_id": "nobody"}, 404, "no such event"),
        ("reset", {"event_id": HOSTILE}, 404, "no such event"),
    ],
)
def test_a_malformed_request_is_answered_in_a_sentence(
    quick: str,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    path: str,
    body: Any,
    status: int,
    said: str,
) -> None:
    answer = httpx.post(f"{quick}/gradio_api/{path}", json=body)
    assert answer.status_code == status and said in sentence(answer)
    assert quiet(capfd, caplog)


@pytest.mark.parametrize("path", ["call/describe/nobody", "call/v2/describe/nobody", f"call/describe/{HOSTILE}"])
def test_an_unknown_event_is_not_there(quick: str, path: str) -> None:
    answer = httpx.get(f"{quick}/gradio_api/{path}")
    assert answer.status_code == 404 and "no such event" in sentence(answer)


def test_an_unknown_session_ends_its_stream_in_order(
    quick: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert "session_not_found" in httpx.get(f"{quick}/gradio_api/queue/data?session_hash=nobody").text
    assert quiet(capfd, caplog) and not caplog.records


def test_arguments_of_every_wrong_kind_leave_no_traceback(
    quick: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Every direct event of the page, with every argument of every kind."""
    sent = 0
    config = httpx.get(f"{quick}/config").json()
    with httpx.Client(base_url=quick, timeout=60) as client:
        for dependency in config["dependencies"]:
            if dependency["queue"] is not False or not dependency["backend_fn"]:
                continue
            for value in (HOSTILE, [HOSTILE], {HOSTILE: [1]}, 1e308, True):
                body = {"data": [value] * len(dependency["inputs"]), "fn_index": dependency["id"], "session_hash": "x"}
                answer = client.post("/gradio_api/run/predict", json={**body, "event_data": {"key": value}})
                sent += 1
                assert answer.status_code in (200, 400), (dependency["api_name"], value, answer.text)
                if answer.status_code == 400:
                    sentence(answer)
    assert sent > 100
    quiet(capfd, caplog)
    assert not [r.getMessage() for r in caplog.records if "\n" in r.getMessage() or r.exc_info]


def test_a_choice_that_is_none_comes_back_as_text(quick: str) -> None:
    config = httpx.get(f"{quick}/config").json()
    compare = next(d for d in config["dependencies"] if d["api_name"] == "compare")
    body = {"data": [HOSTILE] * len(compare["inputs"]), "fn_index": compare["id"], "session_hash": "x"}
    answer = httpx.post(f"{quick}/gradio_api/run/predict", json=body)
    assert answer.status_code == 400 and "&lt;img" in sentence(answer)


STORY = {"story": "sailor", "files": None, "titles": [], "block_size": 3, "top": 5}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"top": "NaN"}, "top must be a whole number"),
        ({"top": 1e308}, "top must be a whole number"),
        ({"top": 10**400}, "top must be a whole number"),
        ({"top": 2.5}, "top must be a whole number"),
        ({"top": True}, "top must be a whole number"),
        ({"top": [5]}, "top must be a whole number"),
        ({"top": 201}, "top is 201; it must be from 1 to 200"),
        ({"top": -1}, "top is -1; it must be from 1 to 200"),
        ({"block_size": HOSTILE}, "block_size must be a whole number"),
        ({"titles": ["mug"]}, "either a story, or files and titles"),
        ({"titles": {"a": HOSTILE}}, "either a story, or files and titles"),
        ({"titles": 3, "story": ""}, "titles must be a list of strings"),
        ({"story": HOSTILE}, "no such story"),
    ],
)
def test_an_argument_of_recommend_is_refused_in_a_sentence(
    quick: str,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    arguments: dict[str, Any],
    said: str,
) -> None:
    asked = httpx.post(f"{quick}/gradio_api/call/recommend", json={"data": [*{**STORY, **arguments}.values()]})
    told = httpx.get(f"{quick}/gradio_api/call/recommend/{asked.json()['event_id']}", timeout=30).text
    assert told.startswith("event: error") and said in json.loads(told.split("data: ")[1])["error"]
    assert "<img" not in told and "int()" not in told and "00000" not in told
    assert quiet(capfd, caplog)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [({"order": ["a", "a"]}, "order names an item twice"), ({"preference": "x" * 601}, "at most 600 characters")],
)
def test_an_edit_is_not_silently_changed(quick: str, arguments: dict[str, Any], said: str) -> None:
    asked = httpx.post(f"{quick}/gradio_api/call/v2/recommend", json={"story": "sailor", "top": 1}).json()["event_id"]
    told = httpx.get(f"{quick}/gradio_api/call/v2/recommend/{asked}", timeout=60).text
    run = json.loads(told.split("event: complete\ndata: ")[1])[0]
    arguments = {"order": [run["history"][0]["id"]] * 2} if "order" in arguments else arguments
    asked = httpx.post(f"{quick}/gradio_api/call/v2/what_if", json={"run": run["id"], **arguments}).json()["event_id"]
    assert said in httpx.get(f"{quick}/gradio_api/call/v2/what_if/{asked}", timeout=60).text
