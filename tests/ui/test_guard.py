"""The guard alone, before an app that shows what came through; and the page behind a proxy."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from gradio_client import Client
from playwright.sync_api import Browser

from msr.ui.bodies import Bodies, Handed, Refused, checked, paced
from msr.ui.guard import Guard
from msr.ui.hosts import Forwarded, Hosts
from tests.browser import visiting
from tests.ui.serve import app, serving

PROXY = Hosts(proxies=frozenset({"127.0.0.1"}))
FOREIGN = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with what it was asked."""
    body = (await receive())["body"] if scope["method"] == "POST" else b""
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    told = json.dumps({"headers": headers, "scheme": scope["scheme"], "body": body.decode()}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": told})


def ask(method: str, path: str, hosts: Hosts = Hosts(), **more: Any) -> httpx.Response:  # noqa: B008
    async def asking() -> httpx.Response:
        guard = Guard(echo, hosts, asyncio.Event(), mcp=True)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url="http://127.0.0.1:8080") as client:
            return await client.request(method, path, **more)

    return asyncio.run(asking())


def test_an_mcp_client_names_no_file_of_the_server() -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"arguments": {"files": [FOREIGN]}}}
    assert ask("POST", "/gradio_api/mcp/", json=call).status_code == 400
    assert ask("POST", "/gradio_api/mcp/", json=[[call]]).status_code == 400


@pytest.mark.parametrize("name", ["x" * 101, "describe\nERROR forged", "\x1b[31m"])
def test_the_name_of_a_tool_is_short_and_has_no_control_characters(name: str) -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name}}
    refused = ask("POST", "/gradio_api/mcp/", json=call)
    assert refused.status_code == 400 and "name of a tool" in refused.json()["detail"]
    call["params"] = {"name": "describe"}
    assert ask("POST", "/gradio_api/mcp/", json=call).status_code == 200


def test_a_request_that_says_its_length_in_two_ways_is_refused_and_closed() -> None:
    both = {"Content-Length": "2", "Transfer-Encoding": "chunked", "Content-Type": "application/json"}
    refused = ask("POST", "/gradio_api/run/predict", content=b"{}", headers=both)
    assert refused.status_code == 400 and refused.headers["connection"] == "close"


def test_the_calls_of_the_mcp_server_stay_on_this_computer() -> None:
    hosts = Hosts(frozenset({"studio.example.org"}))
    said = {"X-Forwarded-Host": "studio.example.org", "X-Forwarded-Proto": "https", "X-Gradio-Server": "http://x.org"}
    asked = ask("POST", "/gradio_api/mcp/", hosts, json={}, headers={**said, "Origin": "http://studio.example.org"})
    told = asked.json()
    assert told["headers"]["host"] == "127.0.0.1:8080" and told["scheme"] == "http"
    assert not [name for name in told["headers"] if name.startswith(("x-forwarded", "x-gradio", "origin"))]


def test_what_was_checked_is_what_is_read() -> None:
    twice = b'{"data": [], "data": [1e2, "\\u00e9\\ud83d", {"url": "http://x.org", "a": null}]}'
    told = ask("POST", "/gradio_api/run/predict", content=twice, headers={"Content-Type": "application/json"}).json()
    assert told["headers"]["content-length"] == str(len(told["body"].encode()))
    assert json.loads(told["body"]) == {"data": [100.0, "é?", {"url": "http://x.org", "a": None}]}


def test_of_a_file_that_is_known_only_its_path_is_read() -> None:
    handed = Handed(most=2)
    handed.add(["/up/1", "/up/2", "/up/3"], "ann")
    assert [handed.knows(path, "ann") for path in ("/up/1", "/up/2", "/up/3")] == [False, True, True]
    assert not handed.knows("/up/3", "bob") and not handed.knows(["/up/3"], "ann")
    file = {"path": "/up/3", "url": "http://x.org/y", "is_stream": True, "orig_name": "y.png"}
    kept = checked(json.dumps([file]).encode(), lambda path: handed.knows(path, "ann"))
    assert json.loads(kept) == [{"path": "/up/3", "orig_name": "y.png"}]
    for path in ("/up/2/../3", "/up/1", "", None, 3, ["/up/3"], {"path": "/up/3"}, "http://x.org/y"):
        with pytest.raises(Refused, match="not known here"):
            checked(json.dumps({"a": [{"path": path}]}).encode(), lambda p: handed.knows(p, "ann"))


def test_a_caller_that_goes_is_seen_by_who_looks_now_and_then() -> None:
    """Gradio looks whether a caller is there without waiting for a message."""
    seen: list[bool] = []

    async def looking(scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        for _ in range(3):
            seen.append(await request.is_disconnected())
            await asyncio.sleep(0.01)

    async def gone() -> Any:
        return {"type": "http.disconnect"}

    async def asking() -> None:
        headers = [(b"host", b"localhost")]
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/config",
            "headers": headers,
            "query_string": b"",
            "scheme": "http",
        }
        await Guard(looking, Hosts(), asyncio.Event())(scope, gone, None)

    asyncio.run(asking())
    assert seen[-1]


def test_an_answer_may_listen_from_two_places_at_once() -> None:
    """Each message reaches one of them, and both hear that the caller has gone."""
    messages = [{"type": "http.request", "body": b"1", "more_body": False}]

    async def receive() -> Any:
        await asyncio.sleep(0.01)
        return messages.pop() if messages else {"type": "http.disconnect"}

    heard: list[Any] = []

    async def listening(scope: Any, receive: Any, send: Any) -> None:
        heard.extend(await asyncio.gather(receive(), receive(), receive()))

    async def asking() -> None:
        scope = {"type": "http", "method": "GET", "path": "/config", "query_string": b"", "scheme": "http"}
        scope["headers"] = [(b"host", b"localhost")]
        await Guard(listening, Hosts(), asyncio.Event())(scope, receive, None)

    asyncio.run(asyncio.wait_for(asking(), 5))
    assert [m["type"] for m in heard] == ["http.request", "http.disconnect", "http.disconnect"]


def test_bodies_share_a_budget_and_give_it_back() -> None:
    def receiver(*chunks: bytes) -> Any:
        waiting = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
        waiting.append({"type": "http.request", "body": b"", "more_body": False})

        async def receive() -> Any:
            return waiting.pop(0)

        return receive

    async def reading() -> None:
        bodies = Bodies(budget=40)
        assert await bodies.read(receiver(b"1234", b"5678"), None, 100, "ann") == b"12345678"
        with pytest.raises(Refused, match="busy"):
            await bodies.read(receiver(b"12", b"34"), None, 100, "ann")
        for caller in ("bob", "eve", "zoe"):
            assert await bodies.read(receiver(b"1234567890"), None, 100, caller) == b"1234567890"
        with pytest.raises(Refused, match="busy"):
            await bodies.read(receiver(b"123"), None, 100, "tom")
        bodies.release(8, "ann")
        for length, chunks in (("11", ()), (None, (b"12345", b"6789")), ("-1", ()), ("x", ())):
            with pytest.raises(Refused, match="too large"):
                await bodies.read(receiver(*chunks), length, 8, "ann")
        assert await bodies.read(receiver(b"1234567890"), "10", 10, "ann") == b"1234567890"

    asyncio.run(reading())


def drip(*chunks: bytes, pause: float) -> Any:
    """A client that sends these chunks with pauses, and then nothing more."""
    waiting = list(chunks)

    async def receive() -> Any:
        await asyncio.sleep(pause if waiting else 60)
        return {"type": "http.request", "body": waiting.pop(0), "more_body": True}

    return receive


def test_a_body_that_comes_slowly_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("msr.ui.bodies._PATIENCE", 0.3)
    monkeypatch.setattr("msr.ui.bodies._RATE", 1_000)

    async def reading(receive: Any) -> None:
        bodies = Bodies()
        with pytest.raises(Refused, match="too slowly"):
            await bodies.read(receive, None, 10_000, "ann")
        assert not bodies._held, "what had come is forgotten"

    for slow in (drip(pause=0), drip(*[b"x"] * 1_000, pause=0.01)):
        asyncio.run(asyncio.wait_for(reading(slow), 5))

    async def fast() -> bytes:
        receive = paced(drip(*[b"x" * 200] * 5, pause=0.1))  # 0.5 seconds, of which 0.3 and one for the bytes are given
        return b"".join([(await receive())["body"] for _ in range(5)])

    assert len(asyncio.run(fast())) == 1_000


def test_one_address_has_so_many_requests_open_also_behind_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("msr.ui.guard.CONNECTIONS", 3)
    let_go = asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await let_go.wait()
        await echo(scope, receive, send)

    async def asking() -> None:
        served = Forwarded(Guard(slow, Hosts(), asyncio.Event()), PROXY.proxies)
        transport = httpx.ASGITransport(served, client=("127.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:

            def ask(address: str) -> Any:
                return asyncio.ensure_future(client.get("/config", headers={"X-Forwarded-For": address}))

            held = [ask("10.0.0.1") for _ in range(3)]
            await asyncio.sleep(0.05)
            assert (await ask("10.0.0.1")).status_code == 503
            held.append(ask("10.0.0.2"))
            await asyncio.sleep(0.05)
            let_go.set()
            assert [(await one).status_code for one in held] == [200] * 4
            assert (await ask("10.0.0.1")).status_code == 200

    asyncio.run(asyncio.wait_for(asking(), 10))


def test_a_failure_is_one_line_and_one_sentence(caplog: pytest.LogCaptureFixture) -> None:
    async def failing(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/config":
            raise KeyError("secret\ntwo lines")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise RuntimeError("in the middle")

    async def asking() -> list[httpx.Response]:
        transport = httpx.ASGITransport(Guard(failing, Hosts(), asyncio.Event()))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return [await client.get(path) for path in ("/config", "/healthz")]

    whole, half = asyncio.run(asking())
    assert whole.status_code == 500 and whole.json() == {"detail": "Something unforeseen happened."}
    assert half.text == "half"
    assert len(caplog.records) == 2 and not any("\n" in r.getMessage() or r.exc_info for r in caplog.records)


@contextmanager
def proxied(url: str, forwards: bool = True) -> Iterator[str]:
    """The address of a proxy before `url`, which sends on the host that it was asked for."""
    proxy = FastAPI()
    client = httpx.AsyncClient(base_url=url, timeout=None)

    @proxy.api_route("/{path:path}", methods=["GET", "POST", "HEAD"])
    async def hand_on(path: str, request: Request) -> StreamingResponse:
        headers = {name: value for name, value in request.headers.items() if name != "host"}
        if forwards:
            headers |= {"x-forwarded-host": request.headers["host"], "x-forwarded-proto": "http"}
        asked = client.build_request(
            request.method, f"/{path}", params=request.query_params, headers=headers, content=request.stream()
        )
        answer = await client.send(asked, stream=True)
        return StreamingResponse(answer.aiter_raw(), answer.status_code, dict(answer.headers))

    with serving(proxy) as address:
        yield address


@pytest.fixture(scope="module")
def behind() -> Iterator[str]:
    """A studio that believes a proxy on this computer."""
    with serving(app(hosts=PROXY)) as url:
        yield url


def test_a_script_works_through_a_proxy(behind: str) -> None:
    with proxied(behind) as address:
        (told,) = Client(address, verbose=False).predict(titles=["red mug"], api_name="/describe")
        assert told["title"] == "red mug"


def test_a_proxy_that_hides_its_host_is_another_site(behind: str) -> None:
    with proxied(behind, forwards=False) as address:
        asked = {"json": {"data": [[], ["red mug"]]}, "headers": {"Origin": address}}
        assert httpx.post(f"{address}/gradio_api/call/describe", **asked).status_code == 403
    with proxied(behind) as address:
        asked["headers"] = {"Origin": address}
        assert httpx.post(f"{address}/gradio_api/call/describe", **asked).status_code == 200


@pytest.mark.browser
def test_the_page_works_behind_a_proxy_and_a_login(browser: Browser) -> None:
    with serving(app(auth=[("ann", "secret")], hosts=PROXY)) as url, proxied(url) as address:
        page = browser.new_page()
        page.goto(address)
        page.fill("input[type=text], input[autocomplete=username], label:has-text('user') input, textarea", "ann")
        page.fill("input[type=password]", "secret")
        page.click("button:has-text('Login')")
        page.wait_for_selector(".story", timeout=60_000)
        page.locator(".story").first.click()
        page.wait_for_selector("#history .entry >> nth=8", timeout=60_000)
        page.click("#recommend")
        page.wait_for_selector(".progress.finished", state="attached", timeout=60_000)
        assert page.eval_on_selector_all(
            ".thumb img, .result img", "all => all.every(i => i.complete && i.naturalWidth)"
        )
        page.close()
    with serving(app(hosts=PROXY)) as url, proxied(url) as address, visiting(browser, address) as page:
        page.locator(".story").first.click()
        page.wait_for_selector("#history .entry >> nth=8", timeout=60_000)
