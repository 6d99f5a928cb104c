"""Read the plain folder, which `prepare` writes and which is easy to write by hand.

items.csv          id,title and optionally image (a file relative to this folder or to images/) and
                   words (attributes such as genres, separated by "|")
interactions.csv   user,item and optionally timestamp (seconds); without it, the lines must be in time order
images/            may be absent
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from train.data.dataset import CatalogueItem, Dataset
from train.data.readers.assemble import Interactions, Places, assemble, catalogue, item, picture_at
from train.data.readers.text_files import checked_id, columns_of, moment, read_table

ITEMS, INTERACTIONS = "items.csv", "interactions.csv"


def read(path: Path, fallback: Path | None = None) -> Dataset:
    """Read the folder; `fallback` may have the items and pictures instead. Raises IntakeError for another format."""
    places = Places(path, fallback)
    dropped: Counter[str] = Counter()
    pairs, table = places.own(INTERACTIONS), places.file(ITEMS)
    timed = "timestamp" in columns_of(pairs)

    def pair(cells: list[str]) -> tuple[str, str, int]:
        return checked_id(cells[0]), checked_id(cells[1]), moment(cells[2]) if timed else 0

    def entry(cells: list[str]) -> CatalogueItem:
        id, title, image, words = checked_id(cells[0]), *cells[1:]
        return item(id, title, picture_at(places.all(), image, dropped) if image else None, words.split("|"))

    rows = read_table(pairs, ("user", "item"), pair, dropped, optional=("timestamp",))
    interactions = Interactions.collect(rows, timed)
    items = catalogue(read_table(table, ("id", "title"), entry, dropped, optional=("image", "words")), dropped)
    return assemble("folder", items, interactions, dropped, (pairs, table))
