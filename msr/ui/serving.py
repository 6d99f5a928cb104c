"""Serves the app until Ctrl+C or SIGTERM, and then ends, whatever is still going on."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import signal
import socket
import sys
import threading
from collections.abc import Collection
from typing import Any

import h11
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

GRACE = 2  # seconds for answers that are under way; streams of open pages never end by themselves
CONNECTIONS = 64  # of one network address; a page needs two to six
BEHIND_A_PROXY = 512  # of a proxy's address: the connections of many visitors
HEAD = 10.0  # seconds in which the first lines of a request must be there
PATIENCE = 6.0  # seconds after a signal until the process ends without being asked again


class _Connection(H11Protocol):
    """One of at most `CONNECTIONS` of its address, whose requests come in `HEAD` seconds once they have begun.

    Otherwise one computer could take all files that the process may open, and nobody else could ask for anything. When
    an address has too many, the one that has kept the server waiting longest is closed, so that a visitor who shares an
    address with somebody slow still comes in.
    """

    _waits = ""  # for what the client has to send: "first lines", "body", the "end" of one that nobody reads
    _since = 0.0
    _late: asyncio.TimerHandle | None = None

    def __init__(self, *args: Any, proxies: Collection[str] = (), **more: Any) -> None:
        super().__init__(*args, **more)
        self._proxies = proxies

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        peer = self.client[0] if self.client else ""
        others: set[Any] = self.connections  # of all kinds that uvicorn has
        here = [other for other in others if other.client and other.client[0] == peer]
        self._expect()
        if len(here) > (BEHIND_A_PROXY if peer in self._proxies else CONNECTIONS):
            waiting = [other for other in here if isinstance(other, _Connection) and other._waits and other is not self]
            min(waiting, key=lambda other: other._since, default=self).transport.abort()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._expect()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._late is not None:
            self._late.cancel()

    def _unsupported_upgrade_warning(self) -> None:
        """Says nothing: uvicorn would advise to install a library for websockets, which nothing here speaks."""

    def _expect(self) -> None:
        answered = self.conn.our_state is h11.DONE
        if self.conn.their_state is h11.IDLE:
            waits = "first lines"
        elif self.conn.their_state is h11.SEND_BODY:  # once it is answered nobody reads it, and it only has to end
            waits = "end" if answered else "body"
        else:
            waits = ""
        if waits == self._waits:
            return
        if not (self._waits and waits):  # the lines of a request and its body are waited for together
            self._since = self.loop.time()
        self._waits = waits
        if self._late is not None:
            self._late.cancel()
        self._late = self.loop.call_later(HEAD, self.transport.abort) if waits in ("first lines", "end") else None


class Server(uvicorn.Server):
    """`uvicorn.Server` that stops running work when asked to end, and does not wait for what will not stop.

    Waiting threads, a model in the middle of a batch or a client of its own endpoints could hold the process for ever.
    Nothing is lost: what has to last is on disk before it is confirmed.
    """

    def __init__(self, app: FastAPI, host: str, port: int, proxies: Collection[str] = ()) -> None:
        config: dict[str, Any] = {
            "log_level": "warning",
            "timeout_graceful_shutdown": GRACE,
            "http": functools.partial(_Connection, proxies=proxies),
            "ws": "none",
            "proxy_headers": False,  # the app itself knows whom it believes
        }
        super().__init__(uvicorn.Config(app, host=host, port=port, **config))
        self._end = app.state.end

    def until_ended(self) -> int:
        """Serves until a signal ends the process, with exit code 0 after Ctrl+C.

        Returns the exit code where nothing could be served. The interpreter does not take its modules apart at the
        end: that can take longer than all else, and no thread can cut it short.
        """
        with contextlib.suppress(KeyboardInterrupt):
            self.run()
        if self.should_exit:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)
        return 1

    def handle_exit(self, sig: int, frame: Any) -> None:
        if not self.should_exit:
            last = threading.Timer(PATIENCE, os._exit, [0 if sig == signal.SIGINT else 128 + sig])
            last.daemon = True
            last.start()
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._end()
        await super().shutdown(sockets)
