"""A history as one JSON file that a visitor can keep and bring back."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any

from msr.config import LIMITS, Limits
from msr.intake.budget import Budget
from msr.intake.errors import IntakeError
from msr.intake.images import picture
from msr.intake.tables import MAX_ID
from msr.intake.titles import title
from msr.schema import Item

KIND = "msr-studio-history"
VERSION = 1
_LATEST = 1e18  # seconds; also refuses NaN and infinity


def to_session(items: Sequence[Item]) -> bytes:
    """UTF-8 JSON that holds everything of the items, pictures too; `from_session` reads it back unchanged."""
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
    """The items of a session file, each checked again like any upload. Raises IntakeError."""
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
        raise IntakeError(f"{where} lacks an id or a title, or its picture is no text.")
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
