"""Folders, ZIP files and uploads as sources of files, with checked names and limited sizes."""

from __future__ import annotations

import os
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO

from msr.config import Limits
from msr.intake import encodings
from msr.intake.text import IntakeError, shown

_MAX_NAME = 400  # characters
_MAX_WALK = 20_000  # files of a folder that are looked at
_SYSTEM = ("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r")  # what operating systems put beside the files


class Names:
    """Names of files, which can be asked for in another case or another form of the same letters."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = set(names)
        self._alike: dict[str, list[str]] = {}
        for name in self._names:
            self._alike.setdefault(_key(name), []).append(name)

    def find(self, name: str) -> str | None:
        """The name itself, or else the only one that is equal to it in NFC and without case."""
        if name in self._names:
            return name
        alike = self._alike.get(_key(name), [])
        return alike[0] if len(alike) == 1 else None


def is_hidden(name: str) -> bool:
    """Whether an operating system made the file for itself; such files are no part of what somebody brings."""
    parts = name.split("/")
    return any(part.startswith((".", "__MACOSX")) for part in parts) or parts[-1].lower() in _SYSTEM


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def relative_name(name: str, where: str) -> str:
    """A checked file name relative to a folder, with "/" between its parts. Raises IntakeError for any other name.

    A backslash is read as "/", as programs on Windows write it.
    """
    bad = f"{where}: the file name {shown(name)}"
    name = name.replace("\\", "/")
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
        self._listed: dict[Path, Names] = {}

    def names(self) -> list[str]:
        """The names of the files in the folder and below, without hidden ones; of very many, the first found."""
        try:
            os.listdir(self._root)
        except OSError as error:
            raise IntakeError(f"{shown(self._root.name)} cannot be read ({error.strerror}).") from None
        found: list[str] = []
        for folder, below, files in os.walk(self._root):
            below[:] = sorted(name for name in below if not is_hidden(name))
            inside = Path(folder).relative_to(self._root)
            found += [(inside / name).as_posix() for name in files if not is_hidden(name)]
            if len(found) > _MAX_WALK:
                break
        return sorted(found)

    def read(self, name: str, cap: int, where: str) -> bytes:
        """The bytes of a file, at most `cap`; `name` was checked by `relative_name`. Raises IntakeError."""
        try:
            path = (self._root / name).resolve()
        except (OSError, RuntimeError):  # links that lead to each other
            raise IntakeError(f"{where}: {shown(name)} cannot be found.") from None
        if not path.is_relative_to(self._root):
            raise IntakeError(f"{where}: {shown(name)} is a link that leads out of the folder.")
        return read_file(path, cap, where)

    def find(self, name: str) -> str | None:
        """The name of the file that `name` means, each part of it spelled as on the disk."""
        if os.path.lexists(self._root / name):
            return name
        spelled: list[str] = []
        for part in name.split("/"):
            folder = self._root.joinpath(*spelled)
            if folder not in self._listed:
                self._listed[folder] = Names(os.listdir(folder) if folder.is_dir() else ())
            if (found := self._listed[folder].find(part)) is None:
                return None
            spelled.append(found)
        return "/".join(spelled)


class Loose:
    """Files that were uploaded one by one, by the names that their sender gave them."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self._paths = paths
        self._names = Names(paths)

    def names(self) -> list[str]:
        return list(self._paths)

    def find(self, name: str) -> str | None:
        """The name of the file that `name` means; folders in it do not count."""
        return self._names.find(name.rpartition("/")[2])

    def read(self, name: str, cap: int, where: str) -> bytes:
        """The bytes of a file, at most `cap`. Raises IntakeError."""
        if name not in self._paths:
            raise IntakeError(
                f"{where}: names the picture {shown(name)}, but it did not come with the table. Give both together, or "
                "a folder or a ZIP with items.csv and the pictures."
            )
        return read_file(self._paths[name], cap, where)


_ENCRYPTED = 0x1 | 0x40 | 0x2000  # flag bits: content, strong, central directory
_UTF8 = 0x800  # flag bit: the name is UTF-8
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst", ".jar")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DIRECTORY_ENTRY = 1024  # largest average size of a directory entry, in bytes
_STEP = 2**16
_BROKEN = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError,
)  # fmt: skip


class Archive:
    """A ZIP as a source of files: checked before anything is unpacked, read in memory, never extracted.

    Names in an unknown encoding hold surrogates in place of what cannot be read. Use as a context manager. Raises
    IntakeError.
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
            self._written: dict[bytes, str] = {}  # names that are not marked as UTF-8, by what is written in the ZIP
            self._entries = self._checked()
            self._names = Names(self._entries)
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
        """The names of all files, without hidden ones."""
        return sorted(self._entries)

    def find(self, name: str) -> str | None:
        """The name of the entry that `name` means. A table knows the true names of entries in an old encoding."""
        if found := self._names.find(name):
            return found
        spelled = {name.encode(encoding, "replace") for encoding in encodings.TRIED}
        alike = {self._written[raw] for raw in spelled if self._written.get(raw) in self._entries}
        return alike.pop() if len(alike) == 1 else None

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
        if tail[max(0, end - 20) : end].startswith(b"PK\6\7"):
            length = self._zip64_length(file, size - len(tail) + end - 20)
        if length > self._limits.max_zip_entries * _DIRECTORY_ENTRY:
            raise self._refusal(f"more than {self._limits.max_zip_entries} files")

    def _zip64_length(self, file: BinaryIO, locator: int) -> int:
        """The length of a zip64 directory, from the record that stands right before its locator and nowhere else."""
        start = locator - 56
        file.seek(max(0, start))
        record = file.read(56 + 16)
        if start < 0 or not record.startswith(b"PK\6\6") or struct.unpack("<Q", record[64:72])[0] != start:
            raise self._refusal("damaged, or no ZIP")
        return struct.unpack("<Q", record[40:48])[0]

    def _checked(self) -> dict[str, zipfile.ZipInfo]:
        """The entries of all files by their checked names. One bad entry refuses the whole archive."""
        limits = self._limits
        infos = self._zip.infolist()
        if len(infos) > limits.max_zip_entries:
            raise self._refusal(f"more than {limits.max_zip_entries} files")
        entries: dict[str, zipfile.ZipInfo] = {}
        total = 0
        unmarked = b"\n".join(_bytes_of(info) for info in infos if not info.flag_bits & _UTF8)
        encoding = encodings.utf8_or_guess(unmarked, encodings.IN_ZIPS)
        for info in infos:
            name = self._name(info, encoding)
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
        return {name: info for name, info in entries.items() if not is_hidden(name)}

    def _name(self, info: zipfile.ZipInfo, encoding: str | None) -> str:
        """The checked name of an entry. `encoding` is that of the names that are not marked as UTF-8."""
        where = f"{shown(self._where)} is refused"
        if info.flag_bits & _UTF8:
            return relative_name(info.orig_filename, where)
        raw = _bytes_of(info)
        if (name := _unicode_path(info.extra, raw)) is None:
            if encoding is None:  # the name is checked as the ZIP standard reads it, and kept as unreadable
                plain = relative_name(info.orig_filename, where)
                name = plain.encode("cp437").decode("ascii", "surrogateescape")
                self._written[raw] = name
                return name
            name = raw.decode(encoding)
        name = self._written[raw] = relative_name(name, where)
        return name


def _bytes_of(info: zipfile.ZipInfo) -> bytes:
    """The name of an entry as it is written; zipfile has read it as cp437, and cuts `filename` at a NUL."""
    return info.orig_filename.encode("cp437", "replace")


def _unicode_path(extra: bytes, raw: bytes) -> str | None:
    """The name in the extra field in which Info-ZIP and WinZip repeat it as UTF-8."""
    while len(extra) >= 4:
        kind, length = struct.unpack("<HH", extra[:4])
        field, extra = extra[4 : 4 + length], extra[4 + length :]
        if kind == 0x7075 and len(field) > 5 and struct.unpack("<I", field[1:5])[0] == zlib.crc32(raw):
            return field[5:].decode("utf-8", "surrogateescape")
    return None
