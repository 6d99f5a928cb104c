"""Read the evaluation results that `python -m train eval` and `experiment` wrote as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MOST_FILES = 400
_LARGEST = 4 * 2**20  # bytes
_BEYOND = 1e12  # larger values are not figures and cannot be drawn
BASELINES = ("random", "popularity", "recent-popularity", "item-knn", "statistics", "gru4rec", "sasrec", "untuned")


@dataclass(frozen=True)
class Figure:
    """A mean over users, with its 95 % interval if there is one."""

    mean: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Row:
    """One system against one kind of negatives; figures by metric, in the file's order."""

    system: str
    negatives: str
    figures: Mapping[str, Figure]

    @property
    def baseline(self) -> bool:
        return self.system.lower().startswith(BASELINES)


@dataclass(frozen=True)
class Result:
    """One evaluation; `name` is the path from its folder and the keys inside the file."""

    name: str
    dataset: str
    users: int | None
    seconds: float | None
    rows: tuple[Row, ...]

    @property
    def metrics(self) -> tuple[str, ...]:
        """All metrics in order of appearance."""
        return tuple(dict.fromkeys(metric for row in self.rows for metric in row.figures))

    @property
    def negatives(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row.negatives for row in self.rows))


def load(folders: Iterable[Path]) -> tuple[Result, ...]:
    """The evaluations in folders and their subfolders, in order; other JSON files are skipped."""
    found: list[Result] = []
    for folder in folders:
        for path in sorted(folder.rglob("*.json"))[:_MOST_FILES] if folder.is_dir() else ():
            found += _read(path, f"{folder.name}/{path.relative_to(folder).as_posix()}")
    return tuple(found)


def _read(path: Path, name: str) -> Iterator[Result]:
    try:
        if path.is_file() and path.stat().st_size <= _LARGEST:
            yield from _within(json.loads(path.read_text("utf-8")), name)
    except (OSError, ValueError, RecursionError):
        return


def _within(record: Any, name: str) -> Iterator[Result]:
    """The evaluation that a JSON object is, or those nested in it."""
    if not isinstance(record, Mapping):
        return
    try:
        rows = tuple(_rows(record["rows"]))
    except (KeyError, TypeError, AttributeError):
        rows = ()
    if rows:
        users, seconds = _number(record.get("users")), _number(record.get("seconds"))
        dataset = str(record.get("dataset") or name)
        yield Result(name, dataset, None if users is None else int(users), seconds, rows)
        return
    for key, value in record.items():
        yield from _within(value, f"{name}, {key}")


def _rows(records: list[Mapping[str, Any]]) -> Iterator[Row]:
    for record in records:
        figures = {key: figure for key, value in record.items() if (figure := _figure(value)) is not None}
        if figures:
            yield Row(str(record["system"]), str(record.get("negatives") or "all"), figures)


def _figure(value: Any) -> Figure | None:
    if not isinstance(value, Mapping) or (mean := _number(value.get("mean"))) is None:
        return None
    return Figure(mean, _number(value.get("low")), _number(value.get("high")))


def _number(value: Any) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _BEYOND
    return value if known else None
