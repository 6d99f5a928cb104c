"""Holds a written reason against what was measured: what it names without effect, and what it leaves unsaid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from msr.evidence.drift import content_words
from msr.schema import Agreement, Influence, Item, ItemSummary, Recommendation

STILL = 0.005  # half a point of P(Yes): below that, nothing moved
MOVED = 0.02  # two points: from there on, a reason should have said so


def agreement(
    rationale: str,
    candidate: Item,
    history: Sequence[Item],
    summaries: Mapping[str, ItemSummary],
    influence: Sequence[Influence],
) -> Agreement:
    """What the reason for a candidate names and leaves out, held against its measured influence.

    A word's effect is the strongest of the items that bear it, whichever reading shows it. Unsaid are attributes of
    the candidate's description alone: nobody misses a product's name in a reason.
    """
    effects = _effects(history, summaries, influence)
    named = [word for word in content_words(rationale) if word in effects]
    shared = [word for word in _attributes(candidate, summaries) if word in effects and word not in named]
    return Agreement(
        tuple(word for word in named if effects[word] < STILL),
        tuple(word for word in named if effects[word] >= MOVED),
        tuple(word for word in shared if effects[word] >= MOVED),
    )


def held_against(
    recommended: Sequence[Recommendation],
    items: Mapping[str, Item],
    history: Sequence[Item],
    summaries: Mapping[str, ItemSummary],
) -> tuple[Recommendation, ...]:
    """The recommendations with the agreement of each that has both a reason and measured influence."""
    return tuple(
        replace(r, agreement=agreement(r.rationale, items[r.item_id], history, summaries, r.influence))
        if r.rationale and r.influence
        else r
        for r in recommended
    )


def bearers(rationale: str, history: Iterable[Item], summaries: Mapping[str, ItemSummary]) -> dict[str, int]:
    """How many of the reason's words each history item bears, by item id; items that bear none are left out."""
    named = set(content_words(rationale))
    counts = {item.id: len(named & set(words(item, summaries))) for item in history}
    return {item_id: count for item_id, count in counts.items() if count}


def words(item: Item, summaries: Mapping[str, ItemSummary]) -> tuple[str, ...]:
    """What can be said of an item: the content words of its title and its description."""
    described = summaries[item.id].text if item.id in summaries else ""
    return content_words(f"{item.title} {described}")


def _attributes(item: Item, summaries: Mapping[str, ItemSummary]) -> tuple[str, ...]:
    """What a description names; of an item without one, the words of its title, which may be a mere name."""
    return content_words(summaries[item.id].text if item.id in summaries else item.title)


def _effects(
    history: Sequence[Item], summaries: Mapping[str, ItemSummary], influence: Sequence[Influence]
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
