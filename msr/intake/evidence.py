"""What was measured on request, out of a recorded run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msr.intake.fields import count, item_id, number, one_of, some, words
from msr.intake.tables import MAX_ID
from msr.measured import READINGS, UNITS
from msr.schema import Contrast, Effect, HeatMap, Measured, Share, Unit, Word

_UNITS = 2_000  # of one list
_GRID = 32  # patches on a side
_NAME = 40  # characters of what cannot be measured
_PARTS = ("preference", "title")  # of a prompt


def measured(record: Mapping[str, Any]) -> Measured:
    """Raises TypeError, KeyError or ValueError for what is not in the documented form."""
    return Measured(
        effects=tuple(map(_effect, some(record.get("effects", []), _UNITS))),
        shares=tuple(map(_share, some(record.get("shares", []), _UNITS))),
        orders=count(record.get("orders", 0)),
        words=tuple(map(_word, some(record.get("words", []), _UNITS))),
        patches=_patches(record["patches"]) if record.get("patches") else None,
        contrasts=tuple(map(_contrast, some(record.get("contrasts", []), _UNITS))),
        unavailable=tuple((words(part, _NAME), words(why)) for part, why in record.get("unavailable", {}).items()),
    )


def _unit(row: Mapping[str, Any]) -> Unit:
    return Unit(one_of(row["unit"], UNITS), words(row["key"], MAX_ID), words(row["text"]))


def _effect(row: Mapping[str, Any]) -> Effect:
    return Effect(_unit(row), one_of(row["reading"], READINGS), number(row["logit"]), int(number(row["ranks"])))


def _share(row: Mapping[str, Any]) -> Share:
    return Share(_unit(row), one_of(row["reading"], READINGS), number(row["value"]), number(row["error"]))


def _word(row: Mapping[str, Any]) -> Word:
    return Word(words(row["text"]), one_of(row["part"], _PARTS), number(row["weight"]))


def _patches(rows: Any) -> HeatMap:
    grid = some(rows, _GRID)
    if any(len(some(row, _GRID)) != len(grid) for row in grid):
        raise ValueError("a map of patches is square")
    return HeatMap(tuple(tuple(None if drop is None else number(drop) for drop in row) for row in grid))


def _contrast(row: Mapping[str, Any]) -> Contrast:
    removed = None if row["removed"] is None else tuple(map(_unit, some(row["removed"], _UNITS)))
    if removed == ():
        raise ValueError("nothing is removed; it should be null")
    margins = number(row["margin"]), number(row["margin_without"])
    return Contrast(item_id(row["other"]), one_of(row["reading"], READINGS), removed, row["exact"] is True, *margins)
