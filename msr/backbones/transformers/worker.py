"""The one thread on which the models of this process work; callers wait for their turn and for the result.

libgomp keeps threads for every thread that multiplies. With more of them than there are cores each goes to sleep as
soon as it waits for another, and a text that is written alone takes half as long again.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

_here = threading.local()


@functools.cache
def _pool(process: int) -> ThreadPoolExecutor:
    """A fork has none of its parent's threads."""
    return ThreadPoolExecutor(1, "model", initializer=lambda: setattr(_here, "works", True))


def begin(work: Callable[[], T]) -> Future[T]:
    """Puts `work` behind what is waiting already."""
    return _pool(os.getpid()).submit(work)


def run(work: Callable[[], T]) -> T:
    """The result of `work`, or what it raised; at once, where the thread itself asks."""
    return work() if getattr(_here, "works", False) else begin(work).result()


class Turn:
    """One caller at a time, who may enter again. A turn that was taken may be given back by another thread."""

    def __init__(self) -> None:
        self._free = threading.Lock()
        self._whose: int | None = None
        self._deep = 0

    @property
    def mine(self) -> bool:
        return self._whose == threading.get_ident()

    def take(self) -> None:
        self._free.acquire()

    def give(self) -> None:
        self._free.release()

    def __enter__(self) -> None:
        if not self.mine:
            self.take()
            self._whose = threading.get_ident()
        self._deep += 1

    def __exit__(self, *exception) -> None:
        self._deep -= 1
        if not self._deep:
            self._whose = None
            self.give()


def at_work(method):
    """A method that runs on the thread, in its caller's turn at `self._turn`."""

    @functools.wraps(method)
    def called(self, *args, **kwargs):
        if getattr(_here, "works", False):
            return method(self, *args, **kwargs)
        with self._turn:
            return run(functools.partial(method, self, *args, **kwargs))

    return called


def alone(function):
    """A function that runs on the thread."""

    @functools.wraps(function)
    def called(*args, **kwargs):
        return run(functools.partial(function, *args, **kwargs))

    return called
