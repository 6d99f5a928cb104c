"""Where files come from: names that stay inside their folder, and a folder that is read no further than asked."""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from pathlib import Path

from msr.intake.errors import IntakeError, shown

_MAX_NAME = 400  # characters


def relative_name(name: str, where: str) -> str:
    """A file name below some folder, with "/" between its parts; refuses every name that could lead elsewhere."""
    bad = f"{where}: the file name {shown(name)}"
    if "\\" in name:
        raise IntakeError(f"{bad} holds a backslash. Write '/' between folders.")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    plain = "/".join(parts)  # judged instead of the name: "./C:/x" is no better than "C:/x"
    if not parts:
        raise IntakeError(f"{bad} names no file.")
    if ".." in parts:
        raise IntakeError(f"{bad} leads out of its folder ('..').")
    if re.match(r"\w\w+:/|data:", plain):
        raise IntakeError(f"{bad} is a web address. Put the picture beside the table and name it here.")
    if name.startswith("/") or re.match(r"~|[A-Za-z]:", plain):
        raise IntakeError(f"{bad} is not relative to the table.")
    if len(plain) > _MAX_NAME or any(unicodedata.category(c) in ("Cc", "Cs") for c in plain):
        raise IntakeError(f"{bad} is too long or holds control characters.")
    return plain


def read_file(path: Path, cap: int, where: str) -> bytes:
    """The bytes of a regular file, if there are at most `cap`."""
    try:
        # Without O_NONBLOCK, opening a named pipe would wait for a writer for ever.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with open(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise IntakeError(f"{where}: {shown(path.name)} is not a regular file.")
            data = file.read(cap + 1)
    except FileNotFoundError:
        raise IntakeError(f"{where}: there is no file {shown(path.name)}.") from None
    except OSError as error:
        raise IntakeError(f"{where}: {shown(path.name)} cannot be read ({error.strerror}).") from None
    if len(data) > cap:
        raise IntakeError(f"{where}: {shown(path.name)} is larger than {cap / 2**20:g} MB.")
    return data


class Folder:
    """A folder on disk as a source of files; links that lead out of it are refused."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def names(self) -> list[str]:
        """The files directly in the folder, hidden ones left out."""
        try:
            names = os.listdir(self._root)
        except OSError as error:
            raise IntakeError(f"{shown(self._root.name)} cannot be read ({error.strerror}).") from None
        return sorted(n for n in names if not n.startswith(".") and (self._root / n).is_file())

    def read(self, name: str, cap: int, where: str) -> bytes:
        """The bytes of the file with a name that `relative_name` passed, if at most `cap`."""
        try:
            path = (self._root / name).resolve()
        except (OSError, RuntimeError):  # links that lead to each other
            raise IntakeError(f"{where}: {shown(name)} cannot be found.") from None
        if not path.is_relative_to(self._root):
            raise IntakeError(f"{where}: {shown(name)} is a link that leads out of the folder.")
        return read_file(path, cap, where)
