"""Builders of the files, honest and hostile, that the tests of `msr.intake` feed it."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

HEADER = "id,title,image\n"
TWO = HEADER + "a,Red mug,a.png\nb,Blue mug,\n"


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png(colour: str = "red", size: tuple[int, int] = (8, 8)) -> bytes:
    return encoded(Image.new("RGB", size, colour))


def png_claiming(width: int, height: int) -> bytes:
    """A PNG of a few dozen bytes whose header claims any size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")
    )


def write_zip(path: Path, files: Mapping[str, bytes | str] | Sequence[tuple[Any, bytes | str]]) -> Path:
    """A deflated ZIP; names may be ZipInfo."""
    entries = files.items() if isinstance(files, Mapping) else files
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return path


def patched(path: Path, old: bytes, new: bytes) -> Path:
    """The file with bytes replaced by as many others; fails if there is nothing to replace."""
    data = path.read_bytes()
    assert old in data and len(old) == len(new)
    path.write_bytes(data.replace(old, new))
    return path


def write_folder(path: Path, files: Mapping[str, bytes | str]) -> Path:
    for name, data in files.items():
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def jpeg_of_scans(scans: int, size: tuple[int, int]) -> bytes:
    """A grey progressive JPEG whose last scan, which refines nothing, comes again and again."""
    data = encoded(Image.new("L", size, 128), "JPEG", progressive=True)
    last, end = data.rindex(b"\xff\xda"), data.rindex(b"\xff\xd9")
    return data[:last] + data[last:end] * (scans - data.count(b"\xff\xda") + 1) + data[end:]
