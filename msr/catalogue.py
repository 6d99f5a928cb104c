"""Catalogues of items to recommend, and the example histories of the bundled one."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msr.config import LIMITS, Limits
from msr.intake import IntakeError, load_items, read_items
from msr.schema import Item
from msr.storage import assets

DEMO = "demo"
_AN_ITEM = 1_000  # approximate bytes of an item without its picture


@dataclass(frozen=True)
class Catalogue:
    """Items that can be recommended; ids are unique."""

    name: str
    items: tuple[Item, ...]
    left_out: tuple[str, ...] = ()  # what of its files is not used

    @functools.cached_property
    def by_id(self) -> Mapping[str, Item]:
        return {item.id: item for item in self.items}

    @functools.cached_property
    def size(self) -> int:
        """Approximate size in bytes; a picture that items share counts once."""
        pictures = {item.picture.digest: len(item.picture.data) for item in self.items if item.picture}
        return sum(pictures.values()) + _AN_ITEM * len(self.items)

    def pick(self, ids: Iterable[str]) -> tuple[Item, ...]:
        """The items with these ids, in the same order. Raises IntakeError for an unknown id."""
        try:
            return tuple(self.by_id[item_id] for item_id in ids)
        except KeyError as missing:
            raise IntakeError(f"The catalogue {self.name} has no item {missing}.") from None


@dataclass(frozen=True)
class Story:
    """An example history from the bundled catalogue.

    `taste` says what its items were chosen by: [{"from_block": index, "wants": {attribute: value}}], no model saw it.
    """

    id: str
    name: str
    tagline: str
    items: tuple[str, ...]
    taste: tuple[Mapping[str, Any], ...]


Example = tuple[Story, tuple[Item, ...]]  # a story and its items


def load(source: Path | str, limits: Limits = LIMITS) -> Catalogue:
    """The catalogue of a folder, ZIP or CSV; "demo" is the bundled one. Raises IntakeError."""
    if source == DEMO:
        return demo()
    path = Path(source)
    items, left_out = read_items(path, limits)
    return Catalogue(path.resolve().name if path.is_dir() else path.stem, items, left_out)


@functools.cache
def demo() -> Catalogue:
    """The bundled catalogue, drawn by `python -m train.draw`; read once."""
    return Catalogue(DEMO, load_items(assets() / DEMO))


def stories() -> tuple[Story, ...]:
    """The bundled example histories."""
    records = json.loads((assets() / DEMO / "stories.json").read_text("utf-8"))
    return tuple(Story(r["id"], r["name"], r["tagline"], tuple(r["items"]), tuple(r["taste"])) for r in records)


def story_items(story_id: str) -> tuple[Item, ...]:
    """The history of a bundled story. Raises IntakeError for an unknown story."""
    known = {story.id: story for story in stories()}
    if story_id not in known:
        raise IntakeError(f"There is no story {story_id!r}; choose one of {', '.join(known)}.")
    return demo().pick(known[story_id].items)
