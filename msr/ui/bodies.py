"""Bodies of requests: bounded before they are read, and no path in them believed that the server did not hand out."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from cachetools import LRUCache

_MOST_PARTS = 100_000  # entries of lists and objects: small in a body, large in memory
_LONGEST_NAME = 100
_PATIENCE = 20.0  # seconds in which a body must be there, and one more for each `_RATE` bytes that have come
_RATE = 16 * 2**10


class Refused(Exception):
    """A request that is not handed on: the HTTP status and the sentence of its answer."""

    def __init__(self, status: int, sentence: str, **headers: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.headers = headers


class Handed:
    """The paths of uploads or the ids of events that were handed out, and to whom; beyond `most` the oldest go."""

    def __init__(self, most: int = 20_000) -> None:
        self._owners: LRUCache[str, str] = LRUCache(most)
        self._lock = threading.Lock()

    def add(self, names: Iterable[str], owner: str) -> None:
        with self._lock:
            self._owners.update(dict.fromkeys(names, owner))

    def knows(self, name: Any, owner: str) -> bool:
        with self._lock:
            return isinstance(name, str) and self._owners.get(name) == owner


class Bodies:
    """Reads bodies into memory, `budget` bytes of them at a time, a quarter of that for one caller."""

    def __init__(self, budget: int = 256 * 2**20) -> None:
        self._budget = budget
        self._held: Counter[str] = Counter()

    async def read(self, receive: Any, length: str | None, most: int, caller: str = "") -> bytes:
        """The whole body; `length` is what the request said of it. Raises Refused; `release` what was read."""
        if length is not None and (not length.isdecimal() or int(length) > most):
            raise Refused(413, f"The request is too large: at most {most // 2**10:,} KB are read.")
        chunks: list[bytes] = []
        size = 0
        receive = paced(receive)
        try:
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refused(400, "The request ended early.")
                chunk = message.get("body", b"")
                more = message.get("more_body", False)
                if size + len(chunk) > most:
                    raise Refused(413, f"The request is too large: at most {most // 2**10:,} KB are read.")
                if not self._room(len(chunk), caller):
                    raise Refused(503, "The server is busy with other large requests. Try again in a moment.")
                chunks.append(chunk)
                size += len(chunk)
                self._held[caller] += len(chunk)
        except BaseException:
            self.release(size, caller)
            raise
        return b"".join(chunks)

    def release(self, size: int, caller: str = "") -> None:
        """The memory of a body is free again."""
        self._held[caller] -= size
        self._held += Counter()  # drops those that hold nothing

    def _room(self, size: int, caller: str) -> bool:
        return self._held.total() + size <= self._budget and self._held[caller] + size <= self._budget / 4


def paced(receive: Any) -> Any:
    """`receive` for a body that must not come slowly; it raises Refused when it is too late."""
    end = time.monotonic() + _PATIENCE
    more = True

    async def receiving() -> Any:
        nonlocal end, more
        if not more:
            return await receive()
        try:
            async with asyncio.timeout(end - time.monotonic()):
                message = await receive()
        except TimeoutError:
            raise Refused(408, "The request came too slowly and was ended. Send it again, or less at a time.") from None
        end += len(message.get("body", b"")) / _RATE
        more = message.get("more_body", False)
        return message

    return receiving


def replayed(body: bytes, receive: Any) -> Any:
    """`receive` as it was before the body was read."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Any:
        return waiting.pop() if waiting else await receive()

    return again


def checked(body: bytes, known: Callable[[Any], bool], settle: Callable[[Any], None] = lambda data: None) -> bytes:
    """The JSON of a request as it is handed on: written anew, so that what was checked is what is read.

    Whatever Gradio may take for a file, an object with a `path`, must name one that is `known`. `settle` may check and
    change the rest. Raises Refused.
    """
    if sum(map(body.count, (b",", b"[", b"{"))) > _MOST_PARTS:
        raise Refused(413, f"The request has too many parts: at most {_MOST_PARTS:,} are read.")
    try:
        data = json.loads(body, parse_constant=_no_number)
        waiting = [data]
        while waiting:
            part = waiting.pop()
            if isinstance(part, dict):
                _check_file(part, known)
                waiting.extend(part.values())
            elif isinstance(part, list):
                waiting.extend(part)
        _check_names(data)
        settle(data)
        # Half a pair of surrogates, as of an emoji that was cut, is no text that can be written anywhere.
        return json.dumps(data, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
    except (ValueError, RecursionError):
        raise Refused(400, "The request is not JSON that can be read.") from None


def _check_names(data: Any) -> None:
    """The names of a page and of an event are kept for long, so they are short."""
    for name in ("session_hash", "event_id") if isinstance(data, dict) else ():
        if len(str(data.get(name, ""))) > _LONGEST_NAME:
            raise Refused(400, f"{name} is too long: at most {_LONGEST_NAME} characters.")
        if not isinstance(data.get(name), str | None):
            raise Refused(400, f"{name} must be a text.")


def _check_file(part: dict[str, Any], known: Callable[[Any], bool]) -> None:
    if "path" not in part:
        return
    if not known(part["path"]):
        raise Refused(400, "That file is not known here: files must be uploaded, paths and web addresses are not read.")
    for name in ("url", "is_stream"):  # where else a file might come from
        part.pop(name, None)


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not a number")
