"""Requests to one server, with limits on number, time and size; retried where that may help, and cancelled on a stop.

They run as tasks of one event loop in its own thread, so that a caller who stops closes the open connections.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import math
import os
import queue
import random
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from msr.backbones.protocol import BackboneError, StopRequested
from msr.backbones.remote.answers import events, line, message, parsed, whole

KEY = "MSR_API_KEY"
SCHEME = "openai:"
_LOOK = 0.1  # seconds between two looks at `stop`
_BUSY = frozenset((408, 429, 502, 503, 504))

Body = Callable[[], Mapping[str, Any]]  # made only when its turn has come: pictures are large


@dataclass(frozen=True)
class Server:
    """Where a model is served: `url` without a slash at its end, and the model's name there ("" for the only one)."""

    url: str
    model: str

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            known = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port)
        except ValueError:
            known = False
        if not known or parts.query or parts.fragment:
            raise BackboneError("a remote backbone is written openai:http://host:port/v1#model, http or https")
        if parts.username is not None or parts.password is not None:
            raise BackboneError(f"an address with a password in it is shown in reports; put the key into {KEY} instead")

    @classmethod
    def parse(cls, name: str) -> Server:
        """`openai:http://host/v1#model`; an address without a path means `/v1`. Raises BackboneError."""
        url, _, model = name.removeprefix(SCHEME).strip().partition("#")
        url = url.rstrip("/")
        return cls(f"{url}/v1" if url.count("/") == 2 else url, model)

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def near(self) -> bool:
        """Is it this computer?"""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


@dataclass(frozen=True)
class Patience:
    """Timeouts in seconds, the number of tries, and how many requests may run at the same time."""

    connect: float = 5.0
    read: float = 120.0  # without a byte
    answer: float = 600.0  # until its last byte
    tries: int = 5
    first: float = 0.5  # before the second try; doubled for each further one
    longest: float = 20.0
    together: int = 8

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            if not getattr(self, name) > 0:
                raise ValueError(f"patience.{name} is {getattr(self, name)!r}; it must be over 0")

    def pause(self, tried: int, wanted: str | None = None) -> float:
        """Seconds before the next try: what the server's Retry-After wants, within reason, or more each time."""
        try:
            asked = max(float(wanted or 0), 0.0)
        except ValueError:  # a date: rare, and clocks differ
            asked = 0.0
        asked = 0.0 if math.isnan(asked) else asked
        return min(max(asked, self.first * 2 ** (tried - 1) * random.uniform(0.5, 1.0)), self.longest)


class Refused(BackboneError):
    """The server answered with an error; `status` is HTTP's."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Line:
    """Sends JSON requests to one server. No redirect is followed, so the key of the environment goes nowhere else."""

    def __init__(self, server: Server, patience: Patience | None = None) -> None:
        self.server = server
        self._patience = patience or Patience()
        self._key = os.environ.get(KEY, "").strip()
        if not (self._key.isascii() and self._key.isprintable()):
            raise BackboneError(f"{KEY} holds characters that no key has; set it again")
        self._turns = asyncio.Semaphore(self._patience.together)
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {self._key}"} if self._key else {},
            timeout=httpx.Timeout(self._patience.read, connect=self._patience.connect, pool=None),
            trust_env=not server.near,  # a proxy cannot reach this computer
        )
        loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, name="remote backbone", daemon=True).start()
        self._loop = loop
        weakref.finalize(self, loop.call_soon_threadsafe, loop.stop)

    def ask(self, path: str, body: Mapping[str, Any] | None = None, stop: threading.Event | None = None) -> Any:
        """The answer to one request; a GET without `body`. An internal error of the server (500) is not retried.

        Raises Refused, BackboneError and StopRequested.
        """
        return self._wait(self._asked(path, None if body is None else lambda: body, _BUSY), stop)

    def ask_all(self, path: str, bodies: Sequence[Body], stop: threading.Event | None = None) -> list[Any]:
        """Answers in order; raises as `ask`. The first request runs alone: the server can then cache the prefix."""

        async def all_of_them() -> list[Any]:
            retried = _BUSY | {500}
            first = await self._asked(path, bodies[0], retried)
            tasks = [asyncio.ensure_future(self._asked(path, body, retried)) for body in bodies[1:]]
            try:
                return [first, *await asyncio.gather(*tasks)]
            finally:
                for task in tasks:
                    task.cancel()

        return self._wait(all_of_them(), stop) if bodies else []

    def events(self, path: str, body: Body, stop: threading.Event | None = None) -> Generator[Any, None, None]:
        """The server-sent events of one request as they come. Raises as `ask`; closing it closes the connection."""
        heard: queue.SimpleQueue[Any] = queue.SimpleQueue()
        over = object()

        async def hear() -> None:
            try:
                async with self._turns, self._opened(path, body, _BUSY | {500}) as response:
                    async for event in events(response):
                        heard.put(event)
            finally:
                heard.put(over)

        check(stop)
        task = asyncio.run_coroutine_threadsafe(hear(), self._loop)
        try:
            while True:
                try:
                    event = heard.get(timeout=_LOOK)
                except queue.Empty:
                    check(stop)
                    continue
                check(stop)
                if event is over:
                    break
                yield event
            task.result()
        finally:
            task.cancel()

    def _wait(self, work: Coroutine[Any, Any, Any], stop: threading.Event | None) -> Any:
        if stop is not None and stop.is_set():
            work.close()
            raise StopRequested
        task = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            while True:
                try:
                    return task.result(timeout=_LOOK)
                except TimeoutError:
                    check(stop)
        finally:
            task.cancel()

    async def _asked(self, path: str, body: Body | None, retried: frozenset[int]) -> Any:
        async with self._turns, self._opened(path, body, retried) as response:
            return parsed(await whole(response))

    @asynccontextmanager
    async def _opened(self, path: str, body: Body | None, retried: frozenset[int]) -> AsyncIterator[httpx.Response]:
        """A successful response; retries where waiting may help."""
        request = self._client.build_request(
            "GET" if body is None else "POST", self.server.url + path, json=None if body is None else body(),
            headers={"Accept-Encoding": "identity"},
        )  # fmt: skip
        for tried in range(1, self._patience.tries + 1):
            wanted = None
            try:
                async with asyncio.timeout(self._patience.answer):
                    response = await self._client.send(request, stream=True)
            except (httpx.TransportError, TimeoutError) as error:
                late = isinstance(error, httpx.TimeoutException | TimeoutError)
                kind = "took too long" if late else "cannot be reached"
                problem = BackboneError(f"the server {self.server.url} {kind} ({type(error).__name__})")
            else:
                try:
                    if response.is_success:
                        with _readable(self.server.url):
                            async with asyncio.timeout(self._patience.answer):
                                yield response
                        return
                    problem, wanted = await self._refusal(response), response.headers.get("Retry-After")
                finally:
                    await response.aclose()
                if response.status_code not in retried:
                    raise problem
            if tried < self._patience.tries:
                await asyncio.sleep(self._patience.pause(tried, wanted))
        raise problem

    async def _refusal(self, response: httpx.Response) -> Refused:
        """The error for a refused request, in one line that does not contain the key."""
        status, url = response.status_code, self.server.url
        if status in (401, 403):
            what = f"refuses the key in {KEY}" if self._key else f"wants a key: set {KEY}"
            return Refused(f"the server {url} {what} (HTTP {status})", status)
        if response.is_redirect:
            return Refused(f"the server {url} sends elsewhere (HTTP {status}); give the address that answers", status)
        try:
            async with asyncio.timeout(self._patience.read):
                said = (await whole(response)).decode("utf-8", "replace")
        except (BackboneError, httpx.TransportError, TimeoutError):
            said = ""
        with suppress(ValueError, RecursionError):  # plain text or a page
            said = message(json.loads(said))
        if self._key:
            said = said.replace(self._key, "***")
        said = line(said)
        return Refused(f"the server {url} answered HTTP {status}{': ' if said else ''}{said}", status)


def check(stop: threading.Event | None) -> None:
    if stop is not None and stop.is_set():
        raise StopRequested


@contextmanager
def _readable(url: str) -> Iterator[None]:
    """A connection that breaks in the middle of an answer, or an answer that does not end, is the server's failure."""
    try:
        yield
    except TimeoutError:
        raise BackboneError(f"the server {url} took too long over its answer") from None
    except httpx.TransportError as error:
        raise BackboneError(f"the server {url} broke off its answer ({type(error).__name__})") from None
