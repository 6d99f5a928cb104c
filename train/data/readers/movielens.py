"""MovieLens (Harper & Konstan 2015) in its CSV releases, with posters beside it.

ratings.csv   userId,movieId,rating,timestamp (seconds); every rating is an interaction
movies.csv    movieId,title,genres ("|" between)
posters/      <movieId>.jpg; may be absent
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from train.data.dataset import Dataset
from train.data.readers.assemble import Interactions, assemble, catalogue, item
from train.data.readers.places import Places
from train.data.readers.text_files import checked_id, moment, read_table

NO_GENRE = "(no genres listed)"


def read(path: Path, fallback: Path | None = None) -> Dataset:
    """Raises IntakeError for a folder that is not in this format."""
    places, dropped = Places(path, fallback), Counter()
    ratings, movies = places.own("ratings.csv"), places.file("movies.csv")
    rows = read_table(ratings, ("userId", "movieId", "rating", "timestamp"), _rating, dropped)
    interactions = Interactions.collect(rows)
    posters = places.pictures(("posters",), dropped)
    listed = read_table(movies, ("movieId", "title", "genres"), _movie, dropped)
    items = catalogue((item(id, title, posters.get(id), genres) for id, title, genres in listed), dropped)
    return assemble("movielens", items, interactions, dropped, (ratings, movies))


def _rating(cells: list[str]) -> tuple[str, str, int]:
    return checked_id(cells[0]), checked_id(cells[1]), moment(cells[3])


def _movie(cells: list[str]) -> tuple[str, str, list[str]]:
    return checked_id(cells[0]), cells[1], [genre for genre in cells[2].split("|") if genre != NO_GENRE]
