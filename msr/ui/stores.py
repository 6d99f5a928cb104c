"""What is kept for pages to come back to: finished runs, and the catalogues that visitors brought."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from msr import intake
from msr.catalogue import Catalogue, Example
from msr.schema import InputProblem, Item, Run


@dataclass(frozen=True)
class Kept:
    """A run with what it takes to name it and to go on from it."""

    run: Run
    name: str
    catalogue: Catalogue
    recorded: bool = False

    @property
    def key(self) -> str:
        """The run's id is a hash of all that it was made of: whoever has the key has had the run."""
        return f"{self.run.id}-{self.run.parent}" if self.run.parent else self.run.id

    @property
    def label(self) -> str:
        kind = "recorded" if self.recorded else "edited" if self.run.parent else "live"
        return f"{self.name} · {kind} · {self.run.id[:6]}"


class RunStore:
    """Keeps recorded runs for good and the latest others; a page knows the keys of its own.

    At most `most` others are kept, and `budget` bytes of what visitors brought; `own` is the server's catalogue.
    """

    def __init__(
        self,
        recorded: Iterable[Kept] = (),
        own: Catalogue | None = None,
        most: int = 200,
        budget: int = 512 * 2**20,
    ) -> None:
        self._recorded = {kept.key: kept for kept in recorded}
        self._own = own
        self._most = most
        self._budget = budget
        self._runs: OrderedDict[str, Kept] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def recorded(self) -> tuple[Kept, ...]:
        return tuple(self._recorded.values())

    def put(self, kept: Kept) -> str:
        """Keeps a run and returns its key."""
        with self._lock:
            self._runs[kept.key] = kept
            self._runs.move_to_end(kept.key)
            while len(self._runs) > 1 and (len(self._runs) > self._most or self._held() > self._budget):
                self._runs.popitem(last=False)
        return kept.key

    def get(self, key: Any) -> Kept | None:
        """The run with this key, or one of this run id; None where it is no longer kept."""
        if not isinstance(key, str):
            return None
        with self._lock:
            known = self._recorded.get(key) or self._runs.get(key)
            return known or next((kept for kept in self._runs.values() if kept.run.id == key), None)

    def grow(self, key: str, run: Run) -> None:
        """The kept run has more evidence now, a recorded one for everybody; one that has gone stays gone."""
        with self._lock:
            for runs in (self._recorded, self._runs):
                if key in runs:
                    runs[key] = replace(runs[key], run=run)

    def _held(self) -> int:
        """Bytes of the catalogues and pictures of visitors' runs, each counted once."""
        runs = self._runs.values()
        catalogues = {id(kept.catalogue): kept.catalogue for kept in runs if kept.catalogue is not self._own}
        items = (item for kept in runs for item in (*kept.run.history, *kept.run.offered))
        pictures = {item.picture.digest: len(item.picture.data) for item in items if item.picture}
        return sum(catalogue.size for catalogue in catalogues.values()) + sum(pictures.values())

    def parent(self, kept: Kept) -> Kept | None:
        return self.get(kept.run.parent) if kept.run.parent else None

    def choices(self, keys: Any) -> list[tuple[str, str]]:
        """(label, key) of a page's own runs, newest first, then of the recorded ones; `keys` as `joined` made them."""
        mine = [kept for key in reversed(_own(keys)[-self._most :]) if (kept := self.get(key))]
        labels = {kept.key: kept.label for kept in (*mine, *self.recorded)}
        return [(label, key) for key, label in labels.items()]


def joined(keys: Any, new: str) -> str:
    """What a page keeps of its runs, a string of their keys, with a new one last."""
    return " ".join([*(key for key in _own(keys) if key != new), new])


def _own(keys: Any) -> list[str]:
    return keys.split() if isinstance(keys, str) else []


def recorded(folder: Path, catalogue: Catalogue, examples: Sequence[Example]) -> tuple[list[Kept], list[str]]:
    """The `run.json` files of a folder, by file name, and a sentence for each that cannot be read.

    Pictures that a file lacks are taken from the catalogue and the examples. A run of a story bears its name.
    """
    items: list[Item] = [*catalogue.items, *(item for _, story in examples for item in story)]
    pictures = {item.picture.digest: item.picture for item in items if item.picture}
    stories = {tuple(i.id for i in story_items): story.name for story, story_items in examples}
    kept, problems = [], []
    for path in sorted(folder.glob("*.json")):
        try:
            run = intake.recorded_run(path.read_bytes(), path.name, pictures)
        except (intake.IntakeError, OSError) as error:
            problems.append(str(error))
            continue
        name = stories.get(tuple(item.id for item in run.history), path.stem.replace("-", " "))
        kept.append(Kept(run, name, catalogue, recorded=True))
    return kept, problems


class CatalogueStore:
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
