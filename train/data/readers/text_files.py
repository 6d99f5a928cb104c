"""A big text file line by line: plain or gzip, in bounded memory, with a bar; and what counts as malformed.

A line that cannot be used is counted and skipped. A file of which half is like that is not of the format, and is
refused with its first bad line.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import hashlib
import re
import zlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from msr.intake import IntakeError
from msr.intake.columns import SEPARATORS, spelled
from msr.intake.tables import MAX_ID, seconds
from msr.intake.text import plain, shown

Row = TypeVar("Row")

MAX_LINE = 4 * 2**20  # bytes
_BAR_STEP = 2**20  # bytes between two looks at the bar
_BOM = b"\xef\xbb\xbf"
_SEP = re.compile(rb'"?sep=."?\s*$', re.IGNORECASE)


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


# ---- Tables of any size as the official files are written: a header, quotes only where needed.


MAX_SPAN = 20  # lines of one record; a quote that is never closed costs one line and not the rest of the file
MAX_SECONDS = 10**11  # a larger number is not in seconds

Column = str | tuple[str, ...]  # the name of a column, or the names that it may have, of which the first is ours


def read_table(
    path: Path,
    columns: Sequence[Column],
    parse: Callable[[list[str]], Row],
    dropped: Counter[str],
    optional: Sequence[Column] = (),
    may_lack_header: bool = False,
) -> Iterator[Row]:
    """What `parse` makes of each row: it gets the stripped cells of `columns`, then of `optional` ("" where absent).

    Between the cells stand commas, or what gives the header more of the columns: semicolons, tabs or bars. Other
    columns are passed over. Rows for which `parse` raises ValueError are counted in `dropped` and skipped. With
    `may_lack_header`, a first line that names no column is the first row of a table of `columns` alone.

    Raises:
        IntakeError: a column is missing or is there twice, or `sift` refuses the file.
    """
    records = _records(read_lines(path))
    first = next(records, (1, b""))
    if _SEP.match(first[1].removeprefix(_BOM)):  # what Excel is told in its own files
        first = next(records, (2, b""))
    separator, names = header(path, first[1], (*columns, *optional))
    places = [_place(column, names) for column in (*columns, *optional)]
    if may_lack_header and len(names) == len(columns) and not any(places):
        places = [[n] if n < len(columns) else [] for n in range(len(places))]
        records = chain([first], records)
    if missing := [_own(column) for column, place in zip(columns, places, strict=False) if not place]:
        expected = ",".join(map(_own, columns))
        raise IntakeError(f"{path.name}, line 1: no column {', '.join(missing)}; expected {expected}.")
    if twice := [column for column, place in zip((*columns, *optional), places, strict=True) if len(place) > 1]:
        raise IntakeError(f"{path.name}, line 1: column {_own(twice[0])} is there twice.")

    at = [place[0] if place else None for place in places]

    def row(record: bytes) -> Row:
        cells = split(decode(record.removeprefix(_BOM)), separator)
        if len(cells) != len(names):
            raise ValueError(f"{len(cells)} cells under {len(names)} columns")
        return parse(["" if place is None else cells[place].strip() for place in at])

    yield from sift(path, records, row, dropped)


def header(path: Path, line: bytes, columns: Sequence[Column]) -> tuple[str, list[str]]:
    """What stands between the cells of a table, and the names on its first line, without a byte order mark."""
    try:
        text = decode(line.removeprefix(_BOM))
        found: dict[str, list[str]] = {}
        for separator in SEPARATORS:
            with contextlib.suppress(ValueError):
                found[separator] = [name.strip() for name in split(text, separator)]
        fit = {separator: sum(bool(_place(one, names)) for one in columns) for separator, names in found.items()}
        best = max(fit, key=lambda separator: (fit[separator], separator == ","), default=",")
        if not fit.get(best):
            best, found[","] = ",", [name.strip() for name in split(text)]
        return best, found[best]
    except ValueError as error:
        raise IntakeError(f"{path.name}, line 1: {error}; save the table as UTF-8 CSV.") from None


def has_column(path: Path, column: Column, others: Sequence[Column]) -> bool:
    """Whether a table has a column; `others` are further ones, by which its separator is known."""
    lines = (line for _, line in read_lines(path))
    first = next(lines, b"")
    if _SEP.match(first.removeprefix(_BOM)):
        first = next(lines, b"")
    return bool(_place(column, header(path, first, (column, *others))[1]))


def _place(column: Column, names: Sequence[str]) -> list[int]:
    """The places of a column: those of the first of its names that is there, in any case and spelling."""
    known = [spelled(name) for name in names]
    for name in (column,) if isinstance(column, str) else column:
        if found := [place for place, other in enumerate(known) if other == spelled(name)]:
            return found
    return []


def _own(column: Column) -> str:
    return column if isinstance(column, str) else column[0]


def split(text: str, separator: str = ",") -> list[str]:
    """The cells of one record.

    Raises:
        ValueError: its quotes are wrong.
    """
    if '"' not in text:
        return text.split(separator)
    try:
        return next(csv.reader([text], delimiter=separator, strict=True))
    except csv.Error as error:
        raise ValueError(str(error)) from None


def moment(text: str) -> int:
    """A time since 1970 in milliseconds, from a number or a date as `msr.intake` reads them in tables.

    Seconds, milliseconds, microseconds and nanoseconds are told apart by their size.

    Raises:
        ValueError: neither a number nor a date, before 1970, or too large.
    """
    if text.isascii() and text.isdigit() and len(text) < 15:  # nearly all, and exact
        return int(text) * 1000 if int(text) < MAX_SECONDS else int(text)
    with contextlib.suppress(ValueError):
        if text.isascii() and "_" not in text and (found := seconds(text)) >= 0:
            return int(found * 1000)
    raise ValueError(f"{shown(text)} is not a time since 1970: neither a number nor a date such as 2024-05-31T18:00")


def _records(lines: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """The lines, those joined whose quotes span a line break.

    Where joining up to MAX_SPAN lines gives no readable record, the first stands alone and reading goes on behind it.
    """
    lines = iter(lines)
    waiting: deque[tuple[int, bytes]] = deque()
    while (first := waiting.popleft() if waiting else next(lines, None)) is not None:
        number, record = first
        joined: list[tuple[int, bytes]] = []
        while record.count(b'"') % 2 and len(joined) < MAX_SPAN - 1:
            following = waiting.popleft() if waiting else next(lines, None)
            if following is None:
                break
            joined.append(following)
            record += following[1]
        if joined and not _readable(record):
            waiting.extendleft(reversed(joined))
            record = first[1]
        yield number, record


def _readable(record: bytes) -> bool:
    try:
        split(decode(record))
    except ValueError:
        return False
    return True
