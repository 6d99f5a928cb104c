"""Pictures and downloads that the page refers to by address."""

from __future__ import annotations

import re
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass

from cachetools import LRUCache

from msr.schema import Picture


class Media:
    """Keeps the pictures that pages show; beyond `budget` bytes, drops the least recently used.

    A picture's address is the digest of its content: whoever knows it has had the picture.
    """

    def __init__(self, budget: int = 256 * 2**20) -> None:
        # A picture that is larger than the budget is kept alone.
        self._pictures: LRUCache[str, Picture] = LRUCache(budget, getsizeof=lambda p: min(len(p.data), budget))
        self._lock = threading.Lock()

    def url(self, picture: Picture) -> str:
        """The address of a picture, relative to the page."""
        with self._lock:
            self._pictures[picture.digest] = picture
        return f"media/{picture.digest}.webp"

    def get(self, digest: str) -> Picture | None:
        with self._lock:
            return self._pictures.get(digest)


_UNSAFE = re.compile(r"[^0-9A-Za-z._-]+")


@dataclass(frozen=True)
class Download:
    """A file to download; the program chooses `name`, so it is safe in a header and on any disk."""

    name: str
    kind: str
    data: bytes


class Downloads:
    """The latest downloads, at most `most` files and `budget` bytes, each under an address that cannot be guessed."""

    def __init__(self, most: int = 64, budget: int = 256 * 2**20) -> None:
        self._most = most
        self._budget = budget
        self._files: OrderedDict[str, Download] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, name: str, kind: str, data: bytes | str) -> str:
        """Keep a file and return its address, relative to the page."""
        token, name = secrets.token_urlsafe(18), _UNSAFE.sub("-", name).lstrip(".")
        with self._lock:
            self._files[token] = Download(name, kind, data.encode() if isinstance(data, str) else data)
            while len(self._files) > 1 and (len(self._files) > self._most or self._held() > self._budget):
                self._files.popitem(last=False)
        return f"download/{token}"

    def get(self, token: str) -> Download | None:
        with self._lock:
            return self._files.get(token)

    def _held(self) -> int:
        return sum(len(file.data) for file in self._files.values())
