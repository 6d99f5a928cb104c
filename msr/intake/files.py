"""Folders and ZIP files as sources of files, with checked names and limited sizes."""

from __future__ import annotations

import os
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

from msr.config import Limits
from msr.intake.text import IntakeError, shown

_MAX_NAME = 400  # characters


def relative_name(name: str, where: str) -> str:
    """A checked file name relative to a folder, with "/" between its parts. Raises IntakeError for any other name."""
    bad = f"{where}: the file name {shown(name)}"
    if "\\" in name:
        raise IntakeError(f"{bad} holds a backslash. Write '/' between folders.")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    plain = "/".join(parts)  # checked instead of the name, so that "./C:/x" is refused like "C:/x"
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
    """The bytes of a regular file. Raises IntakeError for more than `cap` bytes."""
    try:
        # Without O_NONBLOCK, opening a named pipe could block for ever.
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
    """A folder as a source of files. Links that lead out of it are refused."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def names(self) -> list[str]:
        """The names of the files directly in the folder, without hidden ones."""
        try:
            names = os.listdir(self._root)
        except OSError as error:
            raise IntakeError(f"{shown(self._root.name)} cannot be read ({error.strerror}).") from None
        return sorted(n for n in names if not n.startswith(".") and (self._root / n).is_file())

    def read(self, name: str, cap: int, where: str) -> bytes:
        """The bytes of a file, at most `cap`; `name` was checked by `relative_name`. Raises IntakeError."""
        try:
            path = (self._root / name).resolve()
        except (OSError, RuntimeError):  # links that lead to each other
            raise IntakeError(f"{where}: {shown(name)} cannot be found.") from None
        if not path.is_relative_to(self._root):
            raise IntakeError(f"{where}: {shown(name)} is a link that leads out of the folder.")
        return read_file(path, cap, where)


_ENCRYPTED = 0x1 | 0x40 | 0x2000  # flag bits: content, strong, central directory
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst", ".jar")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DIRECTORY_ENTRY = 1024  # largest average size of a directory entry, in bytes
_STEP = 2**16
_BROKEN = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError,
)  # fmt: skip


class Archive:
    """A ZIP as a source of files: checked before anything is unpacked, read in memory, never extracted.

    If one folder contains everything, names are relative to it. Use as a context manager. Raises IntakeError.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        self._limits = limits
        self._where = path.name
        self._unpacked = 0
        if path.stat().st_size > limits.max_zip_bytes:
            raise self._refusal(f"larger than {limits.max_zip_bytes / 2**20:g} MB")
        self._file = path.open("rb")
        try:
            self._check_directory(self._file)
            self._zip = zipfile.ZipFile(self._file)
            self._entries = self._without_top(self._checked())
        except IntakeError:
            self._file.close()
            raise
        except _BROKEN as error:
            self._file.close()
            raise self._refusal("damaged, or no ZIP") from error

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()
        self._file.close()

    def names(self) -> list[str]:
        """The names of the files at the top, without hidden ones."""
        return sorted(name for name in self._entries if "/" not in name)

    def read(self, name: str, cap: int, where: str) -> bytes:
        """The unpacked bytes of one file, at most `cap`, and at most `max_zip_bytes` for all reads together."""
        if name not in self._entries:
            raise IntakeError(f"{where}: there is no file {shown(name)} in the ZIP.")
        parts: list[bytes] = []
        size = 0
        try:
            with self._zip.open(self._entries[name]) as member:
                while part := member.read(_STEP):
                    size += len(part)
                    if size > cap:
                        raise IntakeError(f"{where}: {shown(name)} is larger than {cap / 2**20:g} MB.")
                    if self._unpacked + size > self._limits.max_zip_bytes:
                        raise self._refusal(f"over {self._limits.max_zip_bytes / 2**20:g} MB when unpacked")
                    parts.append(part)
        except IntakeError:
            raise
        except _BROKEN as error:
            raise IntakeError(f"{where}: {shown(name)} in the ZIP is damaged. Make the ZIP again.") from error
        self._unpacked += size
        return b"".join(parts)

    def _refusal(self, reason: str) -> IntakeError:
        return IntakeError(
            f"{shown(self._where)} is refused: {reason}. Pack items.csv and its pictures as a plain ZIP."
        )

    def _check_directory(self, file: BinaryIO) -> None:
        """Refuse a huge directory before `zipfile` makes an object for each of its entries."""
        size = file.seek(0, 2)
        file.seek(max(0, size - 22 - 2**16))
        tail = file.read()
        end = tail.rfind(b"PK\5\6")
        if end < 0 or len(tail) - end < 22:
            raise self._refusal("damaged, or no ZIP")
        length = struct.unpack("<I", tail[end + 12 : end + 16])[0]
        if (
            tail[max(0, end - 20) : end].startswith(b"PK\6\7")
            or length > self._limits.max_zip_entries * _DIRECTORY_ENTRY
        ):
            raise self._refusal(f"more than {self._limits.max_zip_entries} files")

    def _checked(self) -> dict[str, zipfile.ZipInfo]:
        """The entries of all files by their checked names. One bad entry refuses the whole archive."""
        limits = self._limits
        infos = self._zip.infolist()
        if len(infos) > limits.max_zip_entries:
            raise self._refusal(f"more than {limits.max_zip_entries} files")
        entries: dict[str, zipfile.ZipInfo] = {}
        total = 0
        for info in infos:
            # Check the original name: zipfile cuts `filename` at a NUL.
            name = relative_name(info.orig_filename, f"{shown(self._where)} is refused")
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise self._refusal(f"{shown(name)} is a link or a device")
            if info.flag_bits & _ENCRYPTED:
                raise self._refusal(f"{shown(name)} is encrypted")
            if info.is_dir() or kind == stat.S_IFDIR:
                continue
            if name.lower().endswith(_ARCHIVES):
                raise self._refusal(f"{shown(name)} is an archive inside the archive")
            if info.compress_type not in _METHODS:
                raise self._refusal(f"{shown(name)} is packed in an unusual way; use plain ZIP (deflate)")
            if info.file_size > limits.max_zip_ratio * max(info.compress_size, 1):
                raise self._refusal(f"{shown(name)} unpacks to more than {limits.max_zip_ratio:g} times its size")
            total += info.file_size
            if total > limits.max_zip_bytes:
                raise self._refusal(f"over {limits.max_zip_bytes / 2**20:g} MB when unpacked")
            if name in entries:
                raise self._refusal(f"{shown(name)} is there twice")
            entries[name] = info
        return {n: i for n, i in entries.items() if not any(p.startswith((".", "__MACOSX")) for p in n.split("/"))}

    @staticmethod
    def _without_top(entries: dict[str, zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
        tops = {name.partition("/")[0] for name in entries}
        if len(tops) == 1 and all("/" in name for name in entries):
            return {name.partition("/")[2]: info for name, info in entries.items()}
        return entries
