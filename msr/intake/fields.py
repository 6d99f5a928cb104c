"""Fields of a recorded run, each checked and cleaned."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from msr.intake.tables import MAX_ID
from msr.intake.titles import title

LONGEST = 6_000  # characters of a prompt
_UNSEEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")


def item_id(value: str) -> str:
    """An id as it may stand in a page."""
    return title(value)[:MAX_ID].rstrip() or "item"


def words(value: str, most: int = LONGEST) -> str:
    """Text as data, line breaks kept, nothing invisible. Raises TypeError."""
    if not isinstance(value, str):
        raise TypeError("no text")
    return _UNSEEN.sub("", value[:most])


def number(value: Any) -> float:
    """A finite number. Raises TypeError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError("no number")
    return value


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


def plain(value: Any, depth: int = 0) -> Any:
    """Settings as they stand: numbers, short texts, and mappings of them."""
    if isinstance(value, Mapping) and depth < 3:
        return {words(key, 60): plain(inner, depth + 1) for key, inner in list(value.items())[:100]}
    if isinstance(value, str):
        return words(value, 600)
    return value if value is None or isinstance(value, bool) else number(value)
