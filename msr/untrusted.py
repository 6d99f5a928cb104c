"""Check and clean values of JSON that somebody else wrote; `msr.intake` and the kinds of evidence read with these.

Each function returns the value in a form that is safe to keep. It raises TypeError or ValueError, with what was
expected and what was there; `msr.intake` turns either into its own error, with the name of the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

MAX_ID = 100  # characters of an item's id
MAX_NAME = 40  # characters of a reading or of a part's name
MAX_TEXT = 6_000  # characters of a prompt
LARGEST = 10**12  # number
_INVISIBLE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
# Scripts whose spelling needs joiners: Arabic (so Persian), those of India, Myanmar, Khmer, Mongolian; and emoji.
_JOINED = r"\u0600-\u06ff\u0750-\u077f\u0870-\u0dff\u1000-\u109f\u1780-\u17ff\u1800-\u18af\ufb50-\ufdff\ufe70-\ufefe"
_EMOJI = r"\u2190-\u2bff\u3030\u303d\ufe0f\U0001f000-\U0001faff"
_REPEATED = re.compile(r"([\u200c\u200d])[\u200c\u200d]+")
_STRAY = re.compile(
    rf"(?<![{_JOINED}])\u200c|\u200c(?![{_JOINED}])|(?<![{_JOINED}{_EMOJI}])\u200d|\u200d(?![{_JOINED}{_EMOJI}])"
)
_TYPES = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}


def string(value: Any) -> str:
    """A string that can be written to a file, unchanged; half of a surrogate pair cannot."""
    if not isinstance(value, str):
        raise TypeError(f"expected a string, got {_type(value)}")
    value.encode()
    return value


def text(value: Any, most: int = MAX_TEXT) -> str:
    """At most `most` characters of a string, line breaks kept, invisible characters dropped."""
    return without_stray_joiners(_INVISIBLE.sub("", string(value)[:most]))


def without_stray_joiners(text: str) -> str:
    """The text with U+200C and U+200D only where spelling needs them: between two letters of such scripts, or emoji."""
    return _STRAY.sub("", _REPEATED.sub(r"\1", text))


def one_of(value: Any, known: Sequence[str]) -> str:
    """One of the known words."""
    if value not in known:
        raise ValueError(f"expected one of {', '.join(known)}")
    return value


def number(value: Any) -> float:
    """A finite number of a sensible size, unchanged."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"expected a number, got {_type(value)}")
    if not -LARGEST <= value <= LARGEST:
        raise ValueError(f"expected a number from -{LARGEST:g} to {LARGEST:g}")
    return value


def count(value: Any, least: int = 0) -> int:
    """A whole number that is not smaller than `least`."""
    if number(value) < least or value != int(value):
        raise ValueError(f"expected a whole number from {least}, got {value}")
    return int(value)


def fraction(value: Any) -> float:
    """A number from 0 to 1, unchanged."""
    if not 0 <= number(value) <= 1:
        raise ValueError(f"expected a number from 0 to 1, got {value}")
    return value


def entries(value: Any, most: int) -> list[Any]:
    """A list of at most `most` entries, unchanged."""
    if not isinstance(value, list):
        raise TypeError(f"expected a list, got {_type(value)}")
    if len(value) > most:
        raise ValueError(f"expected a list of at most {most} entries, got {len(value)}")
    return value


def settings(value: Any) -> dict[str, Any]:
    """Settings by name: numbers, short texts, true, false and null, and objects of them, at most three deep."""
    if not isinstance(value, Mapping):
        raise TypeError(f"expected an object, got {_type(value)}")
    return _setting(value, 0)


def _setting(value: Any, depth: int) -> Any:
    if isinstance(value, Mapping) and depth < 3:
        return {text(key, 60): _setting(inner, depth + 1) for key, inner in list(value.items())[:100]}
    if isinstance(value, str):
        return text(value, 600)
    return value if value is None or isinstance(value, bool) else number(value)


def _type(value: Any) -> str:
    return _TYPES.get(type(value), "a number")
