"""Folders of the program's own files, and a cache of small JSON values on disk, so that no text is computed twice.

An entry of the cache is one file, `<folder>/<2 hex>/<62 hex>`, with the SHA-256 of its value and the value. Files
appear by an atomic rename, so threads and processes may share a folder. A failure of the disk is a miss, not an error.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cachetools import LRUCache

log = logging.getLogger(__name__)

_FILE_BLOCK = 4096  # bytes on disk of the smallest file
_KEEP = 0.8  # share of the quota that is left after a sweep
_MEMORY_ENTRIES = 4096  # kept in memory where the disk cannot be used


def cache_home() -> Path:
    """The folder of what the program can make again (the model, texts): MSR_CACHE, or one in the platform's caches.

    It is not created here.
    """
    return _home("MSR_CACHE", "Library/Caches", "LOCALAPPDATA", "AppData/Local", "XDG_CACHE_HOME", ".cache")


def data_home() -> Path:
    """The folder of what people made here: MSR_DATA, or one in the platform's data folder. It is not created here."""
    return _home(
        "MSR_DATA", "Library/Application Support", "APPDATA", "AppData/Roaming", "XDG_DATA_HOME", ".local/share"
    )


def _home(own: str, mac: str, windows: str, windows_default: str, xdg: str, default: str) -> Path:
    """The folder that the environment variable `own` names, or else the platform's."""
    if chosen := os.environ.get(own):
        return Path(chosen).expanduser()
    if sys.platform == "darwin":
        base = Path.home() / mac
    elif sys.platform == "win32":
        base = Path(os.environ.get(windows) or Path.home() / windows_default)
    else:
        # The XDG specification tells programs to ignore a relative path.
        named = Path(os.environ.get(xdg, ""))
        base = named if named.is_absolute() else Path.home() / default
    return base / "msr-studio"


def content_key(**parts: Any) -> str:
    """SHA-256 (64 hex digits) of the parts as canonical JSON."""
    return _sha256(_canonical(parts))


class TextCache:
    """JSON values under keys of `content_key`, at most about `quota` bytes on disk; the least recently used go first.

    Without a folder, or when the folder cannot be written (logged once), entries are kept in memory only.
    """

    def __init__(self, folder: Path | None = None, quota: int = 256 * 2**20) -> None:
        self._folder = folder
        self._quota = quota
        self._memory: LRUCache[str, Any] = LRUCache(_MEMORY_ENTRIES)
        self._lock = threading.Lock()
        self._used: int | None = None  # bytes on disk, as far as this process knows
        self._warned = False

    def get(self, key: str) -> Any | None:
        """The value, or None. A damaged entry is removed."""
        with self._lock:
            if key in self._memory:
                return self._memory[key]
        if self._folder is None:
            return None
        path = _entry(self._folder, key)
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            text = ""
        except OSError:
            return None
        digest, _, value = text.partition("\n")
        if digest != _sha256(value):
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # the time of last use
        return json.loads(value)

    def put(self, key: str, value: Any) -> None:
        """Stores a JSON value (not None), replacing an older one."""
        if self._folder is not None:
            try:
                self._write(_entry(self._folder, key), _canonical(value))
                return
            except OSError as error:
                self._warn(error)
        with self._lock:
            self._memory[key] = value

    def _write(self, path: Path, value: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        data = f"{_sha256(value)}\n{value}".encode()
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.replace(name, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
        self._count(_on_disk(len(data)))

    def _count(self, added: int) -> None:
        """Add to the bytes known to be used, and sweep once they exceed the quota."""
        with self._lock:
            if self._used is None:
                self._used = sum(size for _, size, _ in self._entries())
            else:
                self._used += added
            if self._used > self._quota:
                self._used = self._sweep()

    def _sweep(self) -> int:
        """Remove the least recently used entries; returns the bytes that are left.

        Temporary files of a process that died count as entries, so they are removed when they are old.
        """
        entries = sorted(self._entries())
        used = sum(size for _, size, _ in entries)
        for _, size, path in entries:
            if used <= _KEEP * self._quota:
                break
            with contextlib.suppress(OSError):
                os.unlink(path)
                used -= size
        return used

    def _entries(self) -> Iterator[tuple[float, int, str]]:
        """(time of last use, bytes, path) of every file."""
        for folder, _, names in os.walk(self._folder or ""):
            for name in names:
                path = os.path.join(folder, name)
                with contextlib.suppress(OSError):  # another process may have removed it
                    state = os.stat(path)
                    yield state.st_mtime, _on_disk(state.st_size), path

    def _warn(self, error: OSError) -> None:
        with self._lock:
            first, self._warned = not self._warned, True
        if first:
            log.warning("The cache folder %s cannot be written (%s); texts are kept in memory.", self._folder, error)


def _entry(folder: Path, key: str) -> Path:
    return folder / key[:2] / key[2:]


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _on_disk(size: int) -> int:
    return -(-size // _FILE_BLOCK) * _FILE_BLOCK


def assets() -> Path:
    """The folder of bundled files: `msr/assets` of an installed package, `assets` of a checkout."""
    package = Path(__file__).parent
    installed = package / "assets"
    return installed if installed.is_dir() else package.parent / "assets"
