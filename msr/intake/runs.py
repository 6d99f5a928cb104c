"""A recorded run (`run.json`) comes back as a `Run`, each text checked and cleaned like any other input."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from msr.config import LIMITS, Limits
from msr.intake.errors import IntakeError
from msr.intake.images import picture
from msr.intake.tables import MAX_ID
from msr.intake.titles import title
from msr.schema import (
    Block,
    Candidate,
    Effect,
    Evidence,
    Item,
    ItemSummary,
    Picture,
    Preference,
    Recommendation,
    Run,
    Unit,
    YesNo,
)

_LONGEST = 6_000  # characters of a prompt
_MOST = 20_000  # entries of a list
_UNSEEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")


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
    history = tuple(_item(entry, pictures, limits) for entry in _some(record["history"], limits.max_history))
    ranked = _some(record["recommendations"], 200)
    offered = tuple(_item(entry, pictures, limits) for entry in ranked)
    if not history or len({i.id for i in history}) < len(history) or len({i.id for i in offered}) < len(offered):
        raise ValueError("no history, or an id twice")
    preferences = tuple(_preference(entry) for entry in _some(record["preferences"], 200))
    if not {i for p in preferences for i in p.block.item_ids} <= {item.id for item in history}:
        raise ValueError("a block names an item that is not in the history")
    return Run(
        id=_words(record["id"], 64),
        model=_plain(record["model"]),
        settings=_plain(record["settings"]),
        history=history,
        summaries=tuple(_summary(entry) for entry in (*record["history"], *ranked) if entry.get("description")),
        preferences=preferences,
        recommendations=tuple(map(_recommendation, ranked, offered)),
        scores=tuple(
            Candidate(_id(entry["id"]), YesNo(_number(entry["yes"]), _number(entry["no"])))
            for entry in _some(record.get("scores", []), _MOST)
        ),
        timings={_words(stage, 60): _number(seconds) for stage, seconds in record.get("timings", {}).items()},
        parent=_words(record["parent"], 64) if record.get("parent") else None,
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
    caption = title(entry["title"], limits)
    return Item(_id(entry["id"]), caption or ("" if shot else "untitled picture"), shot)


def _summary(entry: Mapping[str, Any]) -> ItemSummary:
    confidence = entry.get("confidence")
    sure = 1.0 if confidence is None else _number(confidence)
    return ItemSummary(_id(entry["id"]), _words(entry["description"]), sure, entry.get("familiar") is not False)


def _preference(entry: Mapping[str, Any]) -> Preference:
    block = Block(int(_number(entry["block"])), tuple(map(_id, entry["items"])))
    return Preference(block, _words(entry["text"]), entry.get("edited") is True)


def _recommendation(entry: Mapping[str, Any], item: Item) -> Recommendation:
    influence = [
        Evidence(_id(row["history_id"]), _number(row[key]), reading)
        for row in _some(entry.get("influence", []), 200)
        for key, reading in (("delta", "regenerated"), ("delta_direct", "direct"))
        if key in row
    ]
    return Recommendation(
        int(_number(entry["rank"])), item.id, item.title, _share(entry["score"]), _words(entry.get("rationale", "")),
        tuple(influence), _words(entry.get("prompt", "")), int(_number(entry.get("tokens", 0))),
        tuple(map(_effect, _some(entry.get("effects", []), 2_000))),
    )  # fmt: skip


def _effect(row: Mapping[str, Any]) -> Effect:
    unit = Unit(_words(row["unit"], 20), _words(row["key"], MAX_ID), _words(row["text"]))
    return Effect(unit, _words(row["reading"], 20), _number(row["logit"]), int(_number(row["ranks"])))


def _id(value: str) -> str:
    return title(value)[:MAX_ID].rstrip() or "item"


def _words(value: str, most: int = _LONGEST) -> str:
    """Text as data, line breaks kept, nothing invisible."""
    if not isinstance(value, str):
        raise TypeError("no text")
    return _UNSEEN.sub("", value[:most])


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError("no number")
    return value


def _share(value: Any) -> float:
    if not 0 <= _number(value) <= 1:
        raise ValueError("a score is from 0 to 1")
    return value


def _some(value: Any, most: int) -> Sequence[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise TypeError("no list, or too long")
    return value


def _plain(value: Any, depth: int = 0) -> Any:
    """Settings as they stand: numbers, short texts, and mappings of them."""
    if isinstance(value, Mapping) and depth < 3:
        return {_words(key, 60): _plain(inner, depth + 1) for key, inner in list(value.items())[:100]}
    if isinstance(value, str):
        return _words(value, 600)
    return value if value is None or isinstance(value, bool) else _number(value)
