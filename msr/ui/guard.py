"""Stands before everything else: who may ask, for what, and with which body.

Plain ASGI, so that streams pass through untouched.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse

from msr.ui import doors
from msr.ui.bodies import Bodies, Handed, Refused, checked, paced, replayed
from msr.ui.calls import Calls, told
from msr.ui.doors import Body, Door
from msr.ui.hosts import Hosts, without
from msr.ui.serving import CONNECTIONS
from msr.ui.visitors import Attempts, Visitor, address_of, full_address_of, new_cookie

log = logging.getLogger(__name__)

_SMALL = 64 * 2**10  # bytes of JSON that are read faster than a thread is found
_LONGEST = 250  # characters of a path; a file name that is longer cannot be asked for on most disks
_LONGEST_TOOL = 100  # characters of its name
_MOST_ANSWER = 2**20  # bytes of an answer to an upload: some paths
# What a proxy or a browser says of a request; Gradio makes the address of the server out of some of it.
_SAID_OF_SENDER = (b"x-forwarded-", b"origin", b"sec-fetch-", b"host")
_SLOW = 1.0  # seconds that a login takes longer while very many fail
_TOOLS = "/gradio_api/mcp"
_QUEUED = re.compile(r"/gradio_api/(?:queue/join|call/.+)")  # what is answered with the id of an event
_DIRECT = re.compile(r"/gradio_api/(?:run|api)/.+")
_EVENT = re.compile(r"/gradio_api/call/(?:v2/)?[^/]+/([^/]+)")

UserOf = Callable[[str], str | None]  # who the `Cookie` header belongs to; None where nobody is signed in


class Guard:
    """Hands on what was found in order, and answers everything else itself, in one sentence.

    `user_of` is given where visitors must sign in, `calls` knows the events of the page. Once `ending` is set, streams
    end as if their pages were closed.
    """

    def __init__(
        self,
        app: Any,
        hosts: Hosts,
        ending: asyncio.Event,
        user_of: UserOf | None = None,
        mcp: bool = False,
        calls: Calls | None = None,
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._ending = ending
        self._user_of = user_of
        self._mcp = mcp
        self._calls = calls
        self._handed = Handed()
        self._events = Handed()
        self._open: Counter[str] = Counter()
        self._bodies = Bodies()
        self._attempts = Attempts()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._in_a_sentence(scope, receive, send)
        else:  # nothing here speaks websocket
            await send({"type": "websocket.close", "code": 1008})

    async def _in_a_sentence(self, scope: Any, receive: Any, send: Any) -> None:
        """Answers, whatever goes wrong on the way, and logs at most one line."""
        begun = ended = False

        async def sending(message: Any) -> None:
            nonlocal begun, ended
            begun = True
            ended = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        address = address_of(scope)
        self._open[address] += 1
        try:
            if self._open[address] > CONNECTIONS:
                raise Refused(503, "Too many requests of your network address are open. Try again in a moment.")
            await self._answer(scope, receive, sending)
        except Refused as refused:
            answer = JSONResponse({"detail": str(refused)}, refused.status, refused.headers)
            await answer(scope, receive, send)
        except ClientDisconnect:
            pass
        except asyncio.CancelledError:
            if not self._ending.is_set():
                raise
            if not begun:
                answer = JSONResponse({"detail": "The server has ended."}, 503)
                await answer(scope, receive, send)
            elif not ended:
                await send({"type": "http.response.body", "body": b""})
        except Exception as error:
            if not isinstance(error.__cause__ or error, HTTPException):  # a stream says itself what was not found
                log.error("%s %r failed: %s", scope["method"], scope["path"], told(error))
            if not begun:
                answer = JSONResponse({"detail": "Something unforeseen happened."}, 500)
                await answer(scope, receive, send)
            elif not ended:
                await send({"type": "http.response.body", "body": b""})
        finally:
            self._open[address] -= 1
            self._open += Counter()  # drops those that have none

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        headers = Headers(scope=scope)
        door = self._door(scope, headers)
        user = self._user_of(headers.get("cookie", "")) if self._user_of else ""
        if user is None and not door.public:
            raise Refused(401, "Sign in first: this server asks for a name and a password.")
        visitor = Visitor.of(user, headers.get("cookie", ""), full_address_of(scope))
        if (event := _EVENT.fullmatch(scope["path"])) and scope["method"] != "POST":
            self._check_event(event[1], visitor)
        path, scope = scope["path"], visitor.naming(without(scope, b"x-gradio-"))  # Gradio's address of itself
        if door.body is Body.NOTHING:
            if path == "/" and not self._user_of and not visitor.name.startswith("cookie"):
                send = _with_cookie(send, new_cookie(scope["scheme"] == "https"))
            await self._hand_on(scope, receive, send)
        elif door.body is Body.FILES:
            send = _noting(send, lambda paths: self._handed.add(map(str, paths), visitor.name))
            await self._hand_on(without(scope, b"accept-encoding"), paced(receive), send)
        else:
            if _QUEUED.fullmatch(path):
                scope = without(scope, b"accept-encoding")
                send = _noting(send, lambda told: self._events.add([told["event_id"]], visitor.name))
            elif _DIRECT.fullmatch(path):
                send = _blaming(send)
            await self._with_body(door, visitor, user or "", scope, headers, receive, send)

    def _check_event(self, event: Any, visitor: Visitor) -> None:
        if event is not None and not self._events.knows(event, visitor.name):
            raise Refused(404, "There is no such event here, or it is another visitor's.")

    def _door(self, scope: Any, headers: Headers) -> Door:
        """Raises Refused."""
        method, path = scope["method"], scope["path"]
        if len(headers.getlist("host")) != 1 or len(headers.getlist("origin")) > 1:
            raise Refused(400, "A request names one host and at most one origin.")
        if "content-length" in headers and "transfer-encoding" in headers:
            raise Refused(400, "A request says in one way only how long it is.", Connection="close")
        if refusal := self._hosts.refusal(method, path, headers, scope["scheme"]):
            raise Refused(403, refusal)
        if len(path) > _LONGEST or len(scope["query_string"]) > 8 * _LONGEST or not path.isascii():
            raise Refused(414, "The address is too long, or holds other letters than those of addresses.")
        door = doors.find(method, path, self._mcp)
        if door is None:
            raise Refused(404, "There is no such page here.")
        return door

    async def _with_body(
        self, door: Door, visitor: Visitor, user: str, scope: Any, headers: Headers, receive: Any, send: Any
    ) -> None:
        kind = headers.get("content-type", "").split(";")[0].strip().lower()
        if door.body is not Body.FORM and kind != "application/json":
            raise Refused(415, "Send JSON, and say so: Content-Type: application/json.")
        caller = user or address_of(scope)
        body = await self._bodies.read(receive, headers.get("content-length"), door.body.value, caller)
        try:
            if door.body is Body.FORM:
                await self._log_in(scope, body, receive, send)
                return
            if len(body) <= _SMALL:
                data = self._checked(body, scope["path"], visitor)
            else:
                data = await run_in_threadpool(self._checked, body, scope["path"], visitor)
            length = (b"content-length", str(len(data)).encode("ascii"))
            scope = without(scope, b"content-length", b"transfer-encoding", more=[length])
            await self._hand_on(scope, replayed(data, receive), send)
        finally:
            self._bodies.release(len(body), caller)

    def _checked(self, body: bytes, path: str, visitor: Visitor) -> bytes:
        def settle(data: Any) -> None:
            if self._calls:
                self._calls.check(path, data)
            if path.startswith(_TOOLS):
                _check_tool(data)
            if isinstance(data, dict):
                self._check_event(data.get("event_id"), visitor)
                if data.get("session_hash"):
                    data["session_hash"] = visitor.own(data["session_hash"])

        return checked(body, lambda path: self._handed.knows(path, visitor.name), settle)

    async def _log_in(self, scope: Any, body: bytes, receive: Any, send: Any) -> None:
        try:
            form = await Request(scope, replayed(body, receive)).form()
        except HTTPException:
            raise Refused(400, "The login is no form that can be read.") from None
        name, address = form.get("username", ""), address_of(scope)
        if not isinstance(name, str):
            raise Refused(400, "The login is no form that can be read.")
        name = name.strip()
        if wait := math.ceil(self._attempts.begin(address, name)):
            raise Refused(429, f"Too many failed logins. Try again in {wait} seconds.", **{"Retry-After": str(wait)})
        if self._attempts.crowded:
            await asyncio.sleep(_SLOW)

        async def counting(message: Any) -> None:
            if message["type"] == "http.response.start" and message["status"] < 400:
                self._attempts.succeeded(address, name)
            await send(message)

        await self._app(scope, replayed(body, receive), counting)

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


def _noting(send: Any, note: Callable[[Any], None]) -> Any:
    """`send`, which notes what a request is answered with before that is sent."""
    answer = bytearray()
    fine = False

    async def noting(message: Any) -> None:
        nonlocal fine
        if message["type"] == "http.response.start":
            fine = message["status"] == 200
        elif fine and message["type"] == "http.response.body" and len(answer) <= _MOST_ANSWER:
            answer.extend(message.get("body", b""))
            if not message.get("more_body", False):
                note(json.loads(answer))
        await send(message)

    return noting


def _blaming(send: Any) -> Any:
    """`send` for a direct call: Gradio says 500, a fault of its own, whatever was wrong with the arguments."""

    async def blaming(message: Any) -> None:
        if message["type"] == "http.response.start" and message["status"] == 500:
            message = {**message, "status": 400}
        await send(message)

    return blaming


def _with_cookie(send: Any, cookie: str) -> Any:
    async def giving(message: Any) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (b"set-cookie", cookie.encode("ascii"))]}
        await send(message)

    return giving


def _check_tool(data: Any) -> None:
    """Raises Refused for the name of a tool that is none."""
    params = data.get("params") if isinstance(data, dict) else None
    name = params.get("name") if isinstance(params, dict) else None
    if isinstance(name, str) and not (len(name) <= _LONGEST_TOOL and name.isprintable()):
        raise Refused(400, f"The name of a tool has at most {_LONGEST_TOOL} characters, and no control characters.")


def _is_mcp(scope: Mapping[str, Any]) -> bool:
    return scope["path"].startswith(_TOOLS)


def _inward(scope: Any, hosts: Hosts) -> Any:
    """The request as if it came from this computer.

    Gradio's MCP server calls its own endpoints at the address that a request names; this way that is never another
    computer's, and no name is looked up.
    """
    name, port = scope["server"]
    name = name if name in hosts else "127.0.0.1"
    host = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
    return without({**scope, "scheme": "http"}, *_SAID_OF_SENDER, more=[(b"host", host.encode("ascii"))])
