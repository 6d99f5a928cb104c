"""What one visitor has, another who knows its names cannot have: sessions, events, uploads and runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from msr.ui.visitors import COOKIE, Visitor, address_of, full_address_of, network
from tests.ui.serve import app, serving

pytestmark = pytest.mark.slow  # a server of its own

ACCOUNTS = {"ann": "secret", "bob": "hidden"}


@contextmanager
def two(url: str, *, signed_in: bool) -> Iterator[list[httpx.Client]]:
    """Two visitors: two accounts, or two browsers."""
    with httpx.Client(base_url=url, timeout=30) as one, httpx.Client(base_url=url, timeout=30) as other:
        for client, (name, password) in zip((one, other), ACCOUNTS.items(), strict=True):
            if signed_in:
                client.post("/login", data={"username": name, "password": password}).raise_for_status()
            else:
                client.get("/").raise_for_status()
        yield [one, other]


@pytest.fixture(scope="module", params=["accounts", "browsers"])
def visitors(request: pytest.FixtureRequest) -> Iterator[list[httpx.Client]]:
    signed_in = request.param == "accounts"
    served = app(delay=0.02, auth=list(ACCOUNTS.items()) if signed_in else None)
    with serving(served) as url, two(url, signed_in=signed_in) as clients:
        yield clients


def call(client: httpx.Client, name: str, *data: Any, **more: Any) -> str:
    answer = client.post(f"/gradio_api/call/{name}", json={"data": list(data), **more})
    answer.raise_for_status()
    return answer.json()["event_id"]


def answer_of(client: httpx.Client, name: str, event: str) -> str:
    return client.get(f"/gradio_api/call/{name}/{event}").text


def function(client: httpx.Client, name: str) -> int:
    return next(d["id"] for d in client.get("/config").json()["dependencies"] if d["api_name"] == name)


def begin(client: httpx.Client, session: str) -> str:
    """Begins a run on a page; returns what the page shows."""
    draft = [{"id": "a", "title": "red mug"}, {"id": "b", "title": "blue mug"}]
    body = {"data": [draft, 3, 3, ""], "fn_index": function(client, "begin"), "session_hash": session}
    return client.post("/gradio_api/run/predict", json=body).text


def stop(client: httpx.Client, session: str) -> str:
    body = {"data": [], "fn_index": function(client, "stop"), "session_hash": session}
    return client.post("/gradio_api/run/predict", json=body).text


def test_the_event_of_another_is_neither_read_nor_cancelled(visitors: list[httpx.Client]) -> None:
    ann, bob = visitors
    for more in ({}, {"session_hash": "page-of-ann"}):
        event = call(ann, "describe", None, ["red mug"], **more)
        for path in (f"call/describe/{event}", f"call/v2/describe/{event}"):
            stolen = bob.get(f"/gradio_api/{path}")
            assert stolen.status_code == 404 and "another visitor's" in stolen.text
        for route in ("cancel", "reset"):
            body = {"event_id": event, "session_hash": "page-of-ann", "fn_index": 0}
            assert bob.post(f"/gradio_api/{route}", json=body).status_code == 404
        assert "event: complete" in answer_of(ann, "describe", event)


def test_the_session_of_another_is_another_session(visitors: list[httpx.Client]) -> None:
    ann, bob = visitors
    page = "the-page"
    event = ann.post(
        "/gradio_api/queue/join",
        json={"data": [None, ["red mug"]], "fn_index": function(ann, "describe"), "session_hash": page},
    ).json()["event_id"]
    overheard = bob.get("/gradio_api/queue/data", params={"session_hash": page}).text
    assert event not in overheard and "session_not_found" in overheard
    mine = ann.get("/gradio_api/queue/data", params={"session_hash": page}).text
    assert event in mine and "red mug" in mine


def test_nobody_stops_the_run_of_another_or_closes_its_page(visitors: list[httpx.Client]) -> None:
    ann, bob = visitors
    begin(ann, "p")
    stop(bob, "p")
    with bob.stream("GET", "/gradio_api/heartbeat/p") as beating:  # a page that closes takes its run with it
        next(beating.iter_bytes())
    assert "Stopped" not in begin(bob, "p")
    assert "Stopped before it began" in stop(ann, "p"), "it still waited"


def test_an_upload_is_known_to_whom_it_was_handed_out(visitors: list[httpx.Client]) -> None:
    ann, bob = visitors
    (path,) = ann.post("/gradio_api/upload", files={"files": ("a.csv", b"id,title,image\n1,mine,\n")}).json()
    body = {"data": [[{"path": path, "meta": {"_type": "gradio.FileData"}}], []]}
    assert bob.post("/gradio_api/call/describe", json=body).status_code == 400
    assert ann.post("/gradio_api/call/describe", json=body).status_code == 200


def test_the_run_of_another_cannot_be_edited_or_opened(visitors: list[httpx.Client]) -> None:
    """The id of a run is a hash of its input, so whoever knows the input knows the id."""
    ann, bob = visitors
    sent = ["", None, ["a secret striped mug", "a dotted bag"], 3, 2]
    run = json.loads(answer_of(ann, "recommend", call(ann, "recommend", *sent)).split("data: ")[-1])[0]["id"]

    def what_if(client: httpx.Client) -> str:
        return answer_of(client, "what_if", call(client, "what_if", run, [], [], [], [], "I like bags.", 0))

    assert "not kept here" in what_if(bob) and "secret" in what_if(ann)
    for dependency in bob.get("/config").json()["dependencies"]:
        if dependency["queue"] is False and dependency["backend_fn"]:
            data = [run] * len(dependency["inputs"])
            body = {"data": data, "fn_index": dependency["id"], "session_hash": "x", "event_data": {"key": run}}
            answer = bob.post("/gradio_api/run/predict", json=body)
            assert answer.status_code in (200, 400) and "secret" not in answer.text, dependency["api_name"]


def test_a_script_without_a_cookie_goes_on_working(quick: str) -> None:
    with httpx.Client(base_url=quick, timeout=30) as script:
        assert "red mug" in answer_of(script, "describe", call(script, "describe", None, ["red mug"]))
        assert not script.cookies


def test_a_browser_gets_one_cookie_and_keeps_it(quick: str) -> None:
    with httpx.Client(base_url=quick) as browser:
        (given,) = browser.get("/").headers.get_list("set-cookie")
        assert given.startswith(COOKIE) and "HttpOnly" in given and "SameSite=Lax" in given and "Secure" not in given
        assert "set-cookie" not in browser.get("/").headers


def test_visitors_are_told_apart() -> None:
    value = "a" * 24
    assert Visitor.of("ann", f"{COOKIE}={value}", "10.0.0.1").name == "user ann"
    assert Visitor.of("", f"{COOKIE}={value}", "10.0.0.1").name == f"cookie {value}"
    for cookies in ("", f"{COOKIE}=short", f"{COOKIE}={value}x", f"{COOKIE}=user ann"):
        assert Visitor.of(None, cookies, "10.0.0.1").name == "address 10.0.0.1"
    assert Visitor("user a").own("x") != Visitor("user b").own("x") == Visitor("user b").own("x")
    assert network("2001:db8::1") == network("2001:db8::2") and network("x") == "x"


def test_an_address_is_the_same_however_it_is_written_and_only_limits_group_it() -> None:
    assert network("::ffff:192.0.2.1") == network("64:ff9b::c000:201") == network("192.0.2.1") == "192.0.2.1"
    assert network("::ffff:192.0.2.1") != network("::ffff:192.0.2.2")
    assert full_address_of({"client": ("::ffff:192.0.2.1", 1)}) == "192.0.2.1"
    one, other = ({"client": (f"2001:db8::{n}", 1)} for n in (1, 2))
    assert address_of(one) == address_of(other) and full_address_of(one) != full_address_of(other)


@pytest.mark.parametrize(
    "query",
    ["session_hash=x", "a=1&session_hash=x", "session_hash=x&session_hash=y", "session%5Fhash=x", "upload_id=x"],
)
def test_a_name_in_an_address_is_made_the_visitors_own(query: str) -> None:
    named = Visitor("user a").naming({"path": "/gradio_api/queue/data", "query_string": query.encode()})
    assert b"=x" not in named["query_string"] and b"=y" not in named["query_string"]
