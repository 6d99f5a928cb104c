"""Read the plain folder, which `prepare` writes and which is easy to write by hand.

items.csv          id,title and optionally image (a file relative to this folder or to images/) and
                   words (attributes such as genres, separated by "|")
interactions.csv   user,item and optionally timestamp (a number or a date); without it, the lines must be in time order
images/            may be absent

NAME.item and NAME.inter as RecBole has them are read too, and so are columns such as user_id, item_id and movie_title.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from train.data.dataset import CatalogueItem, Dataset
from train.data.readers.assemble import Interactions, Places, assemble, catalogue, item, picture_at
from train.data.readers.text_files import checked_id, has_column, moment, read_table

ITEMS, INTERACTIONS = "items.csv", "interactions.csv"
USER = ("user", "user_id", "userId", "uid")
ITEM = ("item", "item_id", "itemId", "iid", "movie_id", "product_id", "parent_asin")
TIME = ("timestamp", "time", "date")
ID = ("id", *ITEM)
TITLE = ("title", "item_title", "movie_title", "product_title", "name", "item_name")


def read(path: Path, fallback: Path | None = None) -> Dataset:
    """Read the folder; `fallback` may have the items and pictures instead. Raises IntakeError for another format."""
    places = Places(path, fallback)
    dropped: Counter[str] = Counter()
    pairs, table = places.own(INTERACTIONS, "*.inter"), places.file(ITEMS, "*.item")
    timed = has_column(pairs, TIME, (USER, ITEM))

    def pair(cells: list[str]) -> tuple[str, str, int]:
        return checked_id(cells[0]), checked_id(cells[1]), moment(cells[2]) if timed else 0

    def entry(cells: list[str]) -> CatalogueItem:
        id, title, image, words = checked_id(cells[0]), *cells[1:]
        return item(id, title, picture_at(places.all(), image, dropped) if image else None, words.split("|"))

    rows = read_table(pairs, (USER, ITEM), pair, dropped, optional=(TIME,))
    interactions = Interactions.collect(rows, timed, per_second=1000)
    items = catalogue(read_table(table, (ID, TITLE), entry, dropped, optional=("image", "words")), dropped)
    return assemble("folder", items, interactions, dropped, (pairs, table))
