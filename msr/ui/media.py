"""Pictures by address, so that HTML stays small while text streams into it."""

from __future__ import annotations

import threading
from collections import OrderedDict

from msr.schema import Picture


class Media:
    """Keeps the bytes of pictures that pages show, the least recently used going first beyond `budget` bytes.

    A picture's address is the digest of its content: whoever knows it has had the picture.
    """

    def __init__(self, budget: int = 256 * 2**20) -> None:
        self._budget = budget
        self._held = 0
        self._bytes: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def url(self, picture: Picture) -> str:
        """The address of a picture, relative to the page."""
        with self._lock:
            if picture.digest not in self._bytes:
                self._bytes[picture.digest] = picture.data
                self._held += len(picture.data)
            self._bytes.move_to_end(picture.digest)
            while self._held > self._budget and len(self._bytes) > 1:
                self._held -= len(self._bytes.popitem(last=False)[1])
        return f"media/{picture.digest}.webp"

    def get(self, digest: str) -> bytes | None:
        with self._lock:
            if digest in self._bytes:
                self._bytes.move_to_end(digest)
            return self._bytes.get(digest)
