"""What the page keeps in memory: pictures and downloads under addresses, finished runs and catalogues under keys."""

from __future__ import annotations

import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cachetools import LRUCache

from msr import intake
from msr.catalogue import Catalogue, Example
from msr.schema import InputProblem, Item, Picture, Run


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


@dataclass(frozen=True)
class Kept:
    """A finished run with its name and catalogue; `owner` is the visitor who asked for it."""

    run: Run
    name: str
    catalogue: Catalogue
    recorded: bool = False
    owner: str = ""
    secret: str = ""

    @property
    def key(self) -> str:
        """The key of the run. Its id can be computed from its input, so a visitor's run has a secret in its key."""
        return "-".join(filter(None, (self.run.id, self.run.parent, self.secret)))

    @property
    def label(self) -> str:
        kind = "recorded" if self.recorded else "edited" if self.run.parent else "live"
        return f"{self.name} · {kind} · {self.run.id[:6]}"


class RunStore:
    """Keeps recorded runs, and the latest runs of visitors. Each page knows the keys of its own runs.

    Args:
        recorded: runs that are never dropped and that everybody may see
        own: the server's catalogue, which does not count as a visitor's
        most: largest number of visitors' runs
        budget: largest size of the visitors' pictures and catalogues together, in bytes
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

    def put(self, kept: Kept, owner: str = "") -> str:
        """Keep a run and return its key, which only its owner knows. The oldest runs go if there is no room."""
        with self._lock:
            same = (k for k in self._of(owner, kept.run.id) if k.run.parent == kept.run.parent)
            secret = next((k.secret for k in same), secrets.token_urlsafe(12) if owner else "")
            kept = replace(kept, owner=owner, secret=secret)
            self._runs[kept.key] = kept
            self._runs.move_to_end(kept.key)
            while len(self._runs) > 1 and (len(self._runs) > self._most or self._held() > self._budget):
                self._runs.popitem(last=False)
        return kept.key

    def get(self, key: Any) -> Kept | None:
        """The run with this key; None if it is not kept any more."""
        if not isinstance(key, str):
            return None
        with self._lock:
            return self._recorded.get(key) or self._runs.get(key)

    def find(self, run_id: str, owner: str) -> Kept | None:
        """The recorded run with this id, or this visitor's newest; never that of another visitor."""
        with self._lock:
            tapes = (kept for kept in self._recorded.values() if kept.run.id == run_id)
            return next(tapes, None) or next(reversed(self._of(owner, run_id)), None)

    def of_page(self, keys: Any, run_id: Any) -> Kept | None:
        """A page's newest run with this id, or the recorded one; `keys` is a string made by `joined`."""
        mine = (kept for key in reversed(_own(keys)) if (kept := self.get(key)))
        return next((kept for kept in (*mine, *self.recorded) if kept.run.id == run_id), None)

    def _of(self, owner: str, run_id: str) -> list[Kept]:
        return [kept for kept in self._runs.values() if (kept.owner, kept.run.id) == (owner, run_id)]

    def grow(self, key: str, run: Run) -> None:
        """Replace a run by the same run with more evidence, unless it is not kept any more."""
        with self._lock:
            for runs in (self._recorded, self._runs):
                if key in runs:
                    runs[key] = replace(runs[key], run=run)

    def _held(self) -> int:
        """Bytes of the catalogues and pictures of visitors' runs; each is counted once."""
        runs = self._runs.values()
        catalogues = {id(kept.catalogue): kept.catalogue for kept in runs if kept.catalogue is not self._own}
        items = (item for kept in runs for item in (*kept.run.history, *kept.run.offered))
        pictures = {item.picture.digest: len(item.picture.data) for item in items if item.picture}
        return sum(catalogue.size for catalogue in catalogues.values()) + sum(pictures.values())

    def parent(self, kept: Kept) -> Kept | None:
        return self.find(kept.run.parent, kept.owner) if kept.run.parent else None

    def choices(self, keys: Any) -> list[tuple[str, str]]:
        """(label, key) of a page's runs, newest first, then of recorded ones; `keys` is a string made by `joined`."""
        mine = [kept for key in reversed(_own(keys)[-self._most :]) if (kept := self.get(key))]
        labels = {kept.key: kept.label for kept in (*mine, *self.recorded)}
        return [(label, key) for key, label in labels.items()]


def joined(keys: Any, new: str) -> str:
    """The keys of a page's runs as one string, with a new key at the end."""
    return " ".join([*(key for key in _own(keys) if key != new), new])


def _own(keys: Any) -> list[str]:
    return keys.split() if isinstance(keys, str) else []


def recorded(folder: Path, catalogue: Catalogue, examples: Sequence[Example]) -> tuple[list[Kept], list[str]]:
    """The runs in a folder of `run.json` files, by file name, and an error message for each unreadable file.

    Pictures that a file lacks come from the catalogue and the examples. The run of a story has the story's name.
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
    """Keeps at most `budget` bytes of catalogues; drops the least recently used. A page knows only its own key."""

    def __init__(self, budget: int) -> None:
        # A catalogue that is larger than the budget is kept alone.
        self._held: LRUCache[str, Catalogue] = LRUCache(budget, getsizeof=lambda held: min(held.size, budget))
        self._lock = threading.Lock()

    def put(self, catalogue: Catalogue) -> str:
        """Keep a catalogue and return its key, which cannot be guessed."""
        key = secrets.token_urlsafe(18)
        with self._lock:
            self._held[key] = catalogue
        return key

    def get(self, key: Any) -> Catalogue | None:
        """The catalogue with this key; None for an empty key. Raises InputProblem if it is not kept any more."""
        if not key:
            return None
        with self._lock:
            if not isinstance(key, str) or key not in self._held:
                raise InputProblem(
                    "The catalogue you brought is no longer kept here. Bring it again, or use the bundled one."
                )
            return self._held[key]
