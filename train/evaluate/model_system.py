"""The multimodal model as one of the compared systems; it runs through `msr`, as in the app.

A prompt begins with a preference text of one of these kinds:

- *generated*: the model describes the latest items and rewrites a preference block by block, as the app does (arXiv
  2408.09698, sections 3.2 and 3.3);
- *symbolic*: the rule that writes its training targets (`train.teach.targets`), for films with genres. It tests the
  recommender alone;
- *titles*: none. The prompt has the recent titles only.

Scores are appended to a JSONL file under a hash of the whole input, so an interrupted evaluation goes on, and equal
questions are asked once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from msr.backbones.wrappers import CachedBackbone, model_key
from msr.config import PipelineConfig
from msr.stages import describe, preference, rank
from msr.storage import content_key
from train.data.dataset import CatalogueItem, Dataset
from train.data.splits import Case
from train.names import GENERATED, SYMBOLIC, TITLES
from train.teach import targets
from train.teach.examples import HISTORY, AppItems
from train.teach.pictures import movie


@dataclass(frozen=True)
class Reading:
    """How much of a history is read, and in what steps.

    history: number of latest items. block_size: items in one step; with `history` items in a step, one text summarises
    all.

    Raises:
        ValueError: one of them is less than 1.
    """

    history: int = HISTORY
    block_size: int = PipelineConfig.block_size

    def __post_init__(self) -> None:
        for name in ("history", "block_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")


Writer = Callable[[Sequence[Sequence[str]]], list[str]]  # histories (item ids, oldest first) -> texts, in order


def default_preference(data: Dataset) -> str:
    """The default kind: generated if there are pictures to describe, else titles."""
    return GENERATED if any(item.image for item in data.items.values()) else TITLES


def writer(
    kind: str, items: AppItems, backbone: CachedBackbone, reading: Reading | None = None, walker: Any = None
) -> Writer:
    """The function that writes preferences of a kind.

    The rest is for generated ones. reading: how histories are read; walker: the backbone that rewrites preferences
    block by block, if it is not the `backbone` that describes items.
    """
    return {
        GENERATED: lambda histories: _generated(histories, items, backbone, reading or Reading(), walker or backbone),
        SYMBOLIC: lambda histories: [_symbolic(items.items, history) for history in histories],
        TITLES: lambda histories: [""] * len(histories),
    }[kind]


def _generated(
    histories: Sequence[Sequence[str]], items: AppItems, backbone: CachedBackbone, reading: Reading, walker: Any
) -> list[str]:
    """Describe the items and rewrite the preferences of all histories together. Cached texts are not written again."""
    config = PipelineConfig()
    read = [items.pick(history[-reading.history :]) for history in histories]
    unique = {item.id: item for some in read for item in some}
    described = {e.summary.item_id: e.summary for e in describe.describe(backbone, list(unique.values()), config)}
    blocks = [
        [preference.described(block, unique, described) for block in preference.blocks(some, reading.block_size)]
        for some in read
    ]
    *_, texts = [""] * len(read), *preference.recompute(walker, blocks, config.max_preference_tokens)
    return texts


def _symbolic(items: Mapping[str, CatalogueItem], history: Sequence[str]) -> str:
    shots = [movie(items[item_id]) for item_id in history[-HISTORY:]]
    taste = targets.Taste()
    for start in range(0, len(shots), PipelineConfig.block_size):
        taste = taste.update(shots[start : start + PipelineConfig.block_size])
    return taste.text() if shots else ""


class ScoreLog:
    """A file of scores, one JSON object a line: {"key", "scores"}; a line that was cut off is dropped.

    Without a path, scores are kept in memory.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._known: dict[str, list[float]] = {}
        lines = path.read_text(encoding="utf-8").split("\n") if path and path.exists() else [""]
        for line in lines[:-1]:
            entry = json.loads(line)
            self._known[entry["key"]] = entry["scores"]
        if path and lines[-1]:  # the last line has no line break: it was cut off
            path.write_text("\n".join([*lines[:-1], ""]), encoding="utf-8")

    def get(self, key: str) -> list[float] | None:
        return self._known.get(key)

    def put(self, key: str, scores: list[float]) -> None:
        self._known[key] = scores
        if self._path:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"key": key, "scores": scores}) + "\n")


class Model:
    """The model as a system; its scores are Yes-minus-No logits, after a preference text and the recent titles.

    items: the items as the app sees them, with or without pictures; write: writes the preferences; tuned: False
    switches the adapter off for preferences and answers (a pocket model keeps its connector, without which it cannot
    see); history: number of latest items whose titles are in the prompt.
    """

    def __init__(
        self,
        name: str,
        backbone: CachedBackbone,
        items: AppItems,
        write: Writer,
        log: ScoreLog,
        tuned: bool = True,
        history: int = HISTORY,
    ) -> None:
        self.name = name
        self._backbone = backbone
        self._items = items
        self._write = write
        self._history = history
        self._log = log
        self._off = nullcontext if tuned else backbone.adapter_off
        self.texts: dict[str, str] = {}  # preferences by user

    def prepare(self, cases: Sequence[Case]) -> None:
        """Write the preferences of the cases' users in one batch."""
        new = [case for case in cases if case.user not in self.texts]
        if new:
            with self._off():
                texts = self._write([case.history for case in new])
            self.texts.update(zip((case.user for case in new), texts, strict=True))

    def scores(self, case: Case) -> np.ndarray:
        """(candidates,)"""
        self.prepare([case])
        text = self.texts[case.user]
        recent = [self._items.title(item_id) for item_id in case.history[-self._history :]]
        items = self._items.pick(case.candidates)
        with self._off():
            key = content_key(
                model=model_key(self._backbone.identity()),
                preference=text,
                recent=recent,
                candidates=[[i.id, i.title, i.picture.digest if i.picture else None] for i in items],
            )[:24]
            found = self._log.get(key)
            if found is None:
                logits = {c.item_id: c.answer.logit for c in result(rank.score(self._backbone, text, recent, items))}
                found = [logits[item.id] for item in items]
                self._log.put(key, found)
        return np.array(found)


def result(work):
    """Exhaust a generator and return its return value."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value
