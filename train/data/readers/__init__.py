"""Interaction data in the official formats -> `train.data.dataset.Dataset`; one file a format."""

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
    """Reads a folder of one of KINDS; `options` are those of that format's own `read`.

    fallback: another folder of the same format, from which come the titles and pictures that `path` lacks.

    Raises:
        IntakeError: the folder is not in this format; the message names the file and, where there is one, the line.
        ValueError: there is no such kind.
    """
    if kind not in KINDS:
        raise ValueError(f"dataset kind {kind!r}; there are {', '.join(KINDS)}")
    return KINDS[kind](path, fallback, **options)
