"""Fields of a recorded run, each checked and cleaned."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from msr.intake.tables import MAX_ID
from msr.intake.titles import title

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
