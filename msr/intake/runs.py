"""Read a recorded run (`run.json`); its texts are checked and cleaned like all other input."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Mapping
from typing import Any

from msr.config import LIMITS, Limits
from msr.evidence import kinds, reason_check
from msr.intake.images import picture
from msr.intake.text import IntakeError, title
from msr.schema import (
    Block,
    Candidate,
    Influence,
    Item,
    ItemSummary,
    Picture,
    Preference,
    Recommendation,
    Run,
    YesNo,
)
from msr.untrusted import MAX_ID, count, entries, fraction, number, settings, string, text

_MOST = 20_000  # entries of a list
_KEY = re.compile(r"[0-9A-Za-z_-]{1,64}")


def recorded_run(data: bytes, where: str, known: Mapping[str, Picture] | None = None, limits: Limits = LIMITS) -> Run:
    """The run of a `run.json`; its pictures are those in the file, else those of `known` with the same digest.

    An item whose picture is missing keeps its title. Raises IntakeError.
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
    history = tuple(_item(entry, pictures, limits) for entry in entries(record["history"], limits.max_history))
    ranked = entries(record["recommendations"], 200)
    offered = tuple(_item(entry, pictures, limits) for entry in ranked)
    if not history or len({i.id for i in history}) < len(history) or len({i.id for i in offered}) < len(offered):
        raise ValueError("no history, or an id twice")
    preferences = tuple(_preference(entry) for entry in entries(record["preferences"], 200))
    if not preferences or len({p.block.index for p in preferences}) < len(preferences):
        raise ValueError("no preference, or a block twice")
    if not {i for p in preferences for i in p.block.item_ids} <= {item.id for item in history}:
        raise ValueError("a block names an item that is not in the history")
    summaries = tuple(_summary(entry) for entry in (*record["history"], *ranked) if entry.get("description"))
    items, texts = {item.id: item for item in offered}, {s.item_id: s for s in summaries}
    return Run(
        id=run_key(record["id"]),
        model=settings(record["model"]),
        settings=settings(record["settings"]),
        history=history,
        summaries=summaries,
        preferences=preferences,
        # The agreement follows from the rest and is computed again, because older files have none.
        recommendations=reason_check.with_agreement(
            tuple(map(_recommendation, ranked, offered)), items, history, texts
        ),
        scores=tuple(
            Candidate(item_id(entry["id"]), YesNo(number(entry["yes"]), number(entry["no"])))
            for entry in entries(record.get("scores", []), _MOST)
        ),
        timings={text(stage, 60): number(seconds) for stage, seconds in record.get("timings", {}).items()},
        parent=run_key(record["parent"]) if record.get("parent") else None,
        offered=offered,
        left_out=tuple(text(sentence, 600) for sentence in entries(record.get("left_out", []), _MOST)),
    )


def _pictures(encoded: Mapping[str, str], where: str, limits: Limits) -> dict[str, Picture]:
    """The pictures in the file, by the digests of their real content."""
    if len(encoded) > 400:
        raise IntakeError(f"{where} holds more than 400 pictures.")
    decoded = (picture(base64.b64decode(data, validate=True), where, limits) for data in encoded.values())
    return {shot.digest: shot for shot in decoded}


def _item(entry: Mapping[str, Any], pictures: Mapping[str, Picture], limits: Limits) -> Item:
    shot = pictures.get(entry.get("picture") or "")
    caption = title(string(entry["title"]), limits)
    return Item(item_id(entry["id"]), caption or ("" if shot else "untitled picture"), shot)


def _summary(entry: Mapping[str, Any]) -> ItemSummary:
    confidence = entry.get("confidence")
    sure = math.nan if confidence is None else number(confidence)
    return ItemSummary(item_id(entry["id"]), text(entry["description"]), sure, entry.get("familiar") is not False)


def _preference(entry: Mapping[str, Any]) -> Preference:
    block = Block(count(entry["block"]), tuple(map(item_id, entry["items"])))
    return Preference(block, text(entry["text"]), entry.get("edited") is True)


def _recommendation(entry: Mapping[str, Any], item: Item) -> Recommendation:
    influence = [
        Influence(item_id(row["history_id"]), number(row[key]), reading)
        for row in entries(entry.get("influence", []), 200)
        for key, reading in (("delta", "regenerated"), ("delta_direct", "direct"))
        if key in row
    ]
    return Recommendation(
        count(entry["rank"], 1), item.id, item.title, fraction(entry["score"]), text(entry.get("rationale", "")),
        tuple(influence), text(entry.get("prompt", "")), count(entry.get("tokens", 0)),
        measured=kinds.read(entry["measured"]) if entry.get("measured") else None,
    )  # fmt: skip


def run_key(value: Any) -> str:
    """The id of a run, as it stands in addresses and in names of files. Raises TypeError and ValueError."""
    if not _KEY.fullmatch(string(value)):
        raise ValueError("expected letters, digits, _ and - as the id of a run, at most 64")
    return value


def item_id(value: Any) -> str:
    """An id as it may stand in a page. Raises TypeError and ValueError."""
    return title(string(value))[:MAX_ID].rstrip() or "item"
