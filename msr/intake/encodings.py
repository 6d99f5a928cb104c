"""Guess how a text that is not UTF-8 is encoded: the file names of a ZIP, or a table."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

IN_ZIPS = ("cp437", "cp866")  # what Windows and DOS write into ZIPs: Western and Cyrillic
IN_TABLES = ("cp1252", "cp1251")  # what spreadsheets on Windows save
TRIED = ("utf-8", "cp932", "gbk", "big5", "euc_kr", "cp1252", "cp1250", "cp1251", "cp850", "cp866")

# The rows of each character set that hold its common characters, as first bytes.
_COMMON = {
    "euc_kr": range(0xB0, 0xC9),
    "cp932": (0x81, 0x82, 0x83, *range(0x88, 0x98)),
    "gbk": range(0xB0, 0xD8),
    "big5": range(0xA4, 0xC7),
}
_ENOUGH = 20_000  # letters that are looked at
_CLEAR = 8  # letters that are enough to tell Korean, whose common rows are all common in Chinese too


def guess(data: bytes, western: Sequence[str]) -> str | None:
    """The encoding that gives a plausible text, or None where two do or none does.

    East Asian encodings are tried first, then those of `western` in their order. `data` is not UTF-8.
    """
    shares = {encoding: _share(data, encoding) for encoding in _COMMON}
    best = max(shares, key=lambda encoding: shares[encoding][0])
    share, letters = shares[best]
    if share >= 0.6:
        close = [encoding for encoding, (other, _) in shares.items() if other > share - 0.15]
        return best if len(close) == 1 or (best == "euc_kr" and letters >= _CLEAR) else None
    return next((encoding for encoding in western if _alphabetic(data, encoding)), None)


def utf8_or_guess(data: bytes, western: Sequence[str]) -> str | None:
    """ "utf-8", or what `guess` finds."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return guess(data, western)
    return "utf-8"


def _share(data: bytes, encoding: str) -> tuple[float, int]:
    """The share of foreign letters that are common in `encoding` and stand beside no Latin letter; and their number.

    In a text of another encoding, the second byte of what looks like a character is often the next Latin letter.
    """
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return 0.0, 0
    places = [n for n, c in enumerate(text) if not c.isascii() and c.isalpha()][:_ENOUGH]
    good = sum(_is_common(text[n], encoding) and not _latin(text[max(0, n - 1) : n + 2 : 2]) for n in places)
    return good / max(len(places), 1), len(places)


def _is_common(c: str, encoding: str) -> bool:
    first, *rest = c.encode(encoding)
    if encoding in ("gbk", "euc_kr") and not (rest and rest[0] >= 0xA1):
        return False
    return first in _COMMON[encoding] and not unicodedata.normalize("NFKC", c).isascii()


def _latin(neighbours: str) -> bool:
    return any(c.isascii() and c.isalpha() for c in neighbours)


def _alphabetic(data: bytes, encoding: str) -> bool:
    """Whether the text is words of one alphabet: accented letters among Latin ones, or Cyrillic letters alone."""
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return False
    foreign = [c for c in text if not c.isascii() and (c.isalpha() or encoding in IN_ZIPS)]
    if not all(c.isalpha() for c in foreign):  # file names hold no block graphics
        return False
    if any("CYRILLIC" in unicodedata.name(c, "") for c in set(foreign)):
        return all("CYRILLIC" in unicodedata.name(c, "") for c in set(foreign)) and not re.search(
            "[a-zA-Z][\u0400-\u04ff]|[\u0400-\u04ff][a-zA-Z]", text
        )
    if not all("LATIN" in unicodedata.name(c, "") for c in set(foreign)):
        return False
    # Accented letters seldom stand together, and never are capitals within a word.
    return not re.search(r"[^\W\x00-\x7f]{3}|[à-ÿ][A-Z]", text)
