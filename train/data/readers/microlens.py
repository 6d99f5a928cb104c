"""Read MicroLens (Ni et al. 2023) as published: users' videos with translated titles and cover pictures.

NAME_pairs.csv    user,item,timestamp
NAME_pairs.tsv    instead: a user, a tab, and the items in time order, separated by spaces; no header, no times
NAME_titles.csv   item,title; also NAME_title_en.csv, and without a header, as published
covers/ or NAME_covers/   <item>.jpg; may be absent
"""

from __future__ import annotations

from collections import Counter
from itertools import chain
from pathlib import Path

from train.data.dataset import Dataset
from train.data.readers.assemble import Interactions, Places, assemble, catalogue, item
from train.data.readers.text_files import checked_id, decode, moment, read_lines, read_table, sift


def read(path: Path, fallback: Path | None = None) -> Dataset:
    """Read the folder; the `.csv` file is preferred, because it has times. Raises IntakeError for another format."""
    places = Places(path, fallback)
    dropped: Counter[str] = Counter()
    pairs, titles = (
        places.own("*_pairs.csv", "*_pairs.tsv"),
        places.file("*_titles.csv", "*_title_en.csv", "*_title.csv"),
    )
    if pairs.suffix == ".csv":
        rows = read_table(pairs, ("user", "item", "timestamp"), _pair, dropped)
        interactions = Interactions.collect(rows, per_second=1000)
    else:
        sequences = sift(pairs, read_lines(pairs), _sequence, dropped)
        interactions = Interactions.collect(chain.from_iterable(sequences), timed=False)
    covers = places.pictures(("covers", "*_covers"), dropped)
    named = read_table(titles, ("item", "title"), _title, dropped, may_lack_header=True)
    items = catalogue((item(id, title, covers.get(id)) for id, title in named), dropped)
    return assemble("microlens", items, interactions, dropped, (pairs, titles))


def _pair(cells: list[str]) -> tuple[str, str, int]:
    return checked_id(cells[0]), checked_id(cells[1]), moment(cells[2])


def _title(cells: list[str]) -> tuple[str, str]:
    return checked_id(cells[0]), cells[1]


def _sequence(line: bytes) -> list[tuple[str, str, int]]:
    user, tab, items = decode(line.removeprefix(b"\xef\xbb\xbf")).partition("\t")
    if not tab or not items.split():
        raise ValueError("not a user, a tab and items separated by spaces")
    name = checked_id(user)
    return [(name, checked_id(one), 0) for one in items.split()]
