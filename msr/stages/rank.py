"""Score candidates by Yes and No, and rank them by score (arXiv 2408.09698, section 3.4)."""

from __future__ import annotations

import threading
from collections.abc import Generator, Mapping, Sequence

from msr import prompts
from msr.backbones.protocol import Backbone, at_once, even_batches
from msr.events import StageProgress
from msr.schema import Candidate, Item, Recommendation

CHUNK = 50  # candidates in one scoring call: few enough to stop soon, enough to gain by their shared prefix


def candidates(history: Sequence[Item], catalogue: Sequence[Item]) -> list[Item]:
    """The catalogue without the items of the history, which are known by their id or by equal picture and title."""
    ids = {item.id for item in history}
    looks = {_look(item) for item in history}
    return [item for item in catalogue if item.id not in ids and _look(item) not in looks]


def score(
    backbone: Backbone,
    preference_text: str,
    recent: Sequence[str],
    items: Sequence[Item],
    stop: threading.Event | None = None,
) -> Generator[StageProgress, None, tuple[Candidate, ...]]:
    """Score all items, and return their answers, best first: by logit, then by id.

    `recent` are the history's titles, oldest first. Batches are cut from one fixed order, so the order of `items`
    changes nothing, not even rounding. Raises StopRequested.
    """
    ordered = sorted(items, key=lambda item: (item.picture is None, len(item.title), item.id))
    scored: list[Candidate] = []
    yield StageProgress("rank", 0, len(ordered))
    for chunk in even_batches(ordered, at_once(backbone.identity(), CHUNK)):
        answers = backbone.score([prompts.recommend(preference_text, recent, item) for item in chunk], stop)
        scored.extend(Candidate(item.id, answer) for item, answer in zip(chunk, answers, strict=True))
        yield StageProgress("rank", len(scored), len(ordered))
    return tuple(sorted(scored, key=lambda candidate: (-candidate.answer.logit, candidate.item_id)))


def recommendations(scored: Sequence[Candidate], items: Mapping[str, Item], top: int) -> tuple[Recommendation, ...]:
    """Make recommendations of the first `top` candidates, which are in order; ranks count from 1."""
    return tuple(
        Recommendation(rank, c.item_id, items[c.item_id].title, c.answer.score)
        for rank, c in enumerate(scored[:top], start=1)
    )


def _look(item: Item) -> tuple[str, str | None]:
    return item.title, item.picture.digest if item.picture else None
