"""Which column of a table holds what: our own names, and those of exports of shops and of lists of books and films."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Names as `spelled` writes them; of several columns that a table has, the one that stands first here is used.
KNOWN = {
    "title": (
        "title", "name", "item title", "item name", "product title", "product name", "movie title", "book title",
        "primary title", "item",
    ),
    "id": (
        "id", "item id", "item", "handle", "sku", "const", "book id", "letterboxd uri", "parent asin", "asin",
        "product id", "listing id", "video id", "movie id", "isbn", "url", "link",
    ),
    "image": (
        "image", "image src", "images", "image1", "image 1", "image link", "image url", "image file", "picture",
        "photo", "photo 1", "cover", "poster", "filename", "file name",
    ),
    "timestamp": (
        "timestamp", "time", "watched date", "date watched", "date rated", "date read", "date added", "created",
        "order date", "date",
    ),
    "type": ("type",),
}  # fmt: skip
OWN = ("id", "title", "image", "timestamp")
_TYPE = re.compile(r":(token|float)(_seq)?\s*$")
SEPARATORS = (",", ";", "\t", "|")


def spelled(name: str) -> str:
    """The name of a column in one spelling: "Image_Src" and "IMAGE SRC " are "image src".

    RecBole writes a type behind each name (`item_id:token`), which is taken off.
    """
    return " ".join(re.sub(r"[\s_-]+", " ", _TYPE.sub("", name)).split()).casefold()


def places(header: Sequence[str]) -> dict[str, list[int]]:
    """The places of the columns that hold an id, a title and so on, the preferred ones first. No column has two."""
    names = [spelled(name) for name in header]
    found: dict[str, list[int]] = {}
    for kind, known in KNOWN.items():
        taken = {place for others in found.values() for place in others[:1]}
        mine = [n for name in known for n, other in enumerate(names) if other == name and n not in taken]
        if mine:
            found[kind] = mine
    return found
