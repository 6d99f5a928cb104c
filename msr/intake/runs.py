"""Fields of a recorded run, each checked and cleaned."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from msr.config import LIMITS, Limits
from msr.evidence import reason_check
from msr.intake.images import picture
from msr.intake.tables import MAX_ID
from msr.intake.text import IntakeError, title
from msr.measured import READINGS, UNITS
from msr.schema import (
    Block,
    Candidate,
    Contrast,
    Effect,
    Evidence,
    HeatMap,
    Item,
    ItemSummary,
    Measured,
    Picture,
    Preference,
    Recommendation,
    Run,
    Share,
    Unit,
    Word,
    YesNo,
)

LONGEST = 6_000  # characters of a prompt
LARGEST = 10**12  # of a number
_KEY = re.compile(r"[0-9A-Za-z_-]{1,64}")
_UNSEEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")


def text(value: Any) -> str:
    """A text that can be written to a file. Raises TypeError, and ValueError for half of a surrogate pair."""
    if not isinstance(value, str):
        raise TypeError("no text")
    value.encode()
    return value


def run_key(value: Any) -> str:
    """The id of a run, as it stands in addresses and in names of files. Raises ValueError and TypeError."""
    if not _KEY.fullmatch(text(value)):
        raise ValueError("no id of a run")
    return value


def item_id(value: Any) -> str:
    """An id as it may stand in a page. Raises TypeError and ValueError."""
    return title(text(value))[:MAX_ID].rstrip() or "item"


def words(value: Any, most: int = LONGEST) -> str:
    """Text as data, line breaks kept, nothing invisible. Raises TypeError and ValueError."""
    return _UNSEEN.sub("", text(value)[:most])


def one_of(value: Any, known: Sequence[str]) -> str:
    """One of the known words. Raises ValueError."""
    if value not in known:
        raise ValueError("none of the known words")
    return value


def number(value: Any) -> float:
    """A finite number of a sensible size. Raises TypeError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -LARGEST <= value <= LARGEST:
        raise TypeError("no number, or too large")
    return value


def count(value: Any, least: int = 0) -> int:
    """A whole number. Raises TypeError and ValueError."""
    if number(value) < least or value != int(value):
        raise ValueError("no count")
    return int(value)


def share(value: Any) -> float:
    """A number from 0 to 1. Raises ValueError and TypeError."""
    if not 0 <= number(value) <= 1:
        raise ValueError("a score is from 0 to 1")
    return value


def some(value: Any, most: int) -> Sequence[Any]:
    """A list of at most so many entries. Raises TypeError."""
    if not isinstance(value, list) or len(value) > most:
        raise TypeError("no list, or too long")
    return value


def named(value: Any) -> dict[str, Any]:
    """Settings by name. Raises TypeError and ValueError."""
    if not isinstance(value, Mapping):
        raise TypeError("no settings")
    return plain(value)


def plain(value: Any, depth: int = 0) -> Any:
    """Settings as they stand: numbers, short texts, and mappings of them."""
    if isinstance(value, Mapping) and depth < 3:
        return {words(key, 60): plain(inner, depth + 1) for key, inner in list(value.items())[:100]}
    if isinstance(value, str):
        return words(value, 600)
    return value if value is None or isinstance(value, bool) else number(value)


# ---- What was measured on request, out of a recorded run.


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


# ---- A recorded run (`run.json`) comes back as a `Run`, each text checked and cleaned like any other input.


_MOST = 20_000  # entries of a list


def recorded_run(data: bytes, where: str, known: Mapping[str, Picture] | None = None, limits: Limits = LIMITS) -> Run:
    """The run of a `run.json`; its pictures are those in the file, else those of `known` with the same digest.

    An item whose picture is not to be had keeps its title. Raises IntakeError.
    """
    if len(data) > limits.max_session_bytes:
        raise IntakeError(f"{where} is larger than {limits.max_session_bytes / 2**20:g} MB.")
    try:
        record = json.loads(data)
        pictures = {**(known or {}), **_pictures(record.get("pictures") or {}, where, limits)}
        return _run(record, pictures, limits)
    except IntakeError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        raise IntakeError(f"{where} is no run.json of this program. Choose a file that `msr run` wrote.") from None


def _run(record: Mapping[str, Any], pictures: Mapping[str, Picture], limits: Limits) -> Run:
    history = tuple(_item(entry, pictures, limits) for entry in some(record["history"], limits.max_history))
    ranked = some(record["recommendations"], 200)
    offered = tuple(_item(entry, pictures, limits) for entry in ranked)
    if not history or len({i.id for i in history}) < len(history) or len({i.id for i in offered}) < len(offered):
        raise ValueError("no history, or an id twice")
    preferences = tuple(_preference(entry) for entry in some(record["preferences"], 200))
    if not preferences or len({p.block.index for p in preferences}) < len(preferences):
        raise ValueError("no preference, or a block twice")
    if not {i for p in preferences for i in p.block.item_ids} <= {item.id for item in history}:
        raise ValueError("a block names an item that is not in the history")
    summaries = tuple(_summary(entry) for entry in (*record["history"], *ranked) if entry.get("description"))
    items, texts = {item.id: item for item in offered}, {s.item_id: s for s in summaries}
    return Run(
        id=run_key(record["id"]),
        model=named(record["model"]),
        settings=named(record["settings"]),
        history=history,
        summaries=summaries,
        preferences=preferences,
        # The agreement follows from the rest, so it is found anew: older files have none.
        recommendations=reason_check.held_against(tuple(map(_recommendation, ranked, offered)), items, history, texts),
        scores=tuple(
            Candidate(item_id(entry["id"]), YesNo(number(entry["yes"]), number(entry["no"])))
            for entry in some(record.get("scores", []), _MOST)
        ),
        timings={words(stage, 60): number(seconds) for stage, seconds in record.get("timings", {}).items()},
        parent=run_key(record["parent"]) if record.get("parent") else None,
        offered=offered,
    )


def _pictures(encoded: Mapping[str, str], where: str, limits: Limits) -> dict[str, Picture]:
    """The file's own pictures, under the digests of what they really hold."""
    if len(encoded) > 400:
        raise IntakeError(f"{where} holds more than 400 pictures.")
    decoded = (picture(base64.b64decode(text, validate=True), where, limits) for text in encoded.values())
    return {shot.digest: shot for shot in decoded}


def _item(entry: Mapping[str, Any], pictures: Mapping[str, Picture], limits: Limits) -> Item:
    shot = pictures.get(entry.get("picture") or "")
    caption = title(text(entry["title"]), limits)
    return Item(item_id(entry["id"]), caption or ("" if shot else "untitled picture"), shot)


def _summary(entry: Mapping[str, Any]) -> ItemSummary:
    confidence = entry.get("confidence")
    sure = math.nan if confidence is None else number(confidence)
    return ItemSummary(item_id(entry["id"]), words(entry["description"]), sure, entry.get("familiar") is not False)


def _preference(entry: Mapping[str, Any]) -> Preference:
    block = Block(count(entry["block"]), tuple(map(item_id, entry["items"])))
    return Preference(block, words(entry["text"]), entry.get("edited") is True)


def _recommendation(entry: Mapping[str, Any], item: Item) -> Recommendation:
    influence = [
        Evidence(item_id(row["history_id"]), number(row[key]), reading)
        for row in some(entry.get("influence", []), 200)
        for key, reading in (("delta", "regenerated"), ("delta_direct", "direct"))
        if key in row
    ]
    return Recommendation(
        count(entry["rank"], 1), item.id, item.title, share(entry["score"]), words(entry.get("rationale", "")),
        tuple(influence), words(entry.get("prompt", "")), count(entry.get("tokens", 0)),
        measured=measured(entry["measured"]) if entry.get("measured") else None,
    )  # fmt: skip
