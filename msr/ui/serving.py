"""Serves the app until Ctrl+C or SIGTERM, and then ends, whatever is still going on."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
from typing import Any

import uvicorn
from fastapi import FastAPI

GRACE = 2  # seconds for answers that are under way; streams of open pages never end by themselves
PATIENCE = 6.0  # seconds after a signal until the process ends without being asked again


class Server(uvicorn.Server):
    """`uvicorn.Server` that stops running work when asked to end, and does not wait for what will not stop.

    Waiting threads, a model in the middle of a batch or a client of its own endpoints could hold the process for ever.
    Nothing is lost: what has to last is on disk before it is confirmed.
    """

    def __init__(self, app: FastAPI, host: str, port: int) -> None:
        super().__init__(
            uvicorn.Config(app, host=host, port=port, log_level="warning", timeout_graceful_shutdown=GRACE)
        )
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
