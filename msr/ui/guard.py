"""Stands before everything else: who may ask, for what, and with which body.

Plain ASGI, so that streams pass through untouched.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import JSONResponse

from msr.ui import doors
from msr.ui.bodies import Bodies, Handed, Refused, checked, replayed
from msr.ui.doors import Body, Door
from msr.ui.hosts import Hosts
from msr.ui.logins import Attempts

_SMALL = 64 * 2**10  # bytes of JSON that are read faster than a thread is found
_LONGEST = 250  # characters of a path; a file name that is longer cannot be asked for on most disks
_MOST_ANSWER = 2**20  # bytes of an answer to an upload: some paths
# What a proxy or a browser says of a request; Gradio makes the address of the server out of some of it.
_SAID_OF_SENDER = (b"x-forwarded-", b"origin", b"sec-fetch-", b"host")

UserOf = Callable[[str], str | None]  # who the `Cookie` header belongs to; None where nobody is signed in


class Guard:
    """Hands on what was found in order, and answers everything else itself, in one sentence.

    `user_of` is given where visitors must sign in. Once `ending` is set, streams end as if their pages were closed.
    """

    def __init__(
        self, app: Any, hosts: Hosts, ending: asyncio.Event, user_of: UserOf | None = None, mcp: bool = False
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._ending = ending
        self._user_of = user_of
        self._mcp = mcp
        self._handed = Handed()
        self._bodies = Bodies()
        self._attempts = Attempts()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            try:
                await self._answer(scope, receive, send)
            except Refused as refused:
                answer = JSONResponse({"detail": str(refused)}, refused.status, refused.headers)
                await answer(scope, receive, send)
        else:  # nothing here speaks websocket
            await send({"type": "websocket.close", "code": 1008})

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        headers = Headers(scope=scope)
        door = self._door(scope, headers)
        user = self._user_of(headers.get("cookie", "")) if self._user_of else ""
        if user is None and not door.public:
            raise Refused(401, "Sign in first: this server asks for a name and a password.")
        scope = _without(scope, b"x-gradio-")  # Gradio would take its own address from there
        if door.body is Body.NOTHING:
            await self._hand_on(scope, receive, send)
        elif door.body is Body.FILES:
            await self._app(_without(scope, b"accept-encoding"), receive, self._noting(send, user or ""))
        else:
            await self._with_body(door, user or "", scope, headers, receive, send)

    def _door(self, scope: Any, headers: Headers) -> Door:
        """Raises Refused."""
        method, path = scope["method"], scope["path"]
        if len(headers.getlist("host")) != 1 or len(headers.getlist("origin")) > 1:
            raise Refused(400, "A request names one host and at most one origin.")
        if refusal := self._hosts.refusal(method, path, headers):
            raise Refused(403, refusal)
        if len(path) > _LONGEST or len(scope["query_string"]) > 8 * _LONGEST or not path.isascii():
            raise Refused(414, "The address is too long, or holds other letters than those of addresses.")
        door = doors.find(method, path, self._mcp)
        if door is None:
            raise Refused(404, "There is no such page here.")
        return door

    async def _with_body(self, door: Door, user: str, scope: Any, headers: Headers, receive: Any, send: Any) -> None:
        kind = headers.get("content-type", "").split(";")[0].strip().lower()
        if door.body is not Body.FORM and kind != "application/json":
            raise Refused(415, "Send JSON, and say so: Content-Type: application/json.")
        caller = user or _address(scope)
        body = await self._bodies.read(receive, headers.get("content-length"), door.body.value, caller)
        try:
            if door.body is Body.FORM:
                await self._log_in(scope, replayed(body, receive), send)
                return
            if len(body) <= _SMALL:
                data = self._checked(body, user)
            else:
                data = await run_in_threadpool(self._checked, body, user)
            length = (b"content-length", str(len(data)).encode("ascii"))
            scope = _without(scope, b"content-length", b"transfer-encoding", more=[length])
            await self._hand_on(scope, replayed(data, receive), send)
        finally:
            self._bodies.release(len(body), caller)

    def _checked(self, body: bytes, user: str) -> bytes:
        return checked(body, lambda path: self._handed.knows(path, user))

    async def _log_in(self, scope: Any, receive: Any, send: Any) -> None:
        address = _address(scope)
        if wait := math.ceil(self._attempts.begin(address)):
            raise Refused(429, f"Too many failed logins. Try again in {wait} seconds.", **{"Retry-After": str(wait)})

        async def counting(message: Any) -> None:
            if message["type"] == "http.response.start" and message["status"] < 400:
                self._attempts.succeeded(address)
            await send(message)

        await self._app(scope, receive, counting)

    async def _hand_on(self, scope: Any, receive: Any, send: Any) -> None:
        """Lets the request be answered; once the server ends, its visitor seems to have gone and its answer is cut."""
        open_answer = False
        one = asyncio.Lock()  # an answer may ask from several places at once
        coming: asyncio.Future[Any] | None = None  # kept over calls that were cancelled, or a message would be lost
        ending = asyncio.ensure_future(self._ending.wait())

        async def receiving() -> Any:
            nonlocal coming
            async with one:
                coming = coming or asyncio.ensure_future(receive())
                if not (coming.done() or ending.done()):
                    await asyncio.wait((coming, ending), return_when=asyncio.FIRST_COMPLETED)
                if not coming.done():
                    return {"type": "http.disconnect"}
                message, coming = coming.result(), None
                return message

        async def sending(message: Any) -> None:
            nonlocal open_answer
            open_answer = message["type"] == "http.response.start" or message.get("more_body", False)
            await send(message)

        try:
            await self._app(_inward(scope, self._hosts) if _is_mcp(scope) else scope, receiving, sending)
        finally:
            for future in (ending, coming):
                if future is not None:
                    future.cancel()
        if open_answer and self._ending.is_set():
            await send({"type": "http.response.body", "body": b""})

    def _noting(self, send: Any, user: str) -> Any:
        """`send`, which notes the paths that an upload is answered with before they are sent."""
        answer = bytearray()
        fine = False

        async def noting(message: Any) -> None:
            nonlocal fine
            if message["type"] == "http.response.start":
                fine = message["status"] == 200
            elif fine and message["type"] == "http.response.body" and len(answer) <= _MOST_ANSWER:
                answer.extend(message.get("body", b""))
                if not message.get("more_body", False):
                    self._handed.add(map(str, json.loads(answer)), user)
            await send(message)

        return noting


def _address(scope: Mapping[str, Any]) -> str:
    return str((scope.get("client") or ("unknown", 0))[0])


def _is_mcp(scope: Mapping[str, Any]) -> bool:
    return scope["path"].startswith("/gradio_api/mcp")


def _without(scope: Any, *starts: bytes, more: Sequence[tuple[bytes, bytes]] = ()) -> Any:
    """The request without headers that start so, and with `more`."""
    return {**scope, "headers": [*(pair for pair in scope["headers"] if not pair[0].startswith(starts)), *more]}


def _inward(scope: Any, hosts: Hosts) -> Any:
    """The request as if it came from this computer.

    Gradio's MCP server calls its own endpoints at the address that a request names; this way that is never another
    computer's, and no name is looked up.
    """
    name, port = scope["server"]
    name = name if name in hosts else "127.0.0.1"
    host = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
    return _without({**scope, "scheme": "http"}, *_SAID_OF_SENDER, more=[(b"host", host.encode("ascii"))])
