"""Read a CSV release of MovieLens (Harper & Konstan 2015), with or without posters.

ratings.csv   userId,movieId,rating,timestamp (seconds); every rating is an interaction
movies.csv    movieId,title,genres (separated by "|")
posters/      <movieId>.jpg; may be absent

ratings.dat and movies.dat of the older releases are read too: the same cells without a header, "::" between them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from train.data.dataset import CatalogueItem, Dataset
from train.data.readers.assemble import Interactions, Places, assemble, catalogue, item
from train.data.readers.text_files import Row, checked_id, decode, moment, read_lines, read_table, sift

_MOVIES = ("movies.csv", "movies.dat")
NO_GENRE = "(no genres listed)"


def read(path: Path, fallback: Path | None = None) -> Dataset:
    """Read the ratings and films in a folder; `fallback` may have the films and posters instead.

    Raises:
        IntakeError: the folder is not in this format.
    """
    places = Places(path, fallback)
    dropped: Counter[str] = Counter()
    ratings = places.own("ratings.csv", "ratings.dat")
    rows = _rows(ratings, ("userId", "movieId", "rating", "timestamp"), _rating, dropped)
    interactions = Interactions.collect(rows, per_second=1000)
    items = catalogue((item(f.id, f.title, f.image, f.words) for f in _films(places, dropped)), dropped)
    return assemble("movielens", items, interactions, dropped, (ratings, places.file(*_MOVIES)))


def films(path: Path) -> list[CatalogueItem]:
    """Read only the films in a folder: titles and genres as the file spells them, and posters.

    Raises:
        IntakeError: the folder has no table of films in this format.
    """
    return list(_films(Places(path), Counter()))


def _films(places: Places, dropped: Counter[str]) -> Iterator[CatalogueItem]:
    posters = places.pictures(("posters",), dropped)
    for id, title, genres in _rows(places.file(*_MOVIES), ("movieId", "title", "genres"), _movie, dropped):
        yield CatalogueItem(id, title, posters.get(id), tuple(genres))


def _rows(path: Path, columns: tuple[str, ...], parse: Callable[[list[str]], Row], dropped: Counter[str]):
    """The rows of a table with a header, or of a .dat file without one, in which a few old titles are Latin-1."""
    if path.suffix == ".csv":
        return read_table(path, columns, parse, dropped)

    def row(line: bytes) -> Row:
        try:
            cells = decode(line).split("::")
        except ValueError:
            cells = decode(line.decode("latin-1").encode()).split("::")
        if len(cells) != len(columns):
            raise ValueError(f"{len(cells)} cells with '::' between, not {len(columns)}")
        return parse(cells)

    return sift(path, read_lines(path), row, dropped)


def _rating(cells: list[str]) -> tuple[str, str, int]:
    return checked_id(cells[0]), checked_id(cells[1]), moment(cells[3])


def _movie(cells: list[str]) -> tuple[str, str, list[str]]:
    return checked_id(cells[0]), cells[1], [genre for genre in cells[2].split("|") if genre != NO_GENRE]
