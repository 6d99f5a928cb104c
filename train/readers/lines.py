"""A big text file line by line: plain or gzip, in bounded memory, with a bar; and what counts as malformed.

A line that cannot be used is counted and skipped. A file of which half is like that is not of the format, and is
refused with its first bad line.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from msr.intake import IntakeError
from msr.intake.errors import plain, shown
from msr.intake.tables import MAX_ID

Row = TypeVar("Row")

MAX_LINE = 4 * 2**20  # bytes
_BAR_STEP = 2**20  # bytes between two looks at the bar


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Numbered lines from 1, with their ends; one longer than MAX_LINE is cut to MAX_LINE + 1 bytes. `.gz` is unpacked.

    Raises:
        IntakeError: the file cannot be read, or is cut off or damaged (with its line).
    """
    number = 0
    try:
        with (
            path.open("rb") as raw,
            tqdm(total=path.stat().st_size, desc=path.name, unit="B", unit_scale=True, delay=1, leave=False) as bar,
        ):
            file = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
            since = 0
            while line := file.readline(MAX_LINE + 1):
                number += 1
                yield number, line
                since += len(line)
                while len(line) > MAX_LINE and not line.endswith(b"\n"):  # the rest of an endless line
                    line = file.readline(MAX_LINE + 1)
                if since >= _BAR_STEP:
                    bar.update(raw.tell() - bar.n)
                    since = 0
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise IntakeError(f"{path.name}, line {number + 1}: the file is cut off or damaged. Fetch it again.") from None
    except OSError as error:
        raise IntakeError(f"{path.name} cannot be read ({error.strerror}).") from None


def sift(
    path: Path,
    records: Iterable[tuple[int, bytes]],
    parse: Callable[[bytes], Row],
    dropped: Counter[str],
) -> Iterator[Row]:
    """What `parse` makes of the numbered records; those for which it raises ValueError are counted in `dropped`.

    Blank ones are passed over.

    Raises:
        IntakeError: half of the records or more are malformed (at the end of the file), or there is none.
    """
    total = bad = 0
    first = ""
    for number, record in records:
        if not record.strip():
            continue
        total += 1
        try:
            row = parse(record)
        except ValueError as error:
            bad += 1
            first = first or f"line {number}: {plain(str(error), 200)}"
        else:
            yield row
    if total == 0:
        raise IntakeError(f"{path.name} holds no data.")
    if 2 * bad >= total:
        raise IntakeError(f"{path.name}, {first}. {bad} of {total} lines are malformed: this is another format.")
    if bad:
        dropped[f"malformed lines in {path.name}"] += bad


def decode(line: bytes) -> str:
    """The text of one line without its end.

    Raises:
        ValueError: it is longer than MAX_LINE, or not UTF-8.
    """
    if len(line) > MAX_LINE:
        raise ValueError(f"longer than {MAX_LINE // 2**20} MB")
    try:
        return line.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError("not UTF-8 text") from None


def checked_id(text: object) -> str:
    """An id without spaces around it.

    Raises:
        ValueError: it is no text, empty, longer than MAX_ID, or holds control or invisible characters.
    """
    if not isinstance(text, str):
        raise ValueError("an id is missing or is not text")
    name = text.strip()
    if not name or len(name) > MAX_ID or not name.isprintable():
        raise ValueError(f"{shown(text)} is not an id of 1 to {MAX_ID} visible characters")
    return name


def digest(path: Path) -> str:
    """The first 16 hex digits of the file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
