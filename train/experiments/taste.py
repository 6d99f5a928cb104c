"""What the texts of a planted user say of the two tastes, block by block."""

from __future__ import annotations

import re
from collections.abc import Sequence

from train.experiments.users import PlantedUser, Taste
from train.vocabulary import Vocabulary, facts_of

# From such a word to the end of the clause a text speaks of what was.
_PAST = re.compile(r"[^.;,]*\b(?:earlier|previously|formerly|in the past|no longer|used to)\b[^.;]*", re.IGNORECASE)


def current(text: str) -> str:
    """The text without its clauses about the past."""
    return _PAST.sub("", text)


def measures(user: PlantedUser, texts: Sequence[str], vocabulary: Vocabulary) -> dict[str, float | None]:
    """One user's figures from the text after each block. Shares and yes or no are in [0, 1], the others are blocks.

    "named": the last text names all of the taste; "attributes": which share of it. "first named" and "named again"
    count blocks from the start of the first and of the second taste to the text that names all of it, 1 for the first
    block; "gone" counts blocks after the switch to the text that names nothing of the first taste as current. None if
    it never happens. "replaced": named again and gone within two blocks. "false": the last text names, even as past,
    something that no item of the history had; "false claims": which share of its claims.
    """
    now = [vocabulary.named(current(text)) for text in texts]
    after = now[user.switch :]
    again, gone = _first(user.after <= named for named in after), _first(not user.before & named for named in after)
    seen = set().union(*(facts_of(shot) for block in user.blocks for shot in block))
    claims = vocabulary.claims(texts[-1])
    wrong = sum(not claim & seen for claim in claims)
    return {
        "named": float(user.after <= now[-1]),
        "attributes": len(user.after & now[-1]) / len(user.after),
        "first named": _first(user.before <= named for named in now[: user.switch]),
        "named again": again,
        "gone": gone,
        "replaced": float(again is not None and again <= 2 and gone is not None and gone <= 2),
        "false": float(wrong > 0),
        "false claims": wrong / len(claims) if claims else 0.0,
    }


def by_block(user: PlantedUser, texts: Sequence[str], vocabulary: Vocabulary) -> dict[str, dict[str, float]]:
    """Whether the text names all of each taste, and anything of the first one, by blocks since the switch (0: the
    first block of the new taste)."""
    found = {}
    for index, text in enumerate(texts):
        named = vocabulary.named(current(text))
        found[str(index - user.switch)] = {
            "first taste": float(user.before <= named),
            "second taste": float(user.after <= named),
            "anything of the first": float(bool(user.before & named)),
        }
    return found


def told(taste: Taste) -> str:
    return " and ".join(value for _, value in sorted(taste))


def _first(happened) -> int | None:
    return next((count for count, yes in enumerate(happened, start=1) if yes), None)
