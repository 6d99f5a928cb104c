"""Holds a written reason against what was measured: does it name something whose removal moves nothing?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msr.drift import content_words
from msr.schema import Evidence, Item, ItemSummary

STILL = 0.005  # half a point of P(Yes): below that, nothing moved


def unmoved(
    rationale: str, history: Sequence[Item], summaries: Mapping[str, ItemSummary], influence: Sequence[Evidence]
) -> tuple[str, ...]:
    """Words of the reason that history items share, none of which moved the score when it was left out."""
    strongest: dict[str, float] = {}
    for row in influence:
        strongest[row.history_id] = max(strongest.get(row.history_id, 0.0), abs(row.delta))
    told = []
    for word in content_words(rationale):
        bearers = [item.id for item in history if word in _words(item, summaries) and item.id in strongest]
        if bearers and all(strongest[item_id] < STILL for item_id in bearers):
            told.append(word)
    return tuple(told)


def _words(item: Item, summaries: Mapping[str, ItemSummary]) -> tuple[str, ...]:
    described = summaries[item.id].text if item.id in summaries else ""
    return content_words(f"{item.title} {described}")
