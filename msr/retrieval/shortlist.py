"""Choose which candidates of a large catalogue are scored: the shortlist of one run.

The search starts with the candidates that are most similar to the preference text and the recent history. Similarity
alone does not know how the model scores. So an eighth of the shortlist is scored, a ridge regression from vectors in
the index to logits predicts the best candidates for the next eighth, and so on (relevance feedback, Rocchio 1971; for
rankers with a high cost for each document: MacAvaney et al., "Adaptive re-ranking", CIKM 2022).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from msr.backbones.protocol import Backbone, StopRequested
from msr.events import StageProgress
from msr.prompts import RECENT_TITLES
from msr.retrieval.index import Index, build, largest, top
from msr.schema import Candidate, Item, ItemSummary, Picture
from msr.storage import content_key

ROUNDS = 8
RIDGE = 1.0  # weight of the ridge penalty; vectors have a length of about 1

Scoring = Generator[StageProgress, None, tuple[Candidate, ...]]


def query(
    index: Index,
    backbone: Backbone,
    history: Sequence[Item],
    summaries: Mapping[str, ItemSummary],
    preference_text: str,
    stop: threading.Event | None = None,
) -> np.ndarray:
    """The query vector (WIDTH,) of a run. Raises StopRequested.

    Its text half is the mean vector of the preference text and of each recent item's title and description. Its picture
    half is the mean vector of the recent pictures, if the index has views of the same vision tower.
    """
    recent = history[-RECENT_TITLES:]
    texts = [preference_text]
    texts += [f"{item.title} {summaries[item.id].text if item.id in summaries else ''}" for item in recent]
    pictures = [item.picture for item in recent if item.picture]
    same = index.tower == tower(backbone) and len(index.pictures.mean)
    views = seeing(backbone, stop)(pictures) if pictures and same else None
    return index.place(texts, views)


def by_titles(backbone: Backbone, items: Sequence[Item], stop: threading.Event | None = None) -> Index:
    """Build an index in seconds: only the pictures of untitled items are encoded. Raises StopRequested."""
    told = [replace(item, picture=None) if item.title else item for item in items]
    return build(told, seeing(backbone, stop), tower(backbone))


def tower(backbone: Backbone) -> str:
    """An identifier of the backbone's vision tower that can name a folder."""
    identity = backbone.identity()
    whose = identity.get("tower") or [identity.get("name"), identity.get("revision"), identity.get("adapter_sha256")]
    return content_key(tower=whose, dtype=identity.get("dtype"))[:16]


def seeing(backbone: Backbone, stop: threading.Event | None = None) -> Callable[[Sequence[Picture]], np.ndarray]:
    """The backbone's `views`; it raises StopRequested once `stop` is set."""

    def see(pictures: Sequence[Picture]) -> np.ndarray:
        if stop is not None and stop.is_set():
            raise StopRequested
        return backbone.views(pictures)

    return see


def search(
    index: Index, query: np.ndarray, items: Sequence[Item], count: int, score: Callable[[Sequence[Item]], Scoring]
) -> Scoring:
    """Choose and score `count` of the items, in rounds of `score`; returns the candidates by logit, then by id.

    query: (WIDTH,), made by `Index.place`. Raises InputProblem for items that the index does not hold.
    """
    items, vectors = index.vectors_of(items)
    count = min(count, len(items))
    chosen: list[int] = []
    found: list[Candidate] = []
    for size in sizes(count):
        new = promising(vectors, chosen, [c.answer.logit for c in found], size) if found else top(vectors, query, size)
        work = score([items[row] for row in new])
        answers = {c.item_id: c for c in (yield from _counted(work, len(found), count))}
        chosen += new
        found += [answers[items[row].id] for row in new]
    return tuple(sorted(found, key=lambda candidate: (-candidate.answer.logit, candidate.item_id)))


def sizes(count: int) -> list[int]:
    """How many candidates each round scores: at most ROUNDS rounds of nearly equal size."""
    rounds = min(ROUNDS, count)
    return [count * (n + 1) // rounds - count * n // rounds for n in range(rounds)]


def promising(vectors: np.ndarray, known: Sequence[int], logits: Sequence[float], count: int) -> list[int]:
    """The `count` rows of the vectors (N, WIDTH) with the highest predicted logits, without the `known` rows.

    A ridge regression on the `logits` of the known rows predicts the others.
    """
    seen = vectors[list(known)].astype(np.float64)
    centred = seen - seen.mean(axis=0)
    wanted = np.asarray(logits, np.float64) - np.mean(logits)
    # The dual form, because there are few rows.
    weights = centred.T @ np.linalg.solve(centred @ centred.T + RIDGE * np.eye(len(seen)), wanted)
    promise = vectors @ weights.astype(np.float32)
    promise[list(known)] = -np.inf
    return largest(promise, min(count, len(vectors) - len(seen)))


def _counted(work: Scoring, before: int, total: int) -> Scoring:
    """The events of `work`, with progress counted over the whole search."""
    while True:
        try:
            event = next(work)
        except StopIteration as end:
            return end.value
        yield replace(event, done=before + event.done, total=total)
