"""Readers of interaction data in the formats in which it is published; one file for each format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from train.data.dataset import Dataset
from train.data.readers import amazon, folder, microlens, movielens

KINDS: Mapping[str, Callable[..., Dataset]] = MappingProxyType(
    {"microlens": microlens.read, "amazon": amazon.read, "movielens": movielens.read, "folder": folder.read}
)


def read(kind: str, path: Path, fallback: Path | None = None, **options) -> Dataset:
    """Read a folder in the format `kind`, one of KINDS; `options` are passed on to the reader of the format.

    fallback: another folder in the same format, with the titles and pictures that `path` lacks.

    Raises:
        IntakeError: the folder is not in this format; the message names the file and, if possible, the line.
        ValueError: unknown kind.
    """
    if kind not in KINDS:
        raise ValueError(f"dataset kind {kind!r}; there are {', '.join(KINDS)}")
    return KINDS[kind](path, fallback, **options)
