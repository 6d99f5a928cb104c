"""Where the files of a data set lie: its folder, and another one for what is missing there."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from msr.intake import IntakeError
from msr.intake.files import relative_name
from msr.intake.images import SUFFIXES
from msr.intake.text import plain


@dataclass(frozen=True)
class Places:
    """`path` holds the interactions; titles and pictures that it lacks are taken from `fallback`.

    Raises:
        IntakeError: one of them is not a folder.
    """

    path: Path
    fallback: Path | None = None

    def __post_init__(self) -> None:
        for folder in self.all():
            if not folder.is_dir():
                raise IntakeError(f"{spelled(folder)} is not a folder.")

    def all(self) -> list[Path]:
        return [self.path] if self.fallback is None else [self.path, self.fallback]

    def own(self, *patterns: str) -> Path:
        """The file of `path` itself that matches the first of the patterns that any file matches."""
        return _one([self.path], patterns)

    def file(self, *patterns: str) -> Path:
        """The same, or else that of `fallback`.

        Raises:
            IntakeError: no file matches, or two do.
        """
        return _one(self.all(), patterns)

    def pictures(self, patterns: tuple[str, ...], dropped: Counter[str]) -> dict[str, Path]:
        """`pictures_in` the first subfolder that matches, of `path` and of `fallback`."""
        folders = (next((f for p in patterns for f in sorted(root.glob(p)) if f.is_dir()), None) for root in self.all())
        return pictures_in([folder for folder in folders if folder], dropped)


def spelled(path: Path) -> str:
    """A path in quotes for a message."""
    return f"'{plain(str(path), 400)}'"


def pictures_in(folders: Iterable[Path], dropped: Counter[str]) -> dict[str, Path]:
    """The JPEG, PNG and WebP files directly in the folders by name without suffix; of equal names the first.

    Links are counted and left out, so that neither an item's id nor a file can lead elsewhere.
    """
    found: dict[str, Path] = {}
    for folder in folders:
        for entry in sorted(os.scandir(folder), key=lambda e: e.name):
            stem, suffix = os.path.splitext(entry.name)
            if suffix.lower() not in SUFFIXES:
                continue
            if entry.is_file(follow_symlinks=False):
                found.setdefault(stem, Path(entry.path))
            else:
                dropped["pictures that are links or folders"] += 1
    return found


def picture_at(roots: list[Path], name: str, dropped: Counter[str]) -> Path | None:
    """The file that a table names, relative to a root or to its `images/`; None, counted, if it is not safely there."""
    try:
        safe = relative_name(name, "")
    except IntakeError:
        dropped["pictures with unsafe names"] += 1
        return None
    for root in roots:
        for file in (root / safe, root / "images" / safe):
            if os.path.isfile(file):
                if file.resolve().is_relative_to(root.resolve()):
                    return file
                dropped["pictures that are links or folders"] += 1
                return None
    dropped["pictures that are not there"] += 1
    return None


def _one(folders: list[Path], patterns: tuple[str, ...]) -> Path:
    for folder in folders:
        for pattern in patterns:
            files = sorted(file for file in folder.glob(pattern) if file.is_file())
            if len(files) > 1:
                raise IntakeError(f"{folder.name} has {files[0].name} and {files[1].name}; leave one of them there.")
            if files:
                return files[0]
    raise IntakeError(f"No {' or '.join(patterns)} in {' or '.join(map(spelled, folders))}.")
