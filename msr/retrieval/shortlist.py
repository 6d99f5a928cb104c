"""Where to look for the candidates of one run: near the preference text and the recent history."""

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


def query(
    index: Index,
    backbone: Backbone,
    history: Sequence[Item],
    summaries: Mapping[str, ItemSummary],
    preference_text: str,
    stop: threading.Event | None = None,
) -> np.ndarray:
    """(WIDTH,): the mean place of the preference text and of each recent item's title and description, beside that of
    their pictures if the index has seen pictures by the same tower. Raises StopRequested."""
    recent = history[-RECENT_TITLES:]
    texts = [preference_text]
    texts += [f"{item.title} {summaries[item.id].text if item.id in summaries else ''}" for item in recent]
    pictures = [item.picture for item in recent if item.picture]
    same = index.tower == tower(backbone) and len(index.pictures.mean)
    views = seeing(backbone, stop)(pictures) if pictures and same else None
    return index.place(texts, views)


def by_titles(backbone: Backbone, items: Sequence[Item], stop: threading.Event | None = None) -> Index:
    """An index that is there in seconds: only pictures of untitled items are looked at. Raises StopRequested."""
    told = [replace(item, picture=None) if item.title else item for item in items]
    return build(told, seeing(backbone, stop), tower(backbone))


def tower(backbone: Backbone) -> str:
    """A name, fit for a folder, of whose views these are."""
    identity = backbone.identity()
    whose = identity.get("tower") or [identity.get("name"), identity.get("revision"), identity.get("adapter_sha256")]
    return content_key(tower=whose, dtype=identity.get("dtype"))[:16]


def seeing(backbone: Backbone, stop: threading.Event | None = None) -> Callable[[Sequence[Picture]], np.ndarray]:
    """The backbone's `views`, which raise StopRequested once `stop` is set."""

    def see(pictures: Sequence[Picture]) -> np.ndarray:
        if stop is not None and stop.is_set():
            raise StopRequested
        return backbone.views(pictures)

    return see


# ---- Which candidates of a large catalogue are scored: first those nearest to the query, then the promising ones.
#
# Words and looks know the history, not what the model makes of it. So an eighth of what may be scored is scored, a
# ridge regression from places in the index to logits says where the next eighth lies, and so on (relevance feedback,
# Rocchio 1971; for rankers that cost much a document: MacAvaney et al., "Adaptive re-ranking", CIKM 2022).


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
