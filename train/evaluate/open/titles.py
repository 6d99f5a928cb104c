"""What the model makes of a title alone: the right kind of thing, nothing, or another domain ("a movie" for a game)."""

from __future__ import annotations

import csv
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from msr.backbones.wrappers import CachedBackbone
from msr.schema import Item
from train import metrics
from train.evaluate.open.naming import describe
from train.evaluate.open.said import groups_of, names_in, read
from train.teach.pictures import Shot

# Domain: the groups that a description of one of its things may name. Domains have accessories of many groups; what
# counts as a wrong domain is what none of them is.
ALLOWED = {
    "games": {"game", "electronics", "toy", "bag"},
    "baby products": {
        "baby product", "toy", "furniture", "home textile", "clothing", "footwear", "accessory", "bag", "kitchenware",
        "household thing", "electronics", "appliance", "medical thing", "beauty product", "light", "decoration",
        "food", "drink", "reading", "stationery",
    },
    "beauty products": {"beauty product", "medical thing", "bag", "appliance", "accessory", "light"},
    "clothes and sport": {"clothing", "footwear", "accessory", "bag", "sport", "household thing", "toy"},
    "films": {"film"},
    "books": {"reading"},
    "recipes and drinks": {"food", "fruit", "vegetable", "drink"},
}  # fmt: skip


_PHRASE = re.compile(r"\b(?:with|from|by|for|of|about|in|on|to|based)\b")  # where the first noun phrase ends


@dataclass(frozen=True)
class _Known:
    domain: str
    shot: Shot


def unseen(root: Path) -> dict[str, list[Item]]:
    """Titles of the test split by domain, out of the folders that are there.

    Films are those of MovieLens, which training knows by title: there the domain is tested, not the title.
    """
    found = {domain: [] for domain in ALLOWED}
    for folder, (table, delimiter, row_title) in _TABLES.items():
        path = root / folder / table
        if not path.exists():
            continue
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter=delimiter):
                known = row_title(row)
                if known and known.shot.split == "test":
                    found[known.domain].append(Item(known.shot.key, known.shot.title))
    return {domain: items for domain, items in found.items() if items}


def evaluate(backbone: CachedBackbone, root: Path, count: int, seed: int) -> dict:
    """`count` titles, evenly over the domains: shares of "right domain", "says little" and "wrong domain" of each."""
    domains = unseen(root)
    rng = random.Random(seed)
    picked = {domain: _sample(items, -(-count // len(domains)), rng) for domain, items in domains.items()}
    told = describe(backbone, [item for items in picked.values() for item in items])
    found: dict = {"domains": {}, "samples": []}
    every: list[str] = []
    for domain, items in picked.items():
        outcomes = [outcome(told[item.id].text, domain) for item in items]
        every += outcomes
        found["domains"][domain] = _shares(outcomes)
        found["samples"] += [
            {"domain": domain, "title": item.title, "text": told[item.id].text, "outcome": what}
            for item, what in list(zip(items, outcomes, strict=True))[:6]
        ]
    return ({"all": _shares(every)} if every else {}) | found


def outcome(text: str, domain: str) -> str:
    """Whether a description of a title claims the right domain, another one, or says little.

    What is called a film is claimed to be one, whatever else it is called ("a game, adventure and comedy movie").
    """
    said = read(text)
    if said.claimed and "film" in groups_of(names_in(_PHRASE.split(text.lower())[0])):
        return "right domain" if "film" in ALLOWED[domain] else "wrong domain"
    if not said.claimed:
        return "says little"
    return "right domain" if groups_of(said.claimed) & ALLOWED[domain] else "wrong domain"


def _shares(outcomes: Sequence[str]) -> dict[str, dict[str, float]]:
    return {
        each: metrics.interval([float(one == each) for one in outcomes]) | {"n": len(outcomes)}
        for each in ("right domain", "says little", "wrong domain")
    }


def _sample(items: Sequence[Item], count: int, rng: random.Random) -> list[Item]:
    return rng.sample(sorted(items, key=lambda item: item.id), min(count, len(items)))


def _items(domain: str, prefix: str) -> Callable[[Mapping[str, str]], _Known]:
    return lambda row: _Known(domain, Shot(f"{prefix}/{row['item']}", "item", row["title"].strip(), {}))


def _picture(row: Mapping[str, str]) -> _Known | None:
    sources = {"book_covers": "books", "game_covers": "games"}
    sources |= dict.fromkeys(("cocktails", "recipes", "chinese_dishes", "beers"), "recipes and drinks")
    domain, title = sources.get(row["source"]), row["title"].strip()
    return _Known(domain, Shot(f"picture/{row['image']}", "item", title, {})) if domain and title else None


def _luma(row: Mapping[str, str]) -> _Known | None:
    """The colours of a product share a split; the shop's videos are no clothes."""
    title = row["title"].strip()
    shot = Shot(f"luma/{row['item']}", "item", title, {}, family=f"luma/{title.partition(',')[0].lower()}")
    return None if row["category"].startswith("Training") else _Known("clothes and sport", shot)


def _movie(row: Mapping[str, str]) -> _Known:
    return _Known("films", Shot(f"movie/{row['movieId']}", "item", row["title"].strip(), {}))


_TABLES: dict[str, tuple[str, str, Callable[[Mapping[str, str]], _Known | None]]] = {
    "amazon-games": ("items.tsv", "\t", _items("games", "game")),
    "amazon-baby": ("items.tsv", "\t", _items("baby products", "baby")),
    "amazon-beauty": ("items.tsv", "\t", _items("beauty products", "beauty")),
    "luma-shop": ("items.tsv", "\t", _luma),
    "movielens-posters": ("movies.csv", ",", _movie),
    "pictures": ("labels.csv", ",", _picture),
}
