"""Pictures by address, so that HTML stays small while text streams into it."""

from __future__ import annotations

import threading
from collections import OrderedDict

from msr.schema import Picture


class Media:
    """Keeps the pictures that pages show, the least recently used going first beyond `budget` bytes.

    A picture's address is the digest of its content: whoever knows it has had the picture.
    """

    def __init__(self, budget: int = 256 * 2**20) -> None:
        self._budget = budget
        self._held = 0
        self._pictures: OrderedDict[str, Picture] = OrderedDict()
        self._lock = threading.Lock()

    def url(self, picture: Picture) -> str:
        """The address of a picture, relative to the page."""
        with self._lock:
            if picture.digest not in self._pictures:
                self._pictures[picture.digest] = picture
                self._held += len(picture.data)
            self._pictures.move_to_end(picture.digest)
            while self._held > self._budget and len(self._pictures) > 1:
                self._held -= len(self._pictures.popitem(last=False)[1].data)
        return f"media/{picture.digest}.webp"

    def get(self, digest: str) -> Picture | None:
        with self._lock:
            if digest in self._pictures:
                self._pictures.move_to_end(digest)
            return self._pictures.get(digest)
