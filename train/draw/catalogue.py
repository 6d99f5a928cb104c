"""The catalogue: which looks are drawn, under which titles, and the folder they are written to.

.venv/bin/python -m train.draw --out assets/demo --seed 7 --items 288
"""

from __future__ import annotations

import csv
import json
import random
from collections import Counter
from collections.abc import Collection
from dataclasses import astuple, dataclass
from pathlib import Path

from .attributes import COLOURS, FIELDS, KINDS, MATERIALS, PATTERNS, STYLES, Look, sample
from .render import render
from .stories import BLOCK, STORIES, Story, Wants
from .titles import title

HEADER = ("id", "title", "image", *FIELDS)
MORE_OF_LAST = 9  # things each story could go on with, beside those in its history
MORE_OF_FIRST = 3  # things each story has outgrown
TRIES = 60

_CHOICES = {"colour": len(COLOURS), "pattern": len(PATTERNS), "style": len(STYLES), "material": len(MATERIALS)}


@dataclass(frozen=True)
class Item:
    """One row of the catalogue."""

    id: str
    title: str
    look: Look

    @property
    def image(self) -> str:
        """Where the picture lies, relative to the catalogue's folder."""
        return f"images/{self.id}.webp"


class Shelf:
    """Picks looks one by one, so that no attribute value is drawn much more often than another."""

    def __init__(self, rng: random.Random) -> None:
        self.looks: list[Look] = []
        self._rng = rng
        self._seen: Counter[tuple[str, str]] = Counter()

    def pick(self, wants: Wants, avoid_types: Collection[str] = (), avoid: Collection[tuple[str, str]] = ()) -> Look:
        """Add and return a new look with all of `wants`, best without the types and values to avoid."""
        drawn = {sample(self._rng, **wants) for _ in range(TRIES)} - set(self.looks)
        # Sorted, because the order of a set changes from run to run.
        look = min(sorted(drawn, key=astuple), key=lambda look: self._cost(look, avoid_types, avoid))
        self.looks.append(look)
        self._seen.update((field, getattr(look, field)) for field in FIELDS)
        return look

    def rarest_type(self) -> str:
        """The product type drawn least often so far."""
        return min(KINDS, key=lambda kind: self._seen["type", kind])

    def _cost(self, look: Look, avoid_types: Collection[str], avoid: Collection[tuple[str, str]]) -> int:
        unwanted = (look.type in avoid_types) + sum(getattr(look, field) == value for field, value in avoid)
        spread = self._seen["type", look.type] * len(KINDS) + self._seen["shape", look.shape]
        spread += sum(self._seen[field, getattr(look, field)] * count for field, count in _CHOICES.items())
        return unwanted * 1_000_000 + spread


def build(seed: int, count: int) -> tuple[list[Item], list[dict[str, object]]]:
    """The catalogue's items and its stories."""
    rng = random.Random(seed)
    shelf = Shelf(rng)
    histories = {story.id: _history(shelf, story) for story in STORIES}
    while len(shelf.looks) < count:
        shelf.pick({"type": shelf.rarest_type()})
    order = shelf.looks[:]
    rng.shuffle(order)
    items = _named(order, rng)
    ids = {item.look: item.id for item in items}
    stories = [
        {
            "id": story.id,
            "name": story.name,
            "tagline": story.tagline,
            "items": [ids[look] for look in histories[story.id]],
            "taste": story.taste(),
        }
        for story in STORIES
    ]
    return items, stories


def _history(shelf: Shelf, story: Story) -> list[Look]:
    """Shelve the looks of a story's history, and others that suit its last and its first taste."""
    history: list[Look] = []
    last = len(story.blocks) - 1
    for block, wants in enumerate(story.blocks):
        for place in range(BLOCK):
            # One thing in the last block has all it leans to, the next one less, so that they are not all alike.
            leaning = story.lean(BLOCK - 1 - place) if block == last else {}
            seen = [look.type for look in history]
            history.append(shelf.pick(wants | leaning, seen, story.elsewhere(block)))
    fresh: list[Look] = []
    for place in range(MORE_OF_LAST):
        wants = story.blocks[last] | story.lean(place % 2)
        fresh.append(shelf.pick(wants, [look.type for look in fresh], story.elsewhere(last)))
    for _ in range(MORE_OF_FIRST):
        shelf.pick(story.blocks[0])
    return history


def _named(looks: list[Look], rng: random.Random) -> list[Item]:
    items: list[Item] = []
    taken: set[str] = set()
    for number, look in enumerate(looks, 1):
        name = title(look, rng)
        while name in taken:
            name = title(look, rng)
        taken.add(name)
        items.append(Item(f"d{number:03d}", name, look))
    return items


def write(out: Path, seed: int, count: int) -> list[Item]:
    """Draw the catalogue into `out`: items.csv, stories.json and images/."""
    items, stories = build(seed, count)
    images = out / "images"
    images.mkdir(parents=True, exist_ok=True)
    for old in images.glob("d*.webp"):
        old.unlink()
    for number, item in enumerate(items):
        picture = render(item.look, seed * 10_000 + number)
        picture.save(out / item.image, "WEBP", quality=82, method=6)
    with (out / "items.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows((item.id, item.title, item.image, *astuple(item.look)) for item in items)
    (out / "stories.json").write_text(json.dumps(stories, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return items
