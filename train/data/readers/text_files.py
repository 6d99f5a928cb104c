"""Read large text files and CSV tables line by line, plain or gzip, in bounded memory and with a progress bar.

Tables are read as the official files are written: a header, and quotes only where needed. A malformed line is counted
and skipped. If half of the lines are malformed, the file is refused, and the message names the first bad line.
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
MAX_SPAN = 20  # lines of one record, so that a quote that is never closed spoils one line and not the rest of the file
MAX_SECONDS = 10**11  # a larger number is not in seconds
_BAR_STEP = 2**20  # bytes between two updates of the bar
_BOM = b"\xef\xbb\xbf"
_SEP = re.compile(rb'"?sep=."?\s*$', re.IGNORECASE)

Column = str | tuple[str, ...]  # the name of a column, or the names that it may have, of which the first is ours


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (number, line) from 1 on, with line ends; a `.gz` file is unpacked.

    Of a line longer than MAX_LINE, only the first MAX_LINE + 1 bytes are kept.

    Raises:
        IntakeError: the file cannot be read, or is cut off or damaged; the message has the line.
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
                while len(line) > MAX_LINE and not line.endswith(b"\n"):  # skip the rest of the long line
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
    """Parse numbered records, and skip blank ones and those for which `parse` raises ValueError.

    The latter are malformed and counted in `dropped`.

    Raises:
        IntakeError: there is no record, or at least half are malformed (known at the end of the file).
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
    """Decode one line, without its line end.

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
    """Check an id and strip the spaces around it.

    Raises:
        ValueError: not a string, empty, longer than MAX_ID, or with invisible characters.
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


def read_table(
    path: Path,
    columns: Sequence[Column],
    parse: Callable[[list[str]], Row],
    dropped: Counter[str],
    optional: Sequence[Column] = (),
    may_lack_header: bool = False,
) -> Iterator[Row]:
    """Parse each row of a table.

    `parse` gets the stripped cells of `columns` and then of `optional` columns ("" if the table lacks one). Rows for
    which it raises ValueError are counted in `dropped` and skipped. Other columns are ignored. Cells are separated by
    commas, or by semicolons, tabs or bars if the header then has more of the columns. With `may_lack_header`, a first
    line that names no column is the first row of a table that has just `columns`.

    Raises:
        IntakeError: a column is missing or occurs twice, or `sift` refuses the file.
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
    """The separator of a table, and the column names in its first line, without a byte order mark."""
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
    """Split one record into cells.

    Raises:
        ValueError: the quotes do not match.
    """
    if '"' not in text:
        return text.split(separator)
    try:
        return next(csv.reader([text], delimiter=separator, strict=True))
    except csv.Error as error:
        raise ValueError(str(error)) from None


def moment(text: str) -> int:
    """Parse a time since 1970 in milliseconds, from a number or a date as `msr.intake` reads them in tables.

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
    """Join lines whose quotes span a line break.

    If joining up to MAX_SPAN lines gives no readable record, the first line stays alone and reading goes on after it.
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
