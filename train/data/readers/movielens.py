"""Read a CSV release of MovieLens (Harper & Konstan 2015), with or without posters.

ratings.csv   userId,movieId,rating,timestamp (seconds); every rating is an interaction
movies.csv    movieId,title,genres (separated by "|")
posters/      <movieId>.jpg; may be absent
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from train.data.dataset import CatalogueItem, Dataset
from train.data.readers.assemble import Interactions, Places, assemble, catalogue, item
from train.data.readers.text_files import checked_id, moment, read_table

NO_GENRE = "(no genres listed)"


def read(path: Path, fallback: Path | None = None) -> Dataset:
    """Read the ratings and films in a folder; `fallback` may have the films and posters instead.

    Raises:
        IntakeError: the folder is not in this format.
    """
    places = Places(path, fallback)
    dropped: Counter[str] = Counter()
    ratings = places.own("ratings.csv")
    rows = read_table(ratings, ("userId", "movieId", "rating", "timestamp"), _rating, dropped)
    interactions = Interactions.collect(rows)
    items = catalogue((item(f.id, f.title, f.image, f.words) for f in _films(places, dropped)), dropped)
    return assemble("movielens", items, interactions, dropped, (ratings, places.file("movies.csv")))


def films(path: Path) -> list[CatalogueItem]:
    """Read only the films in a folder: titles and genres as the file spells them, and posters.

    Raises:
        IntakeError: the folder has no table of films in this format.
    """
    return list(_films(Places(path), Counter()))


def _films(places: Places, dropped: Counter[str]) -> Iterator[CatalogueItem]:
    posters = places.pictures(("posters",), dropped)
    for id, title, genres in read_table(places.file("movies.csv"), ("movieId", "title", "genres"), _movie, dropped):
        yield CatalogueItem(id, title, posters.get(id), tuple(genres))


def _rating(cells: list[str]) -> tuple[str, str, int]:
    return checked_id(cells[0]), checked_id(cells[1]), moment(cells[3])


def _movie(cells: list[str]) -> tuple[str, str, list[str]]:
    return checked_id(cells[0]), cells[1], [genre for genre in cells[2].split("|") if genre != NO_GENRE]
