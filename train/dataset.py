"""What every reader of interaction data returns: items with titles and pictures, and users' chronological logs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from train.logs import UserLog


@dataclass(frozen=True)
class CatalogueItem:
    """One item of a data set; `image` is a local file or None, `words` are known attributes such as genres."""

    id: str
    title: str
    image: Path | None = None
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """Items by id and users in the order of the file.

    dropped: how many lines, items or users were left out, by reason; hashes: SHA-256 (16 digits) of each file read.
    """

    kind: str
    items: Mapping[str, CatalogueItem]
    users: tuple[UserLog, ...]
    dropped: Mapping[str, int] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
