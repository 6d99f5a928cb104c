"""The one thread on which the models of this process work; callers wait for it and for the result.

libgomp keeps a pool of threads for every thread that multiplies. With more of them than there are cores, each goes to
sleep as soon as it waits for another, and a text that is written alone takes half as long again.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

_this_thread = threading.local()


@functools.cache
def _pool(process: int) -> ThreadPoolExecutor:
    """The worker of a process; a fork has none of its parent's threads, so it gets its own."""
    return ThreadPoolExecutor(1, "model", initializer=lambda: setattr(_this_thread, "is_worker", True))


def begin(work: Callable[[], T]) -> Future[T]:
    """Put `work` into the worker's queue."""
    return _pool(os.getpid()).submit(work)


def run(work: Callable[[], T]) -> T:
    """The result of `work`, or what it raised. On the worker itself, `work` runs at once."""
    return work() if getattr(_this_thread, "is_worker", False) else begin(work).result()


class CallerLock:
    """A lock that one caller holds and may enter again. A lock that was taken may be released by another thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner: int | None = None  # id of the thread that entered
        self._depth = 0

    @property
    def mine(self) -> bool:
        """Is this thread inside a `with` block of the lock?"""
        return self._owner == threading.get_ident()

    def take(self) -> None:
        """Wait for the lock and take it, without being its owner."""
        self._lock.acquire()

    def release(self) -> None:
        """Give back what `take` took, in any thread."""
        self._lock.release()

    def __enter__(self) -> None:
        if not self.mine:
            self.take()
            self._owner = threading.get_ident()
        self._depth += 1

    def __exit__(self, *exception) -> None:
        self._depth -= 1
        if not self._depth:
            self._owner = None
            self.release()


def at_work(method):
    """Decorate a method to run on the worker while its caller holds `self._lock`."""

    @functools.wraps(method)
    def called(self, *args, **kwargs):
        if getattr(_this_thread, "is_worker", False):
            return method(self, *args, **kwargs)
        with self._lock:
            return run(functools.partial(method, self, *args, **kwargs))

    return called


def alone(function):
    """Decorate a function to run on the worker."""

    @functools.wraps(function)
    def called(*args, **kwargs):
        return run(functools.partial(function, *args, **kwargs))

    return called
