"""Compare a preference text with the one before: words that are new, kept and gone, and how far the text moved."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Words that say nothing about a taste, such as those that every preference text begins with.
_FRAME = frozenset(
    re.findall(
        r"\w+",
        """a an and also appear appears are as at be been but by earlier for from had has have i in into is it item
        items its less like liked likes longer me more most my no not now of on one or other over prefer preference
        preferences prefers rather recently some style than that the their them they things this to toward towards user
        users was well which who with""",
    )
)


@dataclass(frozen=True)
class Change:
    """From one text to the next. `drift` is the share of content words that are not in both, in [0, 1]."""

    added: tuple[str, ...]
    kept: tuple[str, ...]
    dropped: tuple[str, ...]
    drift: float


def content_words(text: str) -> tuple[str, ...]:
    """The words of a text that can say something about a taste, in order, each one once."""
    words = re.findall(r"\w+(?:['’-]\w+)*", text.lower())
    return tuple(dict.fromkeys(word for word in words if word not in _FRAME))


def change(before: str, after: str) -> Change:
    """Compare the content words of two texts; the drift is their Jaccard distance."""
    old, new = content_words(before), content_words(after)
    both = set(old) & set(new)
    either = set(old) | set(new)
    return Change(
        added=tuple(word for word in new if word not in both),
        kept=tuple(word for word in new if word in both),
        dropped=tuple(word for word in old if word not in both),
        drift=1 - len(both) / len(either) if either else 0.0,
    )
