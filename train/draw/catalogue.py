"""Choose and write the demo catalogue, with the stories of four people whose taste changes.

.venv/bin/python -m train.draw --out assets/demo --seed 7 --items 288
"""

from __future__ import annotations

import csv
import json
import random
from collections import Counter
from collections.abc import Collection
from dataclasses import astuple, dataclass, field
from pathlib import Path

from train.draw.attributes import COLOURS, FIELDS, KINDS, MATERIALS, PATTERNS, STYLES, Look, sample, title
from train.draw.render import render

BLOCK = 3  # things in a block
HEADER = ("id", "title", "image", *FIELDS)
MORE_OF_LAST = 9  # further things for each story that suit its last taste
MORE_OF_FIRST = 3  # further things for each story that suit its first taste
TRIES = 60  # looks that one pick chooses from
_CHOICES = {"colour": len(COLOURS), "pattern": len(PATTERNS), "style": len(STYLES), "material": len(MATERIALS)}

Wants = dict[str, str]


@dataclass(frozen=True)
class Story:
    """A person: what each block of three things in their history has in common, and what the last block tends to."""

    id: str
    name: str
    tagline: str
    blocks: tuple[Wants, ...]
    leaning: Wants = field(default_factory=dict)

    def taste(self) -> list[dict[str, object]]:
        """One entry for each block at which the taste changes."""
        return [
            {"from_block": i, "wants": wants}
            for i, wants in enumerate(self.blocks)
            if i == 0 or wants != self.blocks[i - 1]
        ]

    def lean(self, count: int) -> Wants:
        """The first `count` attributes that the last block tends to."""
        return dict(list(self.leaning.items())[:count])

    def elsewhere(self, block: int) -> set[tuple[str, str]]:
        """The (attribute, value) pairs of other blocks only. In `block` they would hide the change of taste."""
        return {pair for wants in self.blocks for pair in wants.items()} - set(self.blocks[block].items())


STORIES = (
    Story(
        "sailor",
        "The sailor who moved to the woods",
        "Navy stripes at first, then wood and linen.",
        (
            {"pattern": "striped", "colour": "navy"},
            {"pattern": "striped", "colour": "navy"},
            {"material": "wood", "style": "rustic"},
        ),
        leaning={"colour": "brown", "pattern": "plain"},
    ),
    Story(
        "sprinter",
        "The sprinter who took up pottery",
        "Fast red things, then ceramics with flowers.",
        (
            {"style": "sporty", "colour": "red"},
            {"material": "ceramic", "pattern": "floral"},
            {"material": "ceramic", "pattern": "floral"},
        ),
    ),
    Story(
        "minimalist",
        "The minimalist who had twins",
        "Calm and white, then dots everywhere.",
        (
            {"style": "minimal", "colour": "white"},
            {"style": "minimal", "colour": "white"},
            {"style": "playful", "pattern": "dotted"},
        ),
    ),
    Story(
        "goth",
        "The goth who fell for a gardener",
        "All black, then black with flowers, then pink.",
        (
            {"colour": "black", "pattern": "plain"},
            {"colour": "black", "pattern": "floral"},
            {"colour": "pink", "pattern": "floral"},
        ),
    ),
)


def matches(look: Look, wants: Wants) -> bool:
    """Whether `look` has all that is wanted."""
    return all(getattr(look, field) == value for field, value in wants.items())


@dataclass(frozen=True)
class Item:
    """One row of the catalogue."""

    id: str
    title: str
    look: Look

    @property
    def image(self) -> str:
        """The picture's path within the catalogue's folder."""
        return f"images/{self.id}.webp"


class Stock:
    """Picks looks one by one, so that no attribute value is drawn much more often than another."""

    def __init__(self, rng: random.Random) -> None:
        self.looks: list[Look] = []
        self._rng = rng
        self._seen: Counter[tuple[str, str]] = Counter()

    def pick(self, wants: Wants, avoid_types: Collection[str] = (), avoid: Collection[tuple[str, str]] = ()) -> Look:
        """Add and return a new look with all of `wants`; it has a type or value to avoid only if no other was found."""
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
    stock = Stock(rng)
    histories = {story.id: _history(stock, story) for story in STORIES}
    while len(stock.looks) < count:
        stock.pick({"type": stock.rarest_type()})
    order = stock.looks[:]
    rng.shuffle(order)
    items = _named(order, rng)
    ids = {item.look: item.id for item in items}
    stories: list[dict[str, object]] = [
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


def _history(stock: Stock, story: Story) -> list[Look]:
    """Pick the looks of a story's history, which are returned, and others that suit its last and its first taste."""
    history: list[Look] = []
    last = len(story.blocks) - 1
    for block, wants in enumerate(story.blocks):
        for place in range(BLOCK):
            # The things of the last block have less and less of what it tends to, so that they are not all alike.
            leaning = story.lean(BLOCK - 1 - place) if block == last else {}
            seen = [look.type for look in history]
            history.append(stock.pick(wants | leaning, seen, story.elsewhere(block)))
    fresh: list[Look] = []
    for place in range(MORE_OF_LAST):
        wants = story.blocks[last] | story.lean(place % 2)
        fresh.append(stock.pick(wants, [look.type for look in fresh], story.elsewhere(last)))
    for _ in range(MORE_OF_FIRST):
        stock.pick(story.blocks[0])
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
