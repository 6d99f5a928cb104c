"""Holds a written reason against what was measured: what it names without effect, and what it leaves unsaid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from msr.drift import content_words
from msr.schema import Evidence, Item, ItemSummary

STILL = 0.005  # half a point of P(Yes): below that, nothing moved
MOVED = 0.02  # two points: from there on, a reason should have said so


@dataclass(frozen=True)
class Agreement:
    """Words of a reason, and words that it does not use, by what leaving out the items that bear them did.

    `still` are named but moved nothing, `moved` are named and moved the score, `unsaid` moved it, fit the candidate
    and are not named. A word whose bearers moved the score a little, or were not measured, is in none of them.
    """

    still: tuple[str, ...]
    moved: tuple[str, ...]
    unsaid: tuple[str, ...]

    def sentences(self) -> list[str]:
        """In plain words; empty where reason and measurement agree."""
        told = []
        if self.still:
            told.append(f"The reason names {_listed(self.still)}, but leaving out what is described so moves nothing.")
        if self.unsaid:
            told.append(f"Leaving out what is {_listed(self.unsaid)} moves the score, but the reason does not say so.")
        return told


def agreement(
    rationale: str,
    candidate: Item,
    history: Sequence[Item],
    summaries: Mapping[str, ItemSummary],
    influence: Sequence[Evidence],
) -> Agreement:
    """What the reason for a candidate names and leaves out, held against its measured influence.

    A word's effect is the strongest of the items that bear it, whichever reading shows it.
    """
    effects = _effects(history, summaries, influence)
    named = [word for word in content_words(rationale) if word in effects]
    shared = [word for word in words(candidate, summaries) if word in effects and word not in content_words(rationale)]
    return Agreement(
        tuple(word for word in named if effects[word] < STILL),
        tuple(word for word in named if effects[word] >= MOVED),
        tuple(word for word in shared if effects[word] >= MOVED),
    )


def unmoved(
    rationale: str, history: Sequence[Item], summaries: Mapping[str, ItemSummary], influence: Sequence[Evidence]
) -> tuple[str, ...]:
    """Words of the reason that history items share, none of which moved the score when it was left out."""
    effects = _effects(history, summaries, influence)
    return tuple(word for word in content_words(rationale) if effects.get(word, STILL) < STILL)


def bearers(rationale: str, history: Iterable[Item], summaries: Mapping[str, ItemSummary]) -> dict[str, int]:
    """How many of the reason's words each history item bears, by item id; items that bear none are left out."""
    named = set(content_words(rationale))
    counts = {item.id: len(named & set(words(item, summaries))) for item in history}
    return {item_id: count for item_id, count in counts.items() if count}


def words(item: Item, summaries: Mapping[str, ItemSummary]) -> tuple[str, ...]:
    """What can be said of an item: the content words of its title and its description."""
    described = summaries[item.id].text if item.id in summaries else ""
    return content_words(f"{item.title} {described}")


def _effects(
    history: Sequence[Item], summaries: Mapping[str, ItemSummary], influence: Sequence[Evidence]
) -> dict[str, float]:
    """Each word of a measured history item with the strongest change of P(Yes) that leaving out a bearer made."""
    strongest: dict[str, float] = {}
    for row in influence:
        strongest[row.history_id] = max(strongest.get(row.history_id, 0.0), abs(row.delta))
    effects: dict[str, float] = {}
    for item in history:
        for word in words(item, summaries) if item.id in strongest else ():
            effects[word] = max(effects.get(word, 0.0), strongest[item.id])
    return effects


def _listed(said: Sequence[str]) -> str:
    quoted = [f"“{word}”" for word in said]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
