"""Items with titles out of many domains, each with what is known of it beside its title.

A shot of kind "title" has the fact `source` and, where its picture certainly shows what it is, `seen`: "a rug".
Variants of one product share a split, because it follows from the title without colours and sizes. Some sources, and
half of the labels of one, are kept out of training whole.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path

from train.data.readers import movielens
from train.teach.pictures import Facts, Shot
from train.teach.titles import claims, targets, words
from train.teach.titles import facts as title_facts
from train.teach.titles.claims import Judgement
from train.teach.titles.kinds import ANY

KIND = "title"
UNTRAINED = ("exercises", "beers", "smart_home")  # sources that are for tests only
_HALF_TRAINED = "flipkart"  # a source half of whose labels are for tests only
_GOODS = (
    ANY, "baby", "beauty", "book", "clothing", "drink", "electronics", "food", "game", "home", "office", "pet", "sport",
    "tool", "toy",
)  # fmt: skip
_POSSIBLE: dict[str, tuple[str, ...]] = {  # the domains of things that a source can hold
    "amazon-games": (ANY, "game", "electronics", "tool"),
    "amazon-baby": (ANY, "baby", "book", "electronics", "home", "office", "sport", "tool", "toy"),
    "amazon-beauty": (ANY, "beauty"),
    "luma-shop": (ANY, "clothing", "sport"),
    "microlens-50k": ("video",),
    "movielens-posters": ("film",),
    "beers": ("drink",),
    "book_covers": ("book",),
    "chinese_dishes": ("food", "drink"),
    "cocktails": ("drink", "food"),
    "exercises": ("exercise",),
    "flipkart": tuple(d for d in _GOODS if d not in ("game", "food", "drink")),
    "furniture_fulhaus": ("home",),
    "game_covers": ("game",),
    "groceries": ("food", "drink"),
    "ikea": (ANY, "home", "toy", "electronics", "office", "baby", "tool"),
    "lego_minifigures": ("toy",),
    "pet_breeds": ("animal",),
    "recipes": ("food", "drink"),
    "shop_demos": _GOODS,
    "smart_home": ("electronics", "home"),
    "sneakers": ("clothing",),
}
_SORTS = {  # what all things of a source are
    "amazon-games": "a video game",
    "amazon-baby": "a baby product",
    "amazon-beauty": "a beauty product",
    "microlens-50k": "a short video",
    "beers": "a beer",
    "book_covers": "a book",
    "chinese_dishes": "a dish",
    "exercises": "an exercise",
    "game_covers": "a video game",
    "lego_minifigures": "a minifigure",
    "recipes": "a dish",
    "smart_home": "an electronic device",
    "sneakers": "a sneaker",
}
_DOMAINS = {  # what all things of a source belong to
    "amazon-games": "game", "amazon-baby": "baby", "amazon-beauty": "beauty", "microlens-50k": "video",
    "movielens-posters": "film", "beers": "drink", "book_covers": "book", "chinese_dishes": "food",
    "cocktails": "drink",
    "exercises": "exercise", "furniture_fulhaus": "home", "game_covers": "game", "groceries": "food",
    "lego_minifigures": "toy", "luma-shop": "clothing", "pet_breeds": "animal", "recipes": "food",
    "smart_home": "electronics", "sneakers": "clothing",
}  # fmt: skip
_BY_NAME = ("a video game", "a book", "a short video")
_UNSEEN = ("amazon-games", "smart_home")  # sources whose pictures do not show that for certain


def load(root: Path) -> Iterator[Shot]:
    """Every titled item in the known folders under `root`; what is absent is left out."""
    for name, reader in _READERS.items():
        if (root / name).is_dir():
            yield from reader(root / name)


def tables(root: Path) -> Iterator[Path]:
    """The tables that `load` reads."""
    for name in _READERS:
        yield from (root / name / table for table in _TABLES if (root / name / table).exists())


def possible(shot: Shot) -> tuple[str, ...]:
    """The domains that the shot's thing may be of."""
    return _POSSIBLE[str(shot.facts["source"])]


def stated(shot: Shot) -> title_facts.Stated:
    """What the shot's title states."""
    return title_facts.read(shot.title, possible(shot), names=shot.facts["source"] == "amazon-games")


def domain(shot: Shot) -> str:
    """The domain of the shot's thing, from the title or from the source; "" where neither tells."""
    return stated(shot).domain or _DOMAINS.get(str(shot.facts["source"]), "")


def with_facts(shot: Shot) -> Shot:
    """The shot with what its title states as facts, and with the phrase that says so: what a taste may be about."""
    told = stated(shot)
    facts: Facts = {
        "type": told.kind if told.domain not in ("film", "video") else "",
        "platform": told.platforms,
        "series": re.sub("^The ", "", told.series),
        "brand": told.brand,
        "material": told.material,
        "colour": told.colours[:1],
    }
    said = targets.phrase(told) if told.kind or told.domain else ""
    return replace(shot, facts={**shot.facts, **{name: value for name, value in facts.items() if value}, "said": said})


def judge(shot: Shot, text: str, pictured: bool = False) -> Judgement:
    """A description of the shot that saw the title, held against what is known of it (`train.teach.titles.claims`)."""
    facts = stated(shot)
    seen = str(shot.facts.get("seen", "")) if pictured else ""
    kind = facts.kind or re.sub(r"^(?:an?|a pair of) ", "", seen)
    return claims.judge(text, shot.title, domain(shot), kind, pictured=pictured)


def target(shot: Shot, titled: bool = True, pictured: bool = False) -> str:
    """The description. A title that is only a name is called what it is by half of the answers, and unsure by half."""
    seen = str(shot.facts.get("seen", "")) if pictured else ""
    if not titled:
        return targets.seen_only(seen)
    facts = stated(shot)
    if not facts.domain and not seen and _told(shot.title):
        seen = _SORTS.get(str(shot.facts["source"]), "")
    if seen in _BY_NAME and not facts.kind:
        facts = replace(facts, brand="")  # "LEGO Batman" is no game by LEGO
    return targets.sentence(facts, shot.title, seen)


def family(title: str) -> str:
    """The title without colours, sizes and numbers, or whole where less than two words are left."""
    said = re.findall(r"[\w']+", title_facts.plain(title).lower())
    loose = {"dark", "light", *words.LOOSE, *words.UNITS, *words.UNITS.values(), "cm", "ml", "mm"}
    kept = [word for word in said if word not in loose and not any(c.isdigit() for c in word)]
    return " ".join(kept if len(kept) > 1 else said)


def _told(title: str) -> bool:
    return _hash(f"told {title}") % 2 == 0


def _hash(text: str) -> int:
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)


def _shot(source: str, key: str, title: str, path: Path | None = None, label: str = "", variants: str = "") -> Shot:
    seen = _labelled(label, _POSSIBLE[source]) if label else "" if source in _UNSEEN else _SORTS.get(source, "")
    facts: Facts = {"source": source}
    if seen and path:
        facts["seen"] = seen
    untrained = source in UNTRAINED or (source == _HALF_TRAINED and _hash(f"{label} is trained") % 2 == 0)
    return Shot(
        key, KIND, title, facts, path, family=f"title {variants or family(title)}", kept_out="test" if untrained else ""
    )


def _labelled(label: str, domains: Collection[str]) -> str:
    """A source's label as what is seen: "chest of 3 drawers" -> "a chest of drawers"; empty where we have no name."""
    found = title_facts.read(label, domains)
    return targets.some(found.kind, False, []) if found.kind else ""


def _rows(path: Path, delimiter: str = "\t") -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter=delimiter)


def _shop(prefix: str) -> Callable[[Path], Iterator[Shot]]:
    """A reader of a folder with `items.tsv`: item, title and, for some, image and category."""

    def reader(folder: Path) -> Iterator[Shot]:
        for row in _rows(folder / "items.tsv"):
            image, category = row.get("image"), row.get("category") or ""
            path = folder / image if image and (folder / image).exists() else None
            label = category.rpartition("/")[2] if "/" in category else ""
            sku = row["item"].rpartition("-")[0] if category else ""
            yield _shot(folder.name, f"{prefix}/{row['item']}", row["title"], path, label, sku)

    return reader


def _pictures(folder: Path) -> Iterator[Shot]:
    """The titled items of `pictures/`, which are some fifty sources in one table."""
    for row in _rows(folder / "labels.csv", ","):
        source, title = row["source"], row["title"].strip()
        if source not in _POSSIBLE or not title:
            continue
        label = row["label"]
        if source == "cocktails":
            label = "cocktail" if re.match(r"an? .* cocktail\b", row["caption"]) else ""
        variants = title.lower() if source == "ikea" else ""  # its titles are a kind and a colour, no product's name
        yield _shot(source, f"picture/{row['image']}", title, folder / "images" / row["image"], label, variants)


def _videos(folder: Path) -> Iterator[Shot]:
    """Short videos, one in four: there are many, and little is to be said of each."""
    for row in _rows(folder / "MicroLens-50k_titles.csv", ","):
        if (title := " ".join(row["title"].split())) and _hash(title) % 4 == 0:
            yield _shot(folder.name, f"video/{row['item']}", title)


def _film_names(folder: Path) -> Iterator[Shot]:
    """Names of films without the year: nothing in them says that they are films. One in six is enough."""
    for film in movielens.films(folder):
        name = re.sub(r"\s*\(\d{4}\)\s*$", "", film.title)
        if _hash(name) % 6 == 0:
            yield _shot(folder.name, f"film/{film.id}", name)


_TABLES = ("items.tsv", "labels.csv", "MicroLens-50k_titles.csv", "movies.csv")
_READERS: dict[str, Callable[[Path], Iterator[Shot]]] = {
    "amazon-games": _shop("game"),
    "amazon-baby": _shop("baby"),
    "amazon-beauty": _shop("beauty"),
    "luma-shop": _shop("luma"),
    "pictures": _pictures,
    "microlens-50k": _videos,
    "movielens-posters": _film_names,
}
