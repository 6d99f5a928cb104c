"""Pictures with known facts, from the folders that users bring (docs/datasets.md) and from our own drawing program.

A `Shot` is one picture (or one title without a picture) and what is certainly true of it. Which split a shot
belongs to follows from its key alone, so nothing moves between training and test when data are added.
"""

from __future__ import annotations

import csv
import hashlib
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from PIL import Image

from msr.schema import Item, Picture
from train import draw
from train.data.dataset import CatalogueItem
from train.teach.things import meant, singular

Facts = dict[str, str | tuple[str, ...]]


@dataclass(frozen=True)
class Shot:
    """`facts` holds lower-case words by attribute; `kind` is picture, fashion, object, scene, movie, drawn or title.

    Shots of one `family`, such as the colours of a product, share a split. `kept_out` names the split of a shot whose
    whole class is kept out of training.
    """

    key: str
    kind: str
    title: str
    facts: Facts = field(hash=False)
    path: Path | None = None
    look: draw.Look | None = None
    seed: int = 0
    family: str = ""
    kept_out: str = ""

    @property
    def split(self) -> str:
        """ "test" for 6 % of the keys or families, "validation" for 2 %, else "train"; or what `kept_out` says."""
        if self.kept_out:
            return self.kept_out
        bucket = int(hashlib.sha256((self.family or self.key).encode()).hexdigest()[:8], 16) % 100
        return "test" if bucket < 6 else "validation" if bucket < 8 else "train"

    @property
    def pictured(self) -> bool:
        return self.path is not None or self.look is not None

    def open(self) -> Image.Image:
        """The RGB picture."""
        if self.look is not None:
            return draw.render(self.look, self.seed)
        if self.path is None:
            raise ValueError(f"{self.key} has no picture")
        with Image.open(self.path) as image:
            return image.convert("RGB")


def app_item(shot: Shot, titled: bool) -> Item:
    """The shot as the app sees it, with its picture read; `titled=False` hides the title."""
    return Item(shot.key, shot.title if titled else "", Picture.from_pixels(shot.open()) if shot.pictured else None)


def fashion(root: Path) -> Iterator[Shot]:
    """Product photos of `fashion-products/` with article type, colour, gender and usage."""
    with (root / "styles.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            path = root / "images" / f"{row['id']}.jpg"
            facts: Facts = {"type": singular(row["articleType"])}
            if row["baseColour"] not in ("", "NA"):
                facts["colour"] = row["baseColour"].lower()
            if row["gender"]:
                facts["gender"] = row["gender"].lower()
            if row["usage"] in ("Casual", "Formal", "Sports", "Ethnic", "Party"):
                facts["usage"] = row["usage"].lower()
            yield Shot(f"fashion/{row['id']}", "fashion", row["productDisplayName"].strip(), facts, path)


def objects(root: Path) -> Iterator[Shot]:
    """Everyday objects of `caltech-101/` with the object's name and its group."""
    with (root / "labels.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            name = row["object"].lower()
            facts: Facts = {"type": name}
            if thing := meant(name):
                facts["group"] = thing.group
            yield Shot(f"object/{row['image']}", "object", "", facts, root / "images" / row["image"])


def scenes(root: Path) -> Iterator[Shot]:
    """Scenes of `flickr8k-1000/` with human captions."""
    captions: dict[str, list[str]] = {}
    with (root / "captions.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            captions.setdefault(row["image"], []).append(row["caption"].strip(" .").lower())
    for image, texts in captions.items():
        texts.sort(key=len)  # the shorter captions say what is certain
        yield Shot(f"scene/{image}", "scene", "", {"captions": tuple(texts[:4])}, root / "images" / image)


def movie(item: CatalogueItem) -> Shot:
    """A film with its genres and the decade that its title ends with; some films have no poster."""
    facts: Facts = {"genres": tuple(word.lower() for word in item.words)} if item.words else {}
    if year := re.search(r"\((\d{4})\)\s*$", item.title):
        facts["decade"] = f"{year.group(1)[:3]}0s"
    return Shot(f"movie/{item.id}", "movie", item.title, facts, item.image)


def drawn(count: int, seed: int) -> Iterator[Shot]:
    """Pictures of our own drawing program, from another seed than the demo catalogue's."""
    rng = random.Random(seed)
    for index in range(count):
        yield replace(drawn_shot(draw.sample(rng), seed + index, rng), key=f"drawn/{seed}-{index}")


def drawn_shot(look: draw.Look, seed: int, rng: random.Random) -> Shot:
    """One picture of our own drawing program; `rng` words its title."""
    return Shot(f"drawn/{seed}", "drawn", draw.title(look, rng), _look_facts(look), None, look, seed)


def demo(root: Path) -> Iterator[Shot]:
    """The committed demo catalogue (`assets/demo`) with its true attributes."""
    with (root / "items.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            facts: Facts = {name: row[name] for name in ("type", "colour", "pattern", "shape", "style", "material")}
            yield Shot(f"demo/{row['id']}", "drawn", row["title"], facts, root / row["image"])


def _look_facts(look: draw.Look) -> Facts:
    return {name: getattr(look, name) for name in ("type", "colour", "pattern", "shape", "style", "material")}
