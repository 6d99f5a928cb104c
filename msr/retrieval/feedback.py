"""Which candidates of a large catalogue are scored: first those nearest to the query, then those that scores promise.

Words and looks know the history, not what the model makes of it. So an eighth of what may be scored is scored, a ridge
regression from places in the index to logits says where the next eighth lies, and so on (relevance feedback, Rocchio
1971; for rankers that cost much a document: MacAvaney et al., "Adaptive re-ranking", CIKM 2022).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace

import numpy as np

from msr.events import StageProgress
from msr.retrieval.index import Index, largest, top
from msr.schema import Candidate, Item

ROUNDS = 8
RIDGE = 1.0  # against places of length about 1

Scoring = Generator[StageProgress, None, tuple[Candidate, ...]]


def search(
    index: Index, query: np.ndarray, items: Sequence[Item], count: int, score: Callable[[Sequence[Item]], Scoring]
) -> Scoring:
    """Answers of `count` of the items, best first: by logit, then by id. `score` is asked in rounds.

    query: (WIDTH,), as `Index.place` makes one. Raises InputProblem for items that the index does not hold.
    """
    items, places = index.places(items)
    count = min(count, len(items))
    chosen: list[int] = []
    found: list[Candidate] = []
    for size in sizes(count):
        new = promising(places, chosen, [c.answer.logit for c in found], size) if found else top(places, query, size)
        work = score([items[row] for row in new])
        answers = {c.item_id: c for c in (yield from _counted(work, len(found), count))}
        chosen += new
        found += [answers[items[row].id] for row in new]
    return tuple(sorted(found, key=lambda candidate: (-candidate.answer.logit, candidate.item_id)))


def sizes(count: int) -> list[int]:
    """How many are scored in each round: at most ROUNDS rounds, as even as can be."""
    rounds = min(ROUNDS, count)
    return [count * (n + 1) // rounds - count * n // rounds for n in range(rounds)]


def promising(places: np.ndarray, known: Sequence[int], logits: Sequence[float], count: int) -> list[int]:
    """Of (N, WIDTH) places the `count` rows that promise the highest logits, by those of `known` rows, which are no
    part of it."""
    seen = places[list(known)].astype(np.float64)
    centred = seen - seen.mean(axis=0)
    wanted = np.asarray(logits, np.float64) - np.mean(logits)
    weights = centred.T @ np.linalg.solve(centred @ centred.T + RIDGE * np.eye(len(seen)), wanted)  # the dual: few rows
    promise = places @ weights.astype(np.float32)
    promise[list(known)] = -np.inf
    return largest(promise, min(count, len(places) - len(seen)))


def _counted(work: Scoring, before: int, total: int) -> Scoring:
    """The work, with its progress counted as a part of the whole."""
    while True:
        try:
            event = next(work)
        except StopIteration as end:
            return end.value
        yield replace(event, done=before + event.done, total=total)
