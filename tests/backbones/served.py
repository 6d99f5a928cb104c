"""Servers to ask: a small one that does as told, and real ones, started as a user would."""

from __future__ import annotations

import contextlib
import json
import math
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from msr.backbones.remote import backbone
from msr.backbones.remote.requests import Patience
from msr.config import BackboneConfig
from msr.prompts import Prompt

Reply = Callable[["Handler", dict[str, Any] | None], None]


class Handler(BaseHTTPRequestHandler):
    """Answers by the server's `replies`: the path's last words -> a function of this handler and the request's JSON."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._reply(None)

    def do_POST(self) -> None:
        self._reply(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _reply(self, body: dict[str, Any] | None) -> None:
        path = self.path.removeprefix("/v1")
        served: Served = self.server.served
        with served.lock:
            served.asked.append((path, body, dict(self.headers)))
            served.under_way += 1
            served.most = max(served.most, served.under_way)
        try:
            with contextlib.suppress(ConnectionError):
                served.replies.get(path, missing)(self, body)
        finally:
            with served.lock:
                served.under_way -= 1

    def send(self, status: int, told: Any, **headers: str) -> None:
        """`told` as JSON, or as it is if it is bytes."""
        data = told if isinstance(told, bytes) else json.dumps(told).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args) -> None:
        pass


def missing(handler: Handler, body: dict[str, Any] | None) -> None:
    handler.send(404, {"detail": "Not Found"})


class Served:
    """A server that knows one model "m", with log-probabilities and pictures; `replies` can be changed.

    `asked` holds (path, JSON, headers) of every request, `most` how many were under way together.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.asked: list[tuple[str, Any, dict[str, str]]] = []
        self.under_way = self.most = 0
        self.replies: dict[str, Reply] = {
            "/models": lambda handler, _: handler.send(200, {"data": [{"id": "m"}]}),
            "/chat/completions": chat,
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def chats(self) -> list[dict[str, Any]]:
        return [body for path, body, _ in self.asked if path == "/chat/completions"]

    @contextlib.contextmanager
    def running(self) -> Iterator[Served]:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.served = self
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()


def said(body: dict[str, Any]) -> str:
    """The text of a request's turn, pictures as [ ]."""
    content = body["messages"][0]["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "[ ]") for part in content)


def completion(body: dict[str, Any], text: str, chances: dict[str, float]) -> dict[str, Any]:
    """An answer of one token, with what else could have stood there; a picture is 16 tokens long."""
    listed = [{"token": token, "logprob": math.log(chance)} for token, chance in chances.items()]
    told = {"content": [{**listed[0], "top_logprobs": listed}]} if listed and body.get("logprobs") else None
    length = len(said(body).replace("[ ]", "." * 16))
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "logprobs": told}
    return {"model": body["model"], "choices": [choice], "usage": {"prompt_tokens": length}}


def chat(handler: Handler, body: dict[str, Any]) -> None:
    """Repeats the prompt's last word; Yes is surer for longer prompts."""
    yes = 1 - 1 / (2 + len(said(body)))
    handler.send(200, completion(body, said(body).split()[-1], {"Yes": yes * 0.9, "No": (1 - yes) * 0.9, "So": 1e-9}))


def silent(handler: Handler, body: dict[str, Any]) -> None:
    """As `chat`, without log-probabilities."""
    handler.send(200, completion(body, said(body).split()[-1], {}))


def events(*pieces: Any) -> bytes:
    """Server-sent events, each the next piece of a text or an event as it is."""
    told = [p if isinstance(p, dict) else {"choices": [{"delta": {"content": p}}]} for p in pieces]
    return "".join(f"data: {json.dumps(event)}\n\n" for event in told).encode() + b"data: [DONE]\n\n"


QUICK = Patience(connect=2, read=5, tries=3, first=0.02, longest=0.3, together=4)
HELLO = Prompt("Is it so? Answer Yes or No.")
SECRET = "sk-very-secret-0123456789"


def connect(server: Served, model: str = "m", patience: Patience = QUICK, **options) -> backbone.RemoteBackbone:
    config = BackboneConfig(name=f"openai:{server.url}#{model}", **options)
    return backbone.load(config, lambda message, fraction: None, patience)


def failing(*statuses: int, then=chat, **headers: str):
    """A reply that fails with each status, one a request, before it is as it should be."""
    left = list(statuses)

    def reply(handler, body):
        if left:
            handler.send(left.pop(0), {"error": {"message": "not now"}}, **headers)
        else:
            then(handler, body)

    return reply


# -- real ones --------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        return opened.getsockname()[1]


@contextlib.contextmanager
def started(command: list[str], port: int, log: Path, **environment: str) -> Iterator[str]:
    """The address of a server that a command of this Python serves on `port`; its words go to `log`."""
    with log.open("wb") as words:
        process = subprocess.Popen(
            [sys.executable, *command], stdout=words, stderr=subprocess.STDOUT, env=os.environ | environment
        )
    url = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 120
        while True:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(url + "/health", trust_env=False).is_success:
                    break
            assert process.poll() is None and time.monotonic() < until, log.read_text("utf-8", "replace")[-2000:]
            time.sleep(0.2)
        yield f"{url}/v1"
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
