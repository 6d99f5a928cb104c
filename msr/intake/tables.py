"""Read tables of items into rows, and write cells that no spreadsheet runs as formulas."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from msr.config import Limits
from msr.intake import columns, encodings
from msr.intake.text import IntakeError, listed, shown, title, unmarked
from msr.untrusted import MAX_ID

_MOST_TOLD = 20  # rows of one table that are named
_UNITS = (1, 10**3, 10**6, 10**9)  # of a second: what logs count in
_SECONDS = 10**11  # no time in seconds is larger (it is in the year 5138), and hardly one in a smaller unit is smaller


@dataclass(frozen=True)
class Row:
    """One item's cells; `timestamp` is in seconds or None.

    `image` is the name of a file as the table spells it, not checked, or a web address, or empty.
    """

    where: str
    id: str
    title: str
    image: str
    timestamp: float | None


def read_table(data: bytes, where: str, most: int, limits: Limits) -> tuple[list[Row], list[str]]:
    """The rows of a CSV or TSV in the order of the file, and a sentence for everything that is not used.

    The table may be an export of a shop or of a list (`msr.intake.columns`); it needs a column of titles or of
    pictures. Rows without an id get their title as id. A row that cannot be used is left out. `where` names the file
    in sentences. Raises IntakeError for more than `most` rows, and if more rows are left out than are read.
    """
    if len(data) > limits.max_csv_bytes:
        raise IntakeError(f"{where}: the table is larger than {limits.max_csv_bytes / 2**20:g} MB. Split it.")
    text, told = _decoded(data, where)
    text, separator = _separated(text)
    records = _records(text, separator, where)
    header = next(records, (0, []))[1]
    cells = list(records)
    places = _places(header, separator, where, [row for _, row in cells])
    rows = _Rows(where, places, len(header), limits)
    for number, row in cells:
        if len(rows.good) == most:
            raise IntakeError(f"{where}: more than {most} items; shorten the table.")
        rows.take(number, row)
    if unused := [name for n, name in enumerate(header) if name.strip() and n not in places.values()]:
        told.append(f"{where}: columns that are not used: {listed(unused)}.")
    return rows.checked(), told + rows.told()


class _Rows:
    """The rows of one table while they are read."""

    def __init__(self, where: str, places: dict[str, int], width: int, limits: Limits) -> None:
        self.good: list[Row] = []
        self._where, self._places, self._width, self._limits = where, places, width, limits
        self._bad: list[str] = []
        self._further = 0  # rows that belong to the product of an earlier row
        self._first: dict[str, str] = {}  # the row of each id

    def take(self, number: int, cells: Sequence[str]) -> None:
        """Read one row."""
        where = f"{self._where}, row {number}"
        try:
            if len(cells) != self._width:
                raise IntakeError(
                    f"{where}: {len(cells)} cells under {self._width} columns. Put double quotes around text with "
                    "commas, or whatever stands between the cells."
                )
            row = self._row(where, {kind: cells[place].strip() for kind, place in self._places.items()})
        except IntakeError as error:
            self._bad.append(str(error))
        else:
            if row is None:
                self._further += 1
            else:
                self._first[row.id] = f"row {number}"
                self.good.append(row)

    def checked(self) -> list[Row]:
        """The rows that were read. Raises IntakeError if this cannot be the table that was meant."""
        if len(self._bad) > len(self.good):
            count = f" {len(self._bad)} of {len(self._bad) + len(self.good)} rows cannot be used."
            raise IntakeError(self._bad[0] + (count if len(self._bad) > 1 else ""))
        if not self.good:
            raise IntakeError(f"{self._where}: no items under the header.")
        if len({row.timestamp is None for row in self.good}) == 2:
            bare = next(row for row in self.good if row.timestamp is None)
            raise IntakeError(f"{bare.where}: no timestamp, but other rows have one. Fill all of them or none.")
        return self.good

    def told(self) -> list[str]:
        """A sentence for each row that is left out."""
        sentences = [f"{sentence} The row is left out." for sentence in self._bad[:_MOST_TOLD]]
        if (more := len(self._bad) - _MOST_TOLD) > 0:
            sentences.append(f"{self._where}: {more} more rows are left out.")
        if self._further:
            rows = "1 row is" if self._further == 1 else f"{self._further} rows are"
            sentences.append(f"{self._where}: {rows} not used: variants or further pictures of products above.")
        return sentences

    def _row(self, where: str, cell: dict[str, str]) -> Row | None:
        """The row, or None for one that only says more about an earlier product."""
        name = title(unmarked(cell.get("title", "")), self._limits)
        given, image = title(cell.get("id", ""))[:MAX_ID].rstrip(), cell.get("image", "")
        if cell.get("type", "").casefold() == "variation" or (given in self._first and not name):
            return None
        if not name and not image:
            raise IntakeError(f"{where}: neither a title nor an image. Fill one of them or delete the row.")
        if given in self._first:
            raise IntakeError(f"{where}: id {shown(given)} is taken by {self._first[given]}. Give each row its own id.")
        item_id = given or unused_id(name or title(image), self._first)
        return Row(where, item_id, name, image, _timestamp(cell.get("timestamp", ""), where))


def unused_id(text: str, taken: Collection[str]) -> str:
    """An id made of a title or of the name of a file, with a number behind it if the plain one is taken."""
    base = text[:MAX_ID].rstrip() or "picture"
    made, n = base, 1
    while made in taken:
        n += 1
        made = f"{base}-{n}"
    return made


def csv_cell(text: str) -> str:
    """A cell for export; an apostrophe is put before what a spreadsheet would run as a formula."""
    return "'" + text if text.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")) else text


def _decoded(data: bytes, where: str) -> tuple[str, list[str]]:
    """The text of a table, and what was assumed about it."""
    try:
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            return data.decode("utf-16"), []
        even, odd = data[::2].count(0), data[1::2].count(0)
        if max(even, odd) > len(data) // 20 and min(even, odd) * 10 < max(even, odd):  # UTF-16 without a mark
            return data.decode("utf-16-le" if odd > even else "utf-16-be"), []
        if b"\0" in data:
            raise IntakeError(f"{where}: the table holds NUL bytes; it is not a CSV text.")
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        old = None if error.encoding.startswith("utf-16") else encodings.guess(data, encodings.IN_TABLES)
        if old is None:
            line = data.count(b"\n", 0, error.start) + 1
            raise IntakeError(
                f"{where}: line {line} is not {error.encoding.upper()} text, and its encoding cannot be told. "
                "Save it as 'CSV UTF-8'."
            ) from None
        said = f"{where}: not UTF-8 text, so it was read as {old}. If letters are wrong, save it as 'CSV UTF-8'."
        return data.decode(old), [said]


def _separated(text: str) -> tuple[str, str]:
    """The text without byte order marks and a line such as "sep=;", and what stands between its cells.

    Without such a line, it is what gives the header the most known columns, and of several the most cells.
    """
    text = text.lstrip("\ufeff")
    if said := re.match(r'"?sep=(.)"?[ \t]*(?:\r\n|\r|\n)', text, re.IGNORECASE):
        return text[said.end() :], said[1]

    def fit(separator: str) -> tuple[int, int]:
        try:
            header = next((row for _, row in _records(text, separator, "")), [])
        except IntakeError:
            return 0, 0
        return len(columns.places(header)), len(header)

    return text, max(columns.SEPARATORS, key=fit)


def _records(text: str, separator: str, where: str) -> Iterator[tuple[int, list[str]]]:
    """The rows with their numbers in a spreadsheet, where the header is row 1; empty rows are skipped."""
    number = 0
    try:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        for number, cells in enumerate(lines, 1):
            if any(cell.strip() for cell in cells):
                yield number, cells
    except csv.Error as error:
        raise IntakeError(f"{where}, row {number + 1}: not a readable CSV row ({error}). Check its quotes.") from None


def _places(header: list[str], separator: str, where: str, rows: Sequence[Sequence[str]]) -> dict[str, int]:
    """The place of the column for each part of an item. Raises IntakeError for missing and repeated ones."""
    found = columns.places(header)
    if not {"title", "image"} & set(found):
        named = listed([name for name in header if name.strip()])
        between = {"\t": "a tab"}.get(separator, f"'{separator}'")
        raise IntakeError(
            f"{where}: no column with titles or pictures; there are {named or 'no columns'}, if {between} "
            f"stands between the cells. The first line must name the columns, such as {', '.join(columns.OWN[:3])}, "
            "separated by commas."
        )
    names = [columns.spelled(name) for name in header]
    if repeated := [name for name in columns.OWN if names.count(name) > 1]:
        raise IntakeError(f"{where}: column {repeated[0]} is there twice. Keep one.")
    if "timestamp" in found and "timestamp" not in names:  # a date of an export orders the items if it is in every row
        full = [n for n in found["timestamp"] if all(len(row) > n and _is_time(row[n].strip()) for row in rows)]
        found["timestamp"] = full
    return {kind: places[0] for kind, places in found.items() if places}


def _is_time(text: str) -> bool:
    try:
        seconds(text)
    except ValueError:
        return False
    return True


def _timestamp(text: str, where: str) -> float | None:
    if not text:
        return None
    try:
        return seconds(text)
    except ValueError:
        raise IntakeError(
            f"{where}: timestamp {shown(text)} is neither a number of seconds nor a date like 2024-05-31T18:00."
        ) from None


def seconds(text: str) -> float:
    """Seconds since 1970, from a number or a date with the year first (UTC if it has no time zone).

    A number over 10^11 is in milliseconds, one over 10^14 in microseconds, one over 10^17 in nanoseconds. Raises
    ValueError.
    """
    try:
        number = float(text)
    except ValueError:
        moment = datetime.fromisoformat(re.sub(r"^(\d{4})/(\d\d?)/(\d\d?)", _dashes, text.removesuffix(" UTC")))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    unit = next((unit for unit in _UNITS if abs(number) < _SECONDS * unit), None)
    if unit is None:
        raise ValueError(f"{text} is no time")  # also NaN and infinity
    return number / unit


def _dashes(date: re.Match[str]) -> str:
    return "{}-{:0>2}-{:0>2}".format(*date.groups())
