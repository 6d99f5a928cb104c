"""Everything that pocket training reads, out of one data folder (docs/datasets.md); what is absent is left out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from msr.storage import assets
from train.data import logs
from train.data.logs import UserLog
from train.teach import pictures
from train.teach.pictures import Shot

DEMO = assets() / "demo"
_READERS = {
    "caltech-101": pictures.objects,
    "fashion-products": pictures.fashion,
    "flickr8k-1000": pictures.scenes,
    "movielens-posters": pictures.movies,
}
_TABLES = ("labels.csv", "styles.csv", "captions.csv", "movies.csv", "ratings.csv")


@dataclass(frozen=True)
class Material:
    """Shots and logs by what was found, and the SHA-256 of each table that was read."""

    shots: tuple[Shot, ...]
    logs: tuple[UserLog, ...]
    hashes: dict[str, str] = field(default_factory=dict)

    def part(self, *splits: str) -> list[Shot]:
        """Shots of the given splits. Movies belong to all of them: the split there is by user."""
        return [s for s in self.shots if s.kind == "movie" or s.split in splits]

    def users(self, *splits: str) -> list[UserLog]:
        return [log for log in self.logs if log.split in splits]


def load(root: Path, drawn: int = 1500, drawn_seed: int = 100) -> Material:
    """Reads the known folders under `root`.

    Raises:
        FileNotFoundError: `root` holds none of them.
    """
    shots: list[Shot] = []
    hashes: dict[str, str] = {}
    users: list[UserLog] = []
    for name, reader in _READERS.items():
        folder = root / name
        if not folder.is_dir():
            continue
        shots += reader(folder)
        for table in _TABLES:
            if (folder / table).exists():
                hashes[f"{name}/{table}"] = hashlib.sha256((folder / table).read_bytes()).hexdigest()[:16]
        if name == "movielens-posters":
            users = logs.movielens(folder)
    if not shots:
        raise FileNotFoundError(f"{root} holds none of {', '.join(_READERS)}; see docs/datasets.md")
    shots += pictures.drawn(drawn, drawn_seed)
    return Material(tuple(shots), tuple(users), hashes)
