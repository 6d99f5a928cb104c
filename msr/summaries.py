"""Image to text: every item in one factual sentence (arXiv 2408.09698, section 3.2)."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence

from msr import prompts
from msr.backbones.base import Generation, StopRequested
from msr.backbones.cached import CachedBackbone
from msr.batches import at_once, even_batches
from msr.certainty import NAME, Certainty
from msr.config import PipelineConfig
from msr.events import ItemDescribed
from msr.prompts import Prompt
from msr.schema import Item, ItemSummary

_LOOKS = 4  # pictures that are looked at between two chances to stop


def describe(
    backbone: CachedBackbone, items: Sequence[Item], config: PipelineConfig, stop: threading.Event | None = None
) -> Generator[ItemDescribed, None, dict[str, ItemSummary]]:
    """Yields each item's description as its batch finishes, known ones first; returns all of them by item id.

    Equal pictures with equal titles are described once. `confidence` is the chance that the picture's name is right
    (`Certainty.name`), and `familiar` says whether it was certain enough to be told. Raises StopRequested.
    """
    known = _certainty(backbone, items, stop)
    asked: dict[Prompt, list[Item]] = {}
    for item in items:
        asked.setdefault(prompts.describe(item, known[item.id].level), []).append(item)

    summaries: dict[str, ItemSummary] = {}

    def described(prompt: Prompt, answer: Generation) -> Generator[ItemDescribed, None, None]:
        for item in asked[prompt]:
            certain = known[item.id]
            summary = ItemSummary(item.id, prompts.clean_answer(answer.text), certain.name, certain.level == NAME)
            summaries[item.id] = summary
            yield ItemDescribed(summary)

    unknown = []
    for prompt in asked:
        answer = backbone.recall(prompt, config.max_describe_tokens)
        if answer is None:
            unknown.append(prompt)
        else:
            yield from described(prompt, answer)
    # Prompts of a kind and a length batch with the least padding.
    unknown.sort(key=lambda prompt: (len(prompt.pictures), len(prompt.text)))
    for batch in even_batches(unknown, at_once(backbone.identity(), config.describe_batch)):
        answers = backbone.generate(batch, config.max_describe_tokens, stop)
        for prompt, answer in zip(batch, answers, strict=True):
            yield from described(prompt, answer)
    return summaries


def _certainty(backbone: CachedBackbone, items: Sequence[Item], stop: threading.Event | None) -> dict[str, Certainty]:
    """By item id; of an item without a picture nothing is known."""
    known = {item.id: Certainty() for item in items}
    pictured = [item for item in items if item.picture]
    for some in even_batches(pictured, at_once(backbone.identity(), _LOOKS)):
        if stop is not None and stop.is_set():
            raise StopRequested
        values = backbone.certainty([item.picture for item in some])
        known.update((item.id, value) for item, value in zip(some, values, strict=True))
    return known
