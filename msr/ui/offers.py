"""Catalogues that visitors brought: kept in memory under keys that nobody can guess, as many as fit."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from typing import Any

from msr.catalogue import Catalogue
from msr.schema import InputProblem


class Offers:
    """At most `budget` bytes of catalogues, those used longest ago going first; a page holds the key of its own."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._held: OrderedDict[str, Catalogue] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, catalogue: Catalogue) -> str:
        """Keeps a catalogue and returns its key."""
        key = secrets.token_urlsafe(18)
        with self._lock:
            self._held[key] = catalogue
            while len(self._held) > 1 and sum(held.size for held in self._held.values()) > self._budget:
                self._held.popitem(last=False)
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
            self._held.move_to_end(key)
            return self._held[key]
