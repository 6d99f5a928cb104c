"""Catalogues that visitors brought: kept in memory under keys that nobody can guess, as many as fit."""

from __future__ import annotations

import secrets
import threading
from typing import Any

from cachetools import LRUCache

from msr.catalogue import Catalogue
from msr.schema import InputProblem


class Offers:
    """At most `budget` bytes of catalogues, those used longest ago going first; a page holds the key of its own."""

    def __init__(self, budget: int) -> None:
        # A catalogue that is larger than the budget is kept alone.
        self._held: LRUCache[str, Catalogue] = LRUCache(budget, getsizeof=lambda offer: min(offer.size, budget))
        self._lock = threading.Lock()

    def put(self, catalogue: Catalogue) -> str:
        """Keeps a catalogue and returns its key."""
        key = secrets.token_urlsafe(18)
        with self._lock:
            self._held[key] = catalogue
        return key

    def get(self, key: Any) -> Catalogue | None:
        """The catalogue with this key; None for no key. Raises InputProblem for one that is not kept any more."""
        if not key:
            return None
        with self._lock:
            if not isinstance(key, str) or key not in self._held:
                raise InputProblem(
                    "The catalogue you brought is no longer kept here. Bring it again, or use the bundled one."
                )
            return self._held[key]
