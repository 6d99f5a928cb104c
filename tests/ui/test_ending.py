"""Ctrl+C and SIGTERM end the server soon, whatever it is doing."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from playwright.sync_api import Browser, expect

from msr.ui import serving

pytestmark = pytest.mark.slow  # a server of its own

SOON = 10  # seconds


@contextmanager
def started(
    *options: str, script: Sequence[str] = ("-m", "tests.ui.serve", "--port")
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server of its own process, the page on the fake model or what `script` says; the port comes after it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, *script, str(port), *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                httpx.get(f"{url}/healthz").raise_for_status()
                break
            except httpx.TransportError:
                assert process.poll() is None
                time.sleep(0.1)
        yield process, url
    finally:
        process.kill()
        process.communicate()


def listen(address: str) -> None:
    """Keeps a stream open, as a page does, until the server closes it."""

    def listening() -> None:
        try:
            with httpx.stream("GET", address, timeout=None) as stream:
                for _ in stream.iter_bytes():
                    pass
        except httpx.TransportError:
            pass

    threading.Thread(target=listening, daemon=True).start()


def ends(process: subprocess.Popen[str], by: signal.Signals) -> None:
    began = time.monotonic()
    process.send_signal(by)
    _, said = process.communicate(timeout=SOON)
    assert time.monotonic() - began < SOON
    assert process.returncode in (0, -signal.SIGTERM, 128 + signal.SIGTERM)
    assert "Traceback" not in said and "ERROR" not in said, said


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("doing", ["nothing", "a run, for a listening script"])
def test_a_signal_ends_it(by: signal.Signals, doing: str) -> None:
    with started("--delay", "0.5") as (process, url):
        for page in ("one", "two"):
            listen(f"{url}/gradio_api/heartbeat/{page}")
        if doing != "nothing":
            body = {"data": ["sailor", [], [], 3, 10], "session_hash": "one"}
            httpx.post(f"{url}/gradio_api/call/recommend", json=body).raise_for_status()
            listen(f"{url}/gradio_api/queue/data?session_hash=one")
        time.sleep(0.5)
        ends(process, by)


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "application/json"])
def test_a_body_that_has_not_come_leaves_no_traceback(kind: str) -> None:
    route = "upload" if "multipart" in kind else "call/describe"
    with started() as (process, url):
        port = int(url.rpartition(":")[2])
        head = f"POST /gradio_api/{route} HTTP/1.1\nHost: 127.0.0.1\nContent-Type: {kind}\nContent-Length: 9000\n\n"
        (unfinished,) = connected(port, head)
        with unfinished:
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=SOON)
    assert process.returncode == 0 and len(said.splitlines()) <= 1, said


SLOW_TO_FORGET = """
import sys, time
from fastapi import FastAPI
from msr.ui.serving import Server

class Slow:
    def __del__(self):
        time.sleep(60)

app, slow = FastAPI(), Slow()
app.state.end = lambda: print("ending", flush=True)
app.get("/healthz")(lambda: "ok")
sys.exit(Server(app, "127.0.0.1", int(sys.argv[1])).until_ended())
"""


def test_what_python_still_has_to_forget_is_not_waited_for() -> None:
    with started(script=["-c", SLOW_TO_FORGET]) as (process, _):
        ends(process, signal.SIGINT)


@contextmanager
def listening(monkeypatch: pytest.MonkeyPatch, most: int = 3, **more: Any) -> Iterator[int]:
    """The port of a small server that has little patience, and at most this many connections of an address."""
    monkeypatch.setattr(serving, "HEAD", 1.0)
    monkeypatch.setattr(serving, "CONNECTIONS", most)
    application = FastAPI()
    application.state.end = lambda: None
    application.get("/healthz")(lambda: "ok")

    @application.get("/stream")
    async def stream() -> StreamingResponse:
        async def endless() -> AsyncIterator[bytes]:
            while True:
                yield b"."
                await asyncio.sleep(0.1)

        return StreamingResponse(endless())

    @application.post("/take")
    async def take(request: Request) -> str:
        await request.body()
        return "ok"

    @application.post("/refuse")
    async def refuse() -> str:
        return "ok"

    server = serving.Server(application, "127.0.0.1", 0, **more)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = server.force_exit = True
    thread.join(5)


def connected(port: int, *heads: str) -> Iterator[socket.socket]:
    for head in heads:
        connection = socket.create_connection(("127.0.0.1", port), timeout=5)
        connection.sendall(head.replace("\n", "\r\n").encode())
        yield connection


POST = "POST /{} HTTP/1.1\nHost: x\nContent-Length: 9000\n\n"
STREAM = "GET /stream HTTP/1.1\nHost: x\n\n"


def test_connections_that_ask_for_nothing_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(monkeypatch) as port:
        silent, slow, patient = connected(port, "", "GET /healthz HTTP/1.1\n", "")
        with silent, slow, patient:
            assert healthy(patient)
            assert closed(silent) and closed(slow), "what does not ask in time is closed"
        (another,) = connected(port, "")
        with another:
            assert healthy(another), "there is room again"


def test_slow_connections_of_an_address_make_room_for_whoever_else_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(monkeypatch) as port:
        monkeypatch.setattr(serving, "HEAD", 60.0)
        slow = list(connected(port, POST.format("take"), "", "GET / HTTP/1.1\n"))
        visitors = []
        for oldest in slow:
            visitors += connected(port, "")
            assert healthy(visitors[-1]) and closed(oldest), "the one that waits longest goes"
        assert all(map(healthy, visitors))
        for connection in (*slow, *visitors):
            connection.close()


def test_what_is_being_answered_is_not_closed_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(monkeypatch) as port:
        streams = list(connected(port, STREAM, STREAM, STREAM))
        assert all(stream.recv(12) == b"HTTP/1.1 200" for stream in streams)
        (another,) = connected(port, "")
        assert closed(another), "one address has only so many"
        assert all(stream.recv(1000) for stream in streams)
        for stream in streams:
            stream.close()


def test_a_proxy_may_have_more_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(monkeypatch, proxies={"127.0.0.1"}) as port:
        streams = list(connected(port, *[STREAM] * 6))
        assert all(stream.recv(12) == b"HTTP/1.1 200" for stream in streams)
        for stream in streams:
            stream.close()


def test_a_request_for_a_websocket_is_answered_and_nothing_is_logged(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    upgrade = "GET /healthz HTTP/1.1\nHost: x\nConnection: Upgrade\nUpgrade: websocket\n\n"
    with listening(monkeypatch) as port:
        (asking,) = connected(port, upgrade)
        with asking:
            assert asking.recv(1000).startswith(b"HTTP/1.1 200")
        assert capfd.readouterr().err == ""


def test_a_body_that_nobody_reads_has_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(monkeypatch) as port:
        (dripping,) = connected(port, POST.format("refuse"))
        with dripping, pytest.raises(OSError, match="reset|pipe"):
            for _ in range(50):  # every byte used to keep the connection alive
                dripping.sendall(b"x")
                time.sleep(0.1)


def healthy(connection: socket.socket) -> bool:
    """Asks and reads the whole answer."""
    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = b""
    while not answer.endswith(b'"ok"'):
        answer += connection.recv(1000)
    return answer.startswith(b"HTTP/1.1 200 OK")


def closed(connection: socket.socket) -> bool:
    """Waits for the other side to close."""
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def test_an_address_that_is_taken_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = [sys.executable, "-c", SLOW_TO_FORGET.replace("60", "0"), str(taken.getsockname()[1])]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ended.returncode != 0 and "address already in use" in ended.stderr and "Traceback" not in ended.stderr


def test_a_signal_ends_it_after_an_mcp_client() -> None:
    pytest.importorskip("mcp", reason='needs "gradio[mcp]"')
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    accept = {"Accept": "application/json, text/event-stream"}
    with started("--mcp") as (process, url):
        for tool, arguments in (("describe", {"titles": ["red mug"]}), ("recommend", {"story": "nobody"})):
            params = {"name": tool, "arguments": arguments}
            answer = httpx.post(f"{url}/gradio_api/mcp/", json={**call, "params": params}, headers=accept, timeout=30)
            assert answer.status_code == 200
            assert ("A not seen red mug" in answer.text) == (tool == "describe")
        ends(process, signal.SIGINT)


@pytest.mark.browser
def test_a_signal_ends_it_with_a_tab_open_and_a_run_going(browser: Browser) -> None:
    with started("--delay", "0.3") as (process, url):
        page = browser.new_page()
        page.goto(url, wait_until="domcontentloaded")
        page.locator(".story").first.click()
        expect(page.locator("#history .entry")).to_have_count(9, timeout=60_000)
        page.click("#recommend")
        expect(page.locator("#recommend")).to_be_disabled(timeout=60_000)
        ends(process, signal.SIGINT)
        page.close()
