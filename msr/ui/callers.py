"""Callers of the server: who they are, and whether they still wait for what they asked for."""

from __future__ import annotations

import asyncio
import re
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs

import gradio as gr
from gradio.context import LocalContext

from msr.schema import InputProblem
from msr.ui.visitors import network

GRACE = 30.0  # seconds in which a caller begins to read the answers to what it put into the queue
_OFTEN = 0.25  # seconds between two looks at whether somebody is there
_LEFT = "msr.left"  # of an ASGI scope: set once the request's connection has ended
_TOOLS = "/gradio_api/mcp"
_CALL = "x-msr-call"  # a header: Gradio's MCP server puts a call into the queue in the name of the request it came with
_ANSWERS = re.compile(r"/call/(?:v2/)?[^/]+/([^/]+)/?$")


def name_of(request: Any, account: str | None = None) -> str:
    """Who is asking, for limits: an account, else a network address; a cookie costs nothing and does not count."""
    if account := account or getattr(request, "username", None):
        return f"user {account}"
    return network(getattr(getattr(request, "client", None), "host", None))


class Callers:
    """Knows which answers of the queue are being read, and which requests have lost their connection."""

    def __init__(self, grace: float = GRACE) -> None:
        self.grace = grace
        self._reading: Counter[str] = Counter()
        self._calls: dict[str, threading.Event] = {}
        self._lock = threading.Lock()

    @contextmanager
    def calling(self, ended: threading.Event) -> Iterator[str]:
        """A name for the call of a tool, which waits for its result until `ended`."""
        name = secrets.token_urlsafe(18)
        self._calls[name] = ended
        try:
            yield name
        finally:
            del self._calls[name]

    @contextmanager
    def reading(self, what: str) -> Iterator[None]:
        """While entered, somebody reads the answers of this session or event."""
        with self._lock:
            self._reading[what] += 1
        try:
            yield
        finally:
            with self._lock:
                self._reading[what] -= 1
                self._reading += Counter()  # drops what nobody reads

    def reads(self, *what: str) -> bool:
        """Whether the answers of one of these sessions or events are being read."""
        return any(self._reading[one] > 0 for one in what)

    def forgot(self, event: Any) -> bool:
        """Whether an event of the queue is one that nobody reads the answers of, and had time enough to."""
        if call := event.request.headers.get(_CALL):
            ended = self._calls.get(call)
            return ended is None or ended.is_set()
        return not self.reads(event.session_hash, event._id) and time.monotonic() - event.enqueue_time > self.grace

    def left(self, request: gr.Request | None) -> Callable[[], bool]:
        """A question for the work that is being done for a request: has its caller left?"""
        event_id, blocks = LocalContext.event_id.get(None), LocalContext.blocks.get(None)
        if event_id and blocks:

            def left() -> bool:
                event = blocks._queue.event_ids_to_events.get(event_id)
                return event is None or not event.alive or self.forgot(event)

            return left
        http = getattr(request, "request", None)
        ended = http.scope.get(_LEFT) if http else None
        return ended.is_set if ended else lambda: False

    @contextmanager
    def watching(self, request: gr.Request | None, stop: threading.Event) -> Iterator[None]:
        """Sets `stop` when the caller has left, and in any case at the end."""
        left = self.left(request)

        def watch() -> None:
            while not stop.wait(_OFTEN):
                if left():
                    stop.set()

        threading.Thread(target=watch, name="watch-caller", daemon=True).start()
        try:
            yield
        finally:
            stop.set()


class Places:
    """At most `most` callers do a thing at the same time, `each` times at most one and the same."""

    def __init__(self, most: int, each: int, patience: float) -> None:
        self._most, self._each, self._patience = most, each, patience
        self._held: Counter[str] = Counter()
        self._freed = threading.Condition()

    @contextmanager
    def one(self, caller: str) -> Iterator[None]:
        """While entered, a place is taken. Raises InputProblem if none came free for `patience` seconds."""
        with self._freed:
            if not self._freed.wait_for(lambda: self._free(caller), self._patience):
                raise InputProblem("Other files are being read. Bring yours again in a minute.")
            self._held[caller] += 1
        try:
            yield
        finally:
            with self._freed:
                self._held[caller] -= 1
                self._held += Counter()
                self._freed.notify_all()

    def _free(self, caller: str) -> bool:
        return self._held.total() < self._most and self._held[caller] < self._each


class Attendance:
    """ASGI: tells `callers` of connections that are open, and of those that end while a request is worked at."""

    def __init__(self, app: Any, callers: Callers) -> None:
        self._app = app
        self._callers = callers

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        connection = _Connection(receive)
        scope = {**scope, _LEFT: connection.ended}
        try:
            if scope["method"] == "POST" and scope["path"].startswith(_TOOLS):
                with self._callers.calling(connection.ended) as call:
                    mark = (_CALL.encode("ascii"), call.encode("ascii"))
                    await self._app({**scope, "headers": [*scope["headers"], mark]}, connection.receive, send)
            elif what := _what_is_read(scope):
                with self._callers.reading(what):
                    await self._app(scope, connection.receive, send)
            else:
                await self._app(scope, connection.receive, send)
        finally:
            connection.close()


class _Connection:
    """Hands the body on, and from then on listens for the end of the connection."""

    def __init__(self, receive: Any) -> None:
        self._receive = receive
        self._listening: asyncio.Task[None] | None = None
        self._one = asyncio.Lock()  # an answer may ask from several places at once
        self._over = asyncio.Event()
        self.ended = threading.Event()

    async def receive(self) -> Any:
        async with self._one:
            if self._listening is None:
                message = await self._receive()
                if message["type"] == "http.disconnect":
                    self.ended.set()
                elif not message.get("more_body", False):
                    self._listening = asyncio.create_task(self._listen())
                return message
        await self._over.wait()
        return {"type": "http.disconnect"}

    async def _listen(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.ended.set()
        self._over.set()

    def close(self) -> None:
        if self._listening is not None:
            self._listening.cancel()


def _what_is_read(scope: Any) -> str | None:
    """The session or the event whose answers a request reads; None for any other request."""
    if scope["method"] != "GET":
        return None
    if scope["path"].endswith("/queue/data"):
        return next(iter(parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [])), None)
    found = _ANSWERS.search(scope["path"])
    return found[1] if found else None
