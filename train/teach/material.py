"""Everything that pocket training reads, out of one data folder (docs/datasets.md); what is absent is left out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from msr.schema import InputProblem
from msr.storage import assets
from train.data.dataset import UserLog
from train.data.readers import movielens
from train.teach import labelled_pictures
from train.teach import pictures as sources
from train.teach.pictures import Shot
from train.teach.titles import readers as titles

DEMO = assets() / "demo"
_READERS = {
    "caltech-101": sources.objects,
    "fashion-products": sources.fashion,
    "flickr8k-1000": sources.scenes,
    "movielens-posters": lambda folder: map(sources.movie, movielens.films(folder)),
    "pictures": labelled_pictures.read,
}
_TABLES = ("labels.csv", "styles.csv", "captions.csv", "movies.csv", "ratings.csv")


@dataclass(frozen=True)
class Material:
    """Shots, logs and titled items by what was found, and the SHA-256 of each table that was read."""

    shots: tuple[Shot, ...]
    logs: tuple[UserLog, ...]
    hashes: dict[str, str] = field(default_factory=dict)
    titles: tuple[Shot, ...] = ()

    def titled(self, *splits: str) -> list[Shot]:
        """Items with titles out of many domains (`train.teach.titles.readers`) of the given splits."""
        return [s for s in self.titles if s.split in splits]

    def part(self, *splits: str) -> list[Shot]:
        """Shots of the given splits. Movies belong to all of them: the split there is by user."""
        return [s for s in self.shots if s.kind == "movie" or s.split in splits]

    def users(self, *splits: str) -> list[UserLog]:
        return [log for log in self.logs if log.split in splits]


def load(root: Path, drawn: int = 1500, drawn_seed: int = 100) -> Material:
    """Reads the known folders under `root`.

    Raises:
        InputProblem: `root` holds none of them.
    """
    shots: list[Shot] = []
    hashes: dict[str, str] = {}
    users: tuple[UserLog, ...] = ()
    for name, reader in _READERS.items():
        folder = root / name
        if not folder.is_dir():
            continue
        shots += reader(folder)
        for table in _TABLES:
            if (folder / table).exists():
                hashes[f"{name}/{table}"] = _digest(folder / table)
        if name == "movielens-posters":
            users = movielens.read(folder).users
    if not shots:
        raise InputProblem(f"{root} holds none of {', '.join(_READERS)}; see docs/datasets.md.")
    shots += sources.drawn(drawn, drawn_seed)
    hashes |= {str(table.relative_to(root)): _digest(table) for table in titles.tables(root)}
    return Material(tuple(shots), users, hashes, tuple(titles.load(root)))


def _digest(table: Path) -> str:
    return hashlib.sha256(table.read_bytes()).hexdigest()[:16]
