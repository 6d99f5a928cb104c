"""Read items from a folder, a ZIP, a table, uploaded pictures or a saved history."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from posixpath import commonpath
from typing import Any, Protocol

from msr.config import LIMITS, Limits
from msr.intake.files import Archive, Folder, Loose, read_file, relative_name
from msr.intake.images import READ, SUFFIXES, Budget, Spent, picture
from msr.intake.tables import MAX_ID, Row, read_table, unused_id
from msr.intake.text import IntakeError, guess_title, listed, plain, shown, title
from msr.schema import Item, Picture

TABLE = "items.csv"
_TABLES = (".csv", ".tsv")
_OUR_TABLE = re.compile(r"items\.(csv|tsv|txt)(\.txt|\.csv)?", re.IGNORECASE)
_MOST_TOLD = 20  # pictures of one source that are named
_WEB = re.compile(r"https?://", re.IGNORECASE)


class _Source(Protocol):
    def names(self) -> list[str]: ...

    def find(self, name: str) -> str | None: ...

    def read(self, name: str, cap: int, where: str) -> bytes: ...


def load_items(
    path: Path | str, limits: Limits = LIMITS, most: int | None = None, budget: Budget | None = None
) -> tuple[Item, ...]:
    """The items that `read_items` finds, without what it says about the rest."""
    return read_items(path, limits, most, budget)[0]


def read_items(
    path: Path | str, limits: Limits = LIMITS, most: int | None = None, budget: Budget | None = None
) -> tuple[tuple[Item, ...], tuple[str, ...]]:
    """The items of a folder or ZIP (of its table, or its pictures if it has none), or of a table of titles.

    Also a sentence for everything that is there and is not used: files, rows, columns, pictures. The items are ordered
    by timestamp where the table has one, else as in the table, else by file name. More than `most` (default:
    `limits.max_catalogue`) are refused. Raises IntakeError, also when `budget` is spent.
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
    if _is_table(path.name):
        found = _from_table(read_file(path, limits.max_csv_bytes, name), name, Loose({}), most, limits, budget)
        return found.items, found.told
    raise IntakeError(f"{name} is neither a folder, a ZIP nor a CSV table.")


def uploads(
    files: Sequence[tuple[Path | str, str]],
    limits: Limits = LIMITS,
    taken: Collection[str] = (),
    budget: Budget | None = None,
) -> tuple[tuple[Item, ...], tuple[str, ...]]:
    """Items of uploaded files, given as (path, original name), and one sentence for everything that is not used.

    A file is a picture (its title guessed from the name), a ZIP or a table as `read_items` reads it, or a saved
    session. A table finds the pictures that it names among the files. `taken` are the ids of the history so far, which
    count towards `max_history`. If `budget` is spent, nothing is returned, not even what was read before.
    """
    budget = budget or Budget()
    found: dict[int, tuple[Item, ...]] = {}
    problems: list[str] = []
    ids = set(taken)
    loose = {original: Path(path) for path, original in reversed(files) if not _is_many(original)}
    joined: set[Path] = set()  # pictures that a table names
    for place, (path, original) in sorted(enumerate(files), key=lambda file: not _is_table(file[1][1])):  # tables first
        name = plain(original)
        if Path(path) in joined:
            continue
        if len(taken) + sum(map(len, found.values())) >= limits.max_history:
            problems.append(f"{name}: a history has at most {limits.max_history} items; this one was left out.")
            continue
        try:
            if _is_table(original):
                data = read_file(Path(path), limits.max_csv_bytes, name)
                table = _from_table(data, name, Loose(loose), limits.max_history, limits, budget)
                joined |= {loose[picture] for picture in table.used if picture in loose}
                new, told = table.items, table.told
            elif original.lower().endswith(".zip"):
                new, told = read_items(path, limits, limits.max_history, budget)
            elif original.lower().endswith(".json"):
                new, told = from_session(read_file(Path(path), limits.max_session_bytes, name), limits, budget), ()
            else:
                data = read_file(Path(path), limits.max_image_bytes, name)
                new, told = (_from_picture(data, original, ids, limits, budget),), ()
        except Spent as error:
            return (), (str(error),)
        except IntakeError as error:
            problems.append(str(error))
        else:
            found[place] = new
            problems.extend(told)
            ids.update(item.id for item in new)
    return tuple(item for place in sorted(found) for item in found[place]), tuple(problems)


def in_natural_order(files: Sequence[tuple[Path | str, str]]) -> list[tuple[Path | str, str]]:
    """Files (path, name) as a person counts them ("shot 2" before "shot 10") if their names came in plain order.

    Plain order is that of a file dialog, which says nothing. Files in any other order were put into it by somebody,
    and stay in it.
    """
    names = [name.lower() for _, name in files]
    return sorted(files, key=lambda file: _natural(file[1])) if names == sorted(names) else list(files)


class _Within:
    """The files of a source that lie in one of its folders, by their names in it."""

    def __init__(self, source: _Source, folder: str) -> None:
        self._source, self.start = source, f"{folder}/" if folder else ""

    def names(self) -> list[str]:
        return [n.removeprefix(self.start) for n in self._source.names() if n.startswith(self.start)]

    def find(self, name: str) -> str | None:
        found = self._source.find(self.start + name)
        return found.removeprefix(self.start) if found else None

    def read(self, name: str, cap: int, where: str) -> bytes:
        return self._source.read(self.start + name, cap, where)


def _from_source(
    source: _Source, name: str, most: int, limits: Limits, budget: Budget
) -> tuple[tuple[Item, ...], tuple[str, ...]]:
    """The items of the folder in a source that holds all of its tables and pictures; a README may lie beside it."""
    names = source.names()
    folder = _Within(source, _common([n for n in names if _is_table(PurePosixPath(n).name) or _is_picture(n)]))
    top = [n for n in folder.names() if "/" not in n]
    pictures = sorted(filter(_is_picture, top), key=_natural)
    table = _table_of(top)
    found: _Found | None = None
    told: tuple[str, ...] = ()
    if table:
        try:
            data = folder.read(table, limits.max_csv_bytes, name)
            found = _from_table(data, f"{name}/{plain(table)}", folder, most, limits, budget)
        except Spent:
            raise
        except IntakeError as error:
            if _OUR_TABLE.fullmatch(table) or not pictures:
                raise
            told = (f"{error} The table is not used.",)
    found = found or _from_pictures(pictures, folder, name, most, limits, budget)
    used = {folder.start + n for n in (*found.used, *filter(None, [table]))}
    if left := sorted((n for n in names if n not in used), key=_natural):
        files = "1 file is" if len(left) == 1 else f"{len(left)} files are"
        told += (f"{name}: {files} not used: {listed(left)}.",)
    return found.items, (*found.told, *told)


@dataclass(frozen=True)
class _Found:
    """Items, what is said about the rest, and the names of the pictures that were looked at."""

    items: tuple[Item, ...]
    told: tuple[str, ...]
    used: frozenset[str]


def _from_pictures(
    names: Sequence[str], source: _Source, name: str, most: int, limits: Limits, budget: Budget
) -> _Found:
    """An item for each picture; one that cannot be read is left out. Raises IntakeError if none can."""
    if not names:
        raise IntakeError(f"{name}: neither {TABLE} nor a picture ({READ}) is at its top.")
    if len(names) > most:
        raise IntakeError(f"{name}: {len(names)} pictures; at most {most} are read.")
    ids: set[str] = set()
    items: list[Item] = []
    problems: list[str] = []
    for one in names:
        where = f"{name}/{plain(one)}"
        try:
            data = source.read(one, limits.max_image_bytes, where)
            items.append(_from_picture(data, one, ids, limits, budget, where))
        except Spent:
            raise
        except IntakeError as error:
            problems.append(f"{error} The picture is left out.")
    if not items:
        raise IntakeError(problems[0].removesuffix(" The picture is left out."))
    if unread := sum(map(_is_unreadable, names)):
        files = "1 file name is" if unread == 1 else f"{unread} file names are"
        problems.append(f"{name}: {files} in an unknown encoding and not used. Make the ZIP with UTF-8 names.")
    return _Found(tuple(items), tuple(_first(problems, name)), frozenset(names))


def _from_table(data: bytes, where: str, source: _Source, most: int, limits: Limits, budget: Budget) -> _Found:
    """The items of a table. A picture that cannot be read costs only itself, as long as the item has a title.

    Raises IntakeError if none of the pictures can be read although every second row or more names one: then they do
    not belong to this table.
    """
    rows, told = read_table(data, where, most, limits)
    shots: dict[str, Picture | IntakeError] = {}  # by file name, since several rows may name one picture
    items: list[Item] = []
    problems: list[str] = []
    fetched = sum(bool(_WEB.match(row.image)) for row in rows)
    named = sum(bool(row.image) for row in rows) - fetched
    for row in rows:
        budget.spend(row.where)
        shot = None
        if row.image and not _WEB.match(row.image):
            seen = _shot(row, source, limits, budget, shots)
            if isinstance(seen, Picture):
                shot = seen
            else:
                problems.append(f"{seen} The item {'keeps its title' if row.title else 'is left out'}.")
        if row.title or shot:
            items.append(Item(row.id, row.title, shot, row.timestamp))
    if not items or 2 * named >= len(rows) > 0 and named == len(problems) > 0:
        raise next((shot for shot in shots.values() if isinstance(shot, IntakeError)), None) or IntakeError(
            f"{where}: no titles, and its pictures are web addresses, which are not fetched."
        )
    told = [*told, *_first(problems, where)]
    if fetched:
        pictures = "1 picture is a web address" if fetched == 1 else f"{fetched} pictures are web addresses"
        told.append(f"{where}: {pictures}; nothing is fetched.")
    return _Found(_in_order(items), tuple(told), frozenset(shots))


def _shot(
    row: Row, source: _Source, limits: Limits, budget: Budget, shots: dict[str, Picture | IntakeError]
) -> Picture | IntakeError:
    """The picture that a row names, or why there is none. Raises Spent."""
    try:
        name = relative_name(row.image, row.where)
        name = source.find(name) or name
        if name not in shots:
            data = source.read(name, limits.max_image_bytes, row.where)
            shots[name] = picture(data, f"{row.where} ({plain(row.image)})", limits, budget)
        return shots[name]
    except Spent:
        raise
    except IntakeError as error:
        return shots.setdefault(row.image, error)


def _from_picture(
    data: bytes, name: str, ids: set[str], limits: Limits, budget: Budget, where: str | None = None
) -> Item:
    """The item of a picture without a table. Its id is made from the file name and added to `ids`."""
    shot = picture(data, where or plain(name), limits, budget)
    known = "" if _is_unreadable(name) else name
    unique = unused_id(title(PurePosixPath(known.replace("\\", "/")).stem), ids)
    ids.add(unique)
    return Item(unique, guess_title(known, limits), shot)


def _common(names: Sequence[str]) -> str:
    """The innermost folder that holds all of the files."""
    folders = [PurePosixPath(name).parent.as_posix() for name in names]
    return "" if not folders or "." in folders else commonpath(folders)


def _table_of(names: Sequence[str]) -> str | None:
    """The table among the files: the one that is named like ours, or else the only one."""
    ours = sorted(filter(_OUR_TABLE.fullmatch, names), key=lambda name: name.lower() != TABLE)
    tables = ours[:1] or list(filter(_is_table, names))
    return tables[0] if len(tables) == 1 else None


def _first(sentences: Sequence[str], where: str) -> list[str]:
    """The first sentences, and how many more pictures could not be used."""
    more = len(sentences) - _MOST_TOLD
    return [*sentences[:_MOST_TOLD], *([f"{where}: {more} more pictures cannot be used."] if more > 0 else [])]


def _is_table(name: str) -> bool:
    return PurePosixPath(name.lower()).suffix in _TABLES or bool(_OUR_TABLE.fullmatch(name))


def _is_many(name: str) -> bool:
    return _is_table(name) or PurePosixPath(name.lower()).suffix in (".zip", ".json")


def _is_picture(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def _is_unreadable(name: str) -> bool:
    """Whether the encoding of a file name is unknown, so that surrogates stand for its bytes."""
    return any("\udc80" <= c <= "\udcff" for c in name)


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
