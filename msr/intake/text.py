"""Clean untrusted texts and titles, and quote them safely in error messages."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence
from pathlib import PurePosixPath

from msr.config import LIMITS, Limits
from msr.prompts import CHAT_TOKEN
from msr.schema import InputProblem
from msr.untrusted import without_stray_joiners


class IntakeError(InputProblem):
    """Input that is refused. The message is plain text: where it was, what was wrong, what to do."""


def plain(text: str, limit: int = 60) -> str:
    """Untrusted text for a message: one line of at most `limit` characters, without control or invisible ones."""
    line = "".join("?" if unicodedata.category(c)[0] in "CZ" and c != " " else c for c in text[: limit + 1])
    return line if len(line) <= limit else line[: limit - 1] + "…"


def shown(text: str) -> str:
    """`plain` in quotes."""
    return f"'{plain(text)}'"


def listed(names: Sequence[str], most: int = 8) -> str:
    """Names for a message: the first ones as `plain` writes them, and how many more there are."""
    more = len(names) - most
    return ", ".join(map(plain, names[:most])) + (f" and {more} more" if more > 0 else "")


# Invisible characters whose Unicode category is a letter or a mark: fillers, joiners, variation selectors.
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\ufe00-\ufe0f\U000e0100-\U000e01ef]")

_ROUNDS = 8  # real titles stop changing much earlier
_BRACKETS = str.maketrans("", "", "<>[]")

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_TAG = re.compile(  # only of elements that shops put into titles, so that "Love <3 and 2 > 1" stays as it is
    r"</?(?:(?P<breaks>br|p|div|h[1-6]|ul|ol|li|table|tr|td)|a|abbr|b|big|em|font|i|img|mark|s|small|span|strong|sub|sup|u)"
    r"""(?:\s+[\w:-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>]+))*\s*/?>""",
    re.IGNORECASE,
)

_CAMERA_WORDS = frozenset((
    "img", "image", "images", "dsc", "dscn", "dscf", "dcim", "pxl", "mvimg", "vid", "gopr", "dji", "sam", "wa",
    "whatsapp", "photo", "photos", "pic", "picture", "pictures", "screenshot", "screen", "shot", "scan", "untitled",
    "unnamed", "download", "file", "copy", "edited", "portrait", "cover", "mp", "at", "am", "pm", "of", "the",
    "jpg", "jpeg", "png", "webp"
))  # fmt: skip


def title(text: str, limits: Limits = LIMITS) -> str:
    """Clean a title: NFKC, one line of at most `max_title` characters, without invisible characters and chat tokens.

    Joiners stay between letters of scripts that are spelt with them. Idempotent. What remains is still data: whoever
    shows it in HTML escapes it.
    """
    longest = 16 * limits.max_title
    text, before, rounds = text[:longest], None, 0
    while text != before:  # removing one token can join the halves of another
        before, rounds = text, rounds + 1
        seen = without_stray_joiners(_UNSEEN.sub("", "".join(map(_visible, text))))
        text = unicodedata.normalize("NFKC", seen)[:longest]
        text = CHAT_TOKEN.sub(" ", text)
        if rounds == _ROUNDS:  # deeply nested tokens; without brackets there are none
            text = text.translate(_BRACKETS)
    return " ".join(text.split())[: limits.max_title].rstrip()


def unmarked(text: str) -> str:
    """A cell of a shop's table as text: without HTML tags, and with the characters that its entities stand for.

    Entities are replaced once, so that "&amp;lt;" gives "&lt;" and not "<".
    """
    return _ENTITY.sub(lambda entity: html.unescape(entity[0]), _TAG.sub(lambda t: " " if t["breaks"] else "", text))


def guess_title(name: str, limits: Limits = LIMITS) -> str:
    """Guess a title from a file name: "navy-polo_shirt.png" gives "navy polo shirt", "IMG_2031.jpg" gives ""."""
    stem = PurePosixPath(name.replace("\\", "/")).stem
    words = re.split(r"[\s_.+~-]+", re.sub(r"\(\d+\)|\bcopy\b", " ", title(stem, limits)))
    words = [w for w in words if w and not _is_number_or_hash(w)]
    return title(" ".join(words), limits) if any(map(_says_something, words)) else ""


def _visible(c: str) -> str:
    """The character, a space for a line break or a tab, nothing for any other control or format character.

    Joiners stay; `without_stray_joiners` removes those that spelling does not need.
    """
    if unicodedata.category(c)[0] != "C" or c in "\u200c\u200d":
        return c
    return " " if c.isspace() else ""


def _is_number_or_hash(word: str) -> bool:
    return bool(re.fullmatch(r"\d{5,}|(?=.*\d)[0-9a-f]{8,}", word, re.IGNORECASE))


def _says_something(word: str) -> bool:
    return word.isalpha() and word.lower() not in _CAMERA_WORDS and (len(word) > 1 or not word.isascii())
