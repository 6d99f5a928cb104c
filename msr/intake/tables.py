"""Read `items.csv` into checked rows, and write cells that no spreadsheet runs as formulas."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from msr.config import Limits
from msr.intake.files import relative_name
from msr.intake.text import IntakeError, shown, title
from msr.untrusted import MAX_ID

REQUIRED = ("id", "title", "image")
OPTIONAL = ("timestamp",)


@dataclass(frozen=True)
class Row:
    """One item's checked cells: `image` is a relative file name or empty, `timestamp` is in seconds or None."""

    where: str
    id: str
    title: str
    image: str
    timestamp: float | None


def read_table(data: bytes, where: str, most: int, limits: Limits) -> list[Row]:
    """The rows of a CSV with the columns id, title, image and, if wanted, timestamp; other columns are ignored.

    `where` names the file in an IntakeError; more than `most` rows are refused. Rows keep the file's order.
    """
    if len(data) > limits.max_csv_bytes:
        raise IntakeError(f"{where}: the table is larger than {limits.max_csv_bytes / 2**20:g} MB. Split it.")
    records = _records(_decoded(data, where), where)
    columns = _columns(next(records, (0, []))[1], where)
    rows: list[Row] = []
    first: dict[str, str] = {}
    for number, cells in records:
        if len(rows) == most:
            raise IntakeError(f"{where}: more than {most} items; shorten the table.")
        row = _row(cells, columns, f"{where}, row {number}", limits)
        if row.id in first:
            raise IntakeError(f"{row.where}: id {shown(row.id)} is taken by {first[row.id]}. Give each row its own id.")
        first[row.id] = f"row {number}"
        rows.append(row)
    if not rows:
        raise IntakeError(f"{where}: no items under the header.")
    if len({row.timestamp is None for row in rows}) == 2:
        bare = next(row for row in rows if row.timestamp is None)
        raise IntakeError(f"{bare.where}: no timestamp, but other rows have one. Fill all of them or none.")
    return rows


def csv_cell(text: str) -> str:
    """A cell for export; an apostrophe is put before what a spreadsheet would run as a formula."""
    return "'" + text if text.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")) else text


def _decoded(data: bytes, where: str) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise IntakeError(f"{where}: this is UTF-16 text. Save it as UTF-8 CSV.")
    if b"\0" in data:
        raise IntakeError(f"{where}: the table holds NUL bytes; it is not a CSV text.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise IntakeError(f"{where}: line {line} is not UTF-8 text. Save it as 'CSV UTF-8'.") from None


def _records(text: str, where: str) -> Iterator[tuple[int, list[str]]]:
    """The rows with their numbers in a spreadsheet, where the header is row 1; empty rows are skipped."""
    number = 0
    try:
        for number, cells in enumerate(csv.reader(io.StringIO(text, newline=""), strict=True), 1):
            if any(cell.strip() for cell in cells):
                yield number, cells
    except csv.Error as error:
        raise IntakeError(f"{where}, row {number + 1}: not a readable CSV row ({error}). Check its quotes.") from None


def _columns(header: list[str], where: str) -> list[str]:
    """The names of all columns. Raises IntakeError for missing and repeated ones."""
    names = [cell.strip().casefold() for cell in header]
    if len(names) == 1 and (";" in names[0] or "\t" in names[0]):
        raise IntakeError(f"{where}: cells are separated by ';' or tabs. Save it with commas.")
    if missing := [name for name in REQUIRED if name not in names]:
        raise IntakeError(
            f"{where}: no column {', '.join(missing)}. The first line must name {', '.join(REQUIRED)} "
            f"and may name {', '.join(OPTIONAL)}."
        )
    if repeated := [name for name in REQUIRED + OPTIONAL if names.count(name) > 1]:
        raise IntakeError(f"{where}: column {repeated[0]} is there twice. Keep one.")
    return names


def _row(cells: list[str], columns: list[str], where: str, limits: Limits) -> Row:
    if len(cells) != len(columns):
        raise IntakeError(
            f"{where}: {len(cells)} cells under {len(columns)} columns. Put double quotes around text with commas."
        )
    cell = {name: text.strip() for name, text in zip(columns, cells, strict=True) if name in REQUIRED + OPTIONAL}
    row = Row(
        where=where,
        id=title(cell["id"])[:MAX_ID].rstrip(),
        title=title(cell["title"], limits),
        image=relative_name(cell["image"], where) if cell["image"] else "",
        timestamp=_timestamp(cell.get("timestamp", ""), where),
    )
    if not row.id:
        raise IntakeError(f"{where}: the id is empty.")
    if not row.title and not row.image:
        raise IntakeError(f"{where}: neither a title nor an image. Fill one of them or delete the row.")
    return row


def _timestamp(text: str, where: str) -> float | None:
    """Seconds since 1970, from a number or an ISO 8601 date (UTC if it has no time zone)."""
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
            seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            seconds = math.nan
    if not math.isfinite(seconds):
        raise IntakeError(f"{where}: timestamp {shown(text)} is neither seconds nor a date like 2024-05-31T18:00.")
    return seconds
