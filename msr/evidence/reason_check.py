"""Compare a model-written reason with what was measured: what it names without effect, and what it leaves unsaid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from msr.evidence.compare import content_words
from msr.schema import Agreement, Influence, Item, ItemSummary, Recommendation

STILL = 0.005  # half a point of P(Yes): an item that changes the score by less did not move it
MOVED = 0.02  # two points: a reason should name an item that changes the score by so much


def agreement(
    rationale: str,
    candidate: Item,
    history: Sequence[Item],
    summaries: Mapping[str, ItemSummary],
    influence: Sequence[Influence],
) -> Agreement:
    """Compare what the reason for a candidate names, and leaves out, with the measured influence.

    A history item bears the words of its title and of its description. The effect of a word is the strongest one of
    the items that bear it, in any reading. Only words of the candidate's description can be unsaid: nobody misses the
    name of a product in a reason.
    """
    effects = _effects(history, summaries, influence)
    named = [word for word in content_words(rationale) if word in effects]
    shared = [word for word in _attributes(candidate, summaries) if word in effects and word not in named]
    return Agreement(
        tuple(word for word in named if effects[word] < STILL),
        tuple(word for word in named if effects[word] >= MOVED),
        tuple(word for word in shared if effects[word] >= MOVED),
    )


def with_agreement(
    recommended: Sequence[Recommendation],
    items: Mapping[str, Item],
    history: Sequence[Item],
    summaries: Mapping[str, ItemSummary],
) -> tuple[Recommendation, ...]:
    """Add its agreement to each recommendation that has both a reason and measured influence."""
    return tuple(
        replace(r, agreement=agreement(r.rationale, items[r.item_id], history, summaries, r.influence))
        if r.rationale and r.influence
        else r
        for r in recommended
    )


def named_items(rationale: str, history: Iterable[Item], summaries: Mapping[str, ItemSummary]) -> dict[str, int]:
    """Count the words of the reason that each history item bears, by item id; items that bear none are left out."""
    named = set(content_words(rationale))
    counts = {item.id: len(named & set(words(item, summaries))) for item in history}
    return {item_id: count for item_id, count in counts.items() if count}


def words(item: Item, summaries: Mapping[str, ItemSummary]) -> tuple[str, ...]:
    """The content words of an item's title and of its description."""
    described = summaries[item.id].text if item.id in summaries else ""
    return content_words(f"{item.title} {described}")


def _attributes(item: Item, summaries: Mapping[str, ItemSummary]) -> tuple[str, ...]:
    """The words of an item's description, or of its title if it was not described."""
    return content_words(summaries[item.id].text if item.id in summaries else item.title)


def _effects(
    history: Sequence[Item], summaries: Mapping[str, ItemSummary], influence: Sequence[Influence]
) -> dict[str, float]:
    """The effect of each word of the measured history items, as a change of P(Yes)."""
    strongest: dict[str, float] = {}
    for row in influence:
        strongest[row.history_id] = max(strongest.get(row.history_id, 0.0), abs(row.delta))
    effects: dict[str, float] = {}
    for item in history:
        for word in words(item, summaries) if item.id in strongest else ():
            effects[word] = max(effects.get(word, 0.0), strongest[item.id])
    return effects
