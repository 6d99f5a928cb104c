"""Labelled photos and drawings of everyday things, from the folder `pictures/` (docs/datasets.md).

Labels are turned into everyday names (`train.teach.things`); a picture whose label has no such name is not used.
Variants of one product share a split. A tenth of the names is kept out of training: half of these calibrate how sure
the model is, and the other half is for reports.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from train.teach.pictures import Facts, Shot
from train.teach.things import Label, Things, things

_ANIMALS = ("animal", "bird", "sea animal", "bug")
_FOOD = ("food", "fruit", "vegetable", "drink")
_IMAGENET = ("bug", "musical instrument", "tool", "furniture", "vehicle")
SOURCES = {  # source: the groups that decide between two meanings of a word there
    "animals_misc": _ANIMALS,
    "cats_dogs": _ANIMALS,
    "clothing": ("clothing",),
    "fruits_vegetables": _FOOD,
    "groceries": _FOOD,
    "ikea": ("furniture", "household thing", "baby product"),
    "imagenet_mini37": _ANIMALS,
    "imagenet_samples": _IMAGENET,
    "nips2017": _IMAGENET,
    "pet_breeds": _ANIMALS,
    "popular_animals": _ANIMALS,
    "shop_demos": ("car part",),
    "sports100": ("sport",),
    "tiny_imagenet": _IMAGENET,
    "tools": ("tool",),
}
_ONE_THING = {  # source without labels: what all of its pictures show
    "beers": "beer",
    "book_covers": "book",
    "cocktails": "cocktail",
    "exercises": "exercise",
    "game_covers": "video game",
    "lego_minifigures": "figurine",
    "sneakers": "sneakers",
}
_MEANT = {  # labels that mean something else there than elsewhere
    ("sports100", "football"): "american football",
    ("sports100", "rings"): "gymnastics",
    ("imagenet_samples", "torch"): "fire",
    ("tiny_imagenet", "torch"): "fire",
    ("sports100", "hydroplane racing"): "motor racing",
}
_INVERTED = ("emoji_noto", "mulberry")  # these write "drill electric" too
_PRODUCT = {  # source: what the variants of one product have in common
    "furniture_fulhaus": lambda row: " ".join(row["title"].split()[:2]),
    "groceries": lambda row: row["label"],
    "ikea": lambda row: row["title"].partition(",")[0],
    "shop_demos": lambda row: row["title"],
    "sneakers": lambda row: " ".join(row["title"].split()[:3]),
}


def read(root: Path) -> Iterator[Shot]:
    """The pictures with an everyday name; facts are "type", its "group", and "narrow" where the label tells more."""
    known = things()
    with (root / "labels.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if label := understood(row, known):
                facts: Facts = {"type": label.thing.name, "group": label.thing.group}
                if label.narrow:
                    facts["narrow"] = label.narrow
                product = _PRODUCT.get(row["source"], lambda row: "")(row).strip().lower()
                yield Shot(
                    f"picture/{row['image']}",
                    "picture",
                    row["title"].strip(),
                    facts,
                    root / "images" / row["image"],
                    family=f"{row['source']}/{product}" if product else "",
                    kept_out=label.thing.kept_out,
                )


def understood(row: Mapping[str, str], known: Things) -> Label | None:
    """What a row of `labels.csv` shows; None if its label is not sure."""
    source = row["source"]
    text = _MEANT.get((source, row["label"]), row["label"]) or _ONE_THING.get(source, "")
    if source == "emoji_noto" and re.search(r"\bface\b", text) and not known.meanings(text):
        text = "cat" if "cat face" in text else "emoji"
    return known.understand(text, SOURCES.get(source, ()), source in _INVERTED) if text else None
