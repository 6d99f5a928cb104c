"""What is said about bad input."""

from __future__ import annotations

import unicodedata

from msr.schema import InputProblem


class IntakeError(InputProblem):
    """Input that is refused; the message is plain text: where, what was wrong, what to do."""


def plain(text: str, limit: int = 60) -> str:
    """Somebody else's text for a message: one line, no control or invisible characters, at most `limit`."""
    line = "".join("?" if unicodedata.category(c)[0] in "CZ" and c != " " else c for c in text[: limit + 1])
    return line if len(line) <= limit else line[: limit - 1] + "…"


def shown(text: str) -> str:
    """The same in quotes."""
    return f"'{plain(text)}'"
