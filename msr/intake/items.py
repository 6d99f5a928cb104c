"""Read items from a folder, a ZIP, a table, uploaded pictures or a saved history."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Collection, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from msr.config import LIMITS, Limits
from msr.intake.files import Archive, Folder, read_file
from msr.intake.images import SUFFIXES, Budget, Spent, picture
from msr.intake.tables import MAX_ID, Row, read_table
from msr.intake.text import IntakeError, guess_title, plain, shown, title
from msr.schema import Item, Picture

TABLE = "items.csv"


class _Source(Protocol):
    def names(self) -> list[str]: ...

    def read(self, name: str, cap: int, where: str) -> bytes: ...


def load_items(
    path: Path | str, limits: Limits = LIMITS, most: int | None = None, budget: Budget | None = None
) -> tuple[Item, ...]:
    """The items of a folder or ZIP (its `items.csv`, or its pictures if it has none), or of a CSV of titles.

    Ordered by timestamp where the table has one, else as in the table, else by file name. More than `most`
    (default: `limits.max_catalogue`) are refused. Raises IntakeError, also when `budget` is spent.
    """
    path, budget = Path(path), budget or Budget()
    name = plain(path.name or str(path))
    most = limits.max_catalogue if most is None else most
    try:
        if path.is_dir():
            return _from_source(Folder(path), name, most, limits, budget)
        if not path.is_file():
            raise IntakeError(f"{shown(str(path))} does not exist, or is neither a folder nor a file.")
        with path.open("rb") as file:
            is_zip = file.read(4) in (b"PK\3\4", b"PK\5\6")
    except OSError as error:
        raise IntakeError(f"{shown(str(path))} cannot be read ({error.strerror}).") from None
    if is_zip:
        with Archive(path, limits) as archive:
            return _from_source(archive, name, most, limits, budget)
    if path.suffix.lower() == ".csv":
        return _titles_alone(read_table(read_file(path, limits.max_csv_bytes, name), name, most, limits))
    raise IntakeError(f"{name} is neither a folder, a ZIP nor a CSV table.")


def uploads(
    files: Sequence[tuple[Path | str, str]],
    limits: Limits = LIMITS,
    taken: Collection[str] = (),
    budget: Budget | None = None,
) -> tuple[tuple[Item, ...], tuple[str, ...]]:
    """Items of uploaded files, given as (path, original name), and one sentence for each file that was refused.

    A file is a picture (its title guessed from the name), a ZIP or CSV as `load_items` reads it, or a saved session.
    `taken` are the ids of the history so far, which count towards `max_history`. If `budget` is spent,
    nothing is returned, not even what was read before.
    """
    budget = budget or Budget()
    items: list[Item] = []
    problems: list[str] = []
    ids = set(taken)
    for path, original in files:
        name = plain(original)
        if len(taken) + len(items) >= limits.max_history:
            problems.append(f"{name}: a history has at most {limits.max_history} items; this one was left out.")
            continue
        try:
            new = _many(Path(path), original, limits, budget)
            if new is None:
                data = read_file(Path(path), limits.max_image_bytes, name)
                items.append(_from_picture(data, original, ids, limits, budget))
            else:
                items.extend(new)
                ids.update(item.id for item in new)
        except Spent as error:
            return (), (str(error),)
        except IntakeError as error:
            problems.append(str(error))
    return tuple(items), tuple(problems)


def _many(path: Path, original: str, limits: Limits, budget: Budget) -> tuple[Item, ...] | None:
    """The items of a ZIP, a table or a saved history; None for any other file."""
    match PurePosixPath(original.lower()).suffix:
        case ".zip" | ".csv":
            return load_items(path, limits, limits.max_history, budget)
        case ".json":
            return from_session(read_file(path, limits.max_session_bytes, plain(original)), limits, budget)
    return None


def _from_source(source: _Source, name: str, most: int, limits: Limits, budget: Budget) -> tuple[Item, ...]:
    names = source.names()
    if TABLE in names:
        where = f"{name}/{TABLE}"
        rows = read_table(source.read(TABLE, limits.max_csv_bytes, name), where, most, limits)
        shots: dict[str, Picture] = {}  # by file name, since several rows may name one picture
        return _in_order([_from_row(row, source, limits, budget, shots) for row in rows])
    pictures = sorted((n for n in names if n.lower().endswith(SUFFIXES)), key=_natural)
    if not pictures:
        raise IntakeError(f"{name}: neither {TABLE} nor a JPEG, PNG or WebP picture is at its top.")
    if len(pictures) > most:
        raise IntakeError(f"{name}: {len(pictures)} pictures; at most {most} are read.")
    ids: set[str] = set()
    return tuple(_from_picture(source.read(n, limits.max_image_bytes, name), n, ids, limits, budget) for n in pictures)


def _from_row(row: Row, source: _Source, limits: Limits, budget: Budget, shots: dict[str, Picture]) -> Item:
    budget.spend(row.where)
    if not row.image:
        return Item(row.id, row.title, None, row.timestamp)
    if row.image not in shots:
        data = source.read(row.image, limits.max_image_bytes, row.where)
        shots[row.image] = picture(data, f"{row.where} ({plain(row.image)})", limits, budget)
    return Item(row.id, row.title, shots[row.image], row.timestamp)


def _from_picture(data: bytes, name: str, ids: set[str], limits: Limits, budget: Budget) -> Item:
    """The item of a picture without a table. Its id is made from the file name and added to `ids`."""
    shot = picture(data, plain(name), limits, budget)
    base = title(PurePosixPath(name.replace("\\", "/")).stem)[:MAX_ID].rstrip() or "picture"
    unique, n = base, 1
    while unique in ids:
        n += 1
        unique = f"{base}-{n}"
    ids.add(unique)
    return Item(unique, guess_title(name, limits), shot)


def _titles_alone(rows: list[Row]) -> tuple[Item, ...]:
    for row in rows:
        if row.image:
            raise IntakeError(
                f"{row.where}: names the picture {shown(row.image)}, but a table alone brings no pictures. "
                f"Give the folder or a ZIP with {TABLE} and the pictures."
            )
    return _in_order([Item(row.id, row.title, None, row.timestamp) for row in rows])


def _in_order(items: list[Item]) -> tuple[Item, ...]:
    """Sort by timestamp, if there are any; equal ones keep their order."""
    return tuple(sorted(items, key=lambda item: item.timestamp or 0.0))


def _natural(name: str) -> list[tuple[int, int, str]]:
    """A sort key that puts "shot 2" before "shot 10"."""
    parts = re.findall(r"(\d+)|(\D+)", name.lower())
    return [(0, int(digits), "") if digits else (1, 0, text) for digits, text in parts]


KIND = "msr-studio-history"
VERSION = 1
_LATEST = 1e18  # seconds; also refuses NaN and infinity


def to_session(items: Sequence[Item]) -> bytes:
    """Save items with their pictures as UTF-8 JSON; `from_session` reads the same items back."""
    records = [
        {
            "id": item.id,
            "title": item.title,
            "timestamp": item.timestamp,
            "picture": base64.b64encode(item.picture.data).decode("ascii") if item.picture else None,
        }
        for item in items
    ]
    return json.dumps({"kind": KIND, "version": VERSION, "items": records}, ensure_ascii=False, indent=1).encode()


def from_session(data: bytes, limits: Limits = LIMITS, budget: Budget | None = None) -> tuple[Item, ...]:
    """The items of a saved history, checked like any upload. Raises IntakeError."""
    budget = budget or Budget()
    where = "The session file"
    if len(data) > limits.max_session_bytes:
        raise IntakeError(f"{where} is larger than {limits.max_session_bytes / 2**20:g} MB.")
    try:
        session = json.loads(data)
    except (ValueError, RecursionError):
        raise IntakeError(f"{where} is not JSON text. Choose a file that was saved here.") from None
    if not isinstance(session, dict) or session.get("kind") != KIND or session.get("version") != VERSION:
        raise IntakeError(f"{where} was not saved by this version of the program.")
    records = session.get("items")
    if not isinstance(records, list) or len(records) > limits.max_history:
        raise IntakeError(f"{where} must list at most {limits.max_history} items.")
    items = tuple(_item(record, f"{where}, item {n}", limits, budget) for n, record in enumerate(records, 1))
    if len({item.id for item in items}) < len(items):
        raise IntakeError(f"{where} names an id twice.")
    return items


def _item(record: Any, where: str, limits: Limits, budget: Budget) -> Item:
    fields = record if isinstance(record, dict) else {}
    name, text, encoded, moment = (fields.get(key) for key in ("id", "title", "picture", "timestamp"))
    if not isinstance(name, str) or not isinstance(text, str) or not isinstance(encoded, str | None):
        raise IntakeError(f"{where} needs an id and a title, both text; its picture must be text or null.")
    if moment is not None and not (isinstance(moment, float | int) and abs(moment) <= _LATEST):
        raise IntakeError(f"{where}: the timestamp is no number of seconds.")
    identifier, caption = title(name)[:MAX_ID].rstrip(), title(text, limits)
    shot = picture(_decoded(encoded, where), where, limits, budget) if encoded else None
    if not identifier or (not caption and shot is None):
        raise IntakeError(f"{where} has no id, or neither a title nor a picture.")
    return Item(identifier, caption, shot, None if moment is None else float(moment))


def _decoded(encoded: str, where: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise IntakeError(f"{where}: the picture is not base64 text.") from None
