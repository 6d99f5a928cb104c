"""Ctrl+C and SIGTERM end the server soon, whatever it is doing."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx
import pytest
from fastapi import FastAPI
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


def test_connections_that_ask_for_nothing_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "HEAD", 0.5)
    monkeypatch.setattr(serving, "CONNECTIONS", 3)
    application = FastAPI()
    application.state.end = lambda: None
    application.get("/healthz")(lambda: "ok")
    server = serving.Server(application, "127.0.0.1", 0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    silent, slow, patient = (socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(3))
    with silent, slow, patient:
        slow.sendall(b"GET /healthz HTTP/1.1\r\n")
        assert healthy(patient)
        with socket.create_connection(("127.0.0.1", port), timeout=5) as another:
            assert closed(another), "one address has only so many"
        assert closed(silent) and closed(slow), "what does not ask in time is closed"
        assert healthy(patient), "what has asked may ask again"
    with socket.create_connection(("127.0.0.1", port), timeout=5) as another:
        assert healthy(another), "there is room again"
    server.should_exit = True
    thread.join(5)


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
