"""Compare two runs, or two preference texts that follow each other.

Of runs: what was edited, which ranks moved, and how alike the two orders are. Of texts: which words are new, kept or
gone, and how far the text drifted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msr.schema import Item, Recommendation, Run

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
class Move:
    """A recommended item of the later run; `before` is its rank in the earlier run, None if it was no candidate."""

    item_id: str
    rank: int
    before: int | None

    @property
    def up(self) -> int | None:
        """Places won; negative if places were lost."""
        return None if self.before is None else self.before - self.rank


def ranks(run: Run) -> Mapping[str, int]:
    """The rank of every candidate, from 1."""
    return {candidate.item_id: rank for rank, candidate in enumerate(run.scores, start=1)}


def moves(before: Run, after: Sequence[Recommendation]) -> tuple[Move, ...]:
    """Find where the recommended items of a later run stood before."""
    known = ranks(before)
    return tuple(Move(r.item_id, r.rank, known.get(r.item_id)) for r in after)


def agreement(before: Run, after: Run) -> float | None:
    """Spearman's rank correlation over the candidates that both runs scored; None for fewer than two of them."""
    one, two = (_dense(run, other) for run, other in ((before, after), (after, before)))
    n = len(one)
    if n < 2:
        return None
    squares = sum((one[item_id] - two[item_id]) ** 2 for item_id in one)
    return 1 - 6 * squares / (n * (n * n - 1))


def edits(before: Run, after: Run) -> list[str]:
    """Say in short phrases what was changed from one run to the next; the phrases are plain text, not HTML."""
    old, new = ({item.id: item for item in run.history} for run in (before, after))
    if not set(old) & set(new):
        said = [f"another history: {len(new)} items instead of {len(old)}, none in common"]
        return said + _settings(before, after)
    said = [f"without {_name(old[i])}" for i in old if i not in new]
    said += [f"with {_name(new[i])}" for i in new if i not in old]
    for item_id in (i for i in old if i in new):
        said += _touched(old[item_id], new[item_id])
    if [i for i in old if i in new] != [i for i in new if i in old]:
        said.append("in another order")
    return said + _settings(before, after)


def _settings(before: Run, after: Run) -> list[str]:
    said = []
    if own := after.settings.get("edited_preference"):
        said.append(f"preference text edited: “{own}”")
    if before.settings.get("block_size") != after.settings.get("block_size"):
        said.append(f"blocks of {after.settings.get('block_size')} instead of {before.settings.get('block_size')}")
    if before.model.get("adapter_sha256") != after.model.get("adapter_sha256"):
        said.append("another adapter" if after.model.get("adapter_sha256") else "without the adapter")
    if before.model.get("name") != after.model.get("name"):
        said.append(f"model {after.model.get('name')} instead of {before.model.get('name')}")
    return said


def _touched(old: Item, new: Item) -> list[str]:
    said = []
    if old.picture and not new.picture:
        said.append(f"picture of {_name(old)} masked")
    if old.title and not new.title:
        said.append(f"title {_name(old)} masked")
    elif old.title != new.title:
        said.append(f"{_name(old)} renamed {_name(new)}")
    return said


def _dense(run: Run, other: Run) -> dict[str, int]:
    """Ranks among the candidates that the other run scored too."""
    theirs = {candidate.item_id for candidate in other.scores}
    shared = [c.item_id for c in run.scores if c.item_id in theirs]
    return {item_id: rank for rank, item_id in enumerate(shared, start=1)}


def _name(item: Item) -> str:
    return f"“{item.title}”" if item.title else "an untitled picture"


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
