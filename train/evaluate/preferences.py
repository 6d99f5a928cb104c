"""The preference text that a recommendation prompt of the evaluation begins with, and the items behind it.

*generated*: the model describes the latest items and rewrites a preference block by block, as the app does (arXiv
2408.09698, sections 3.2 and 3.3). *symbolic*: the rule that its training targets come from (`train.teach.targets`), for
films with genres; it measures the recommender alone. *titles*: none, the prompt shows the recent titles only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msr.backbones.wrappers import CachedBackbone
from msr.config import PipelineConfig
from msr.stages import describe, preference
from train.data.dataset import CatalogueItem, Dataset
from train.names import GENERATED, SYMBOLIC, TITLES
from train.teach import targets
from train.teach.examples import HISTORY, AppItems
from train.teach.pictures import movie


@dataclass(frozen=True)
class Reading:
    """How much of a history is read, and in what steps.

    history: latest items; block_size: items a step, so that as many as `history` make one direct summary of all.

    Raises:
        ValueError: one of them is under 1.
    """

    history: int = HISTORY
    block_size: int = PipelineConfig.block_size

    def __post_init__(self) -> None:
        for name in ("history", "block_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")


Writer = Callable[[Sequence[Sequence[str]]], list[str]]  # histories (item ids, oldest first) -> texts, in order


def default(data: Dataset) -> str:
    """Generated where there are pictures to describe, else titles."""
    return GENERATED if any(item.image for item in data.items.values()) else TITLES


def writer(
    kind: str, items: AppItems, backbone: CachedBackbone, reading: Reading | None = None, walker: Any = None
) -> Writer:
    """The way to write preferences that `kind` names.

    reading: of generated ones; walker: what rewrites them block by block where it is not the `backbone` that describes
    the items.
    """
    return {
        GENERATED: lambda histories: _generated(histories, items, backbone, reading or Reading(), walker or backbone),
        SYMBOLIC: lambda histories: [_symbolic(items.items, history) for history in histories],
        TITLES: lambda histories: [""] * len(histories),
    }[kind]


def _generated(
    histories: Sequence[Sequence[str]], items: AppItems, backbone: CachedBackbone, reading: Reading, walker: Any
) -> list[str]:
    """Describes the items and walks all histories at once; a text that the cache knows is not written again."""
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
