"""Describe every item in one factual sentence: image to text (arXiv 2408.09698, section 3.2)."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence

from msr import prompts
from msr.backbones.protocol import Generation, RecallingBackbone, StopRequested, at_once, even_batches
from msr.certainty import NAME, Certainty
from msr.config import PipelineConfig
from msr.events import ItemDescribed
from msr.prompts import Prompt
from msr.schema import Item, ItemSummary

_LOOKS = 4  # pictures in a batch of `certainty`, after which the work can stop


def describe(
    backbone: RecallingBackbone, items: Sequence[Item], config: PipelineConfig, stop: threading.Event | None = None
) -> Generator[ItemDescribed, None, dict[str, ItemSummary]]:
    """Yield the description of each item as soon as its batch is done, cached ones first; returns all by item id.

    Equal pictures with equal titles are described once. The confidence of a description is the chance that the
    model knows what the picture shows (`Certainty.name`); `familiar` says whether that is enough for a name.
    Raises StopRequested.
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
    # A batch of equally long prompts of one kind needs the least padding.
    unknown.sort(key=lambda prompt: (len(prompt.pictures), len(prompt.text)))
    for batch in even_batches(unknown, at_once(backbone.identity(), config.describe_batch)):
        answers = backbone.generate(batch, config.max_describe_tokens, stop)
        for prompt, answer in zip(batch, answers, strict=True):
            yield from described(prompt, answer)
    return summaries


def _certainty(
    backbone: RecallingBackbone, items: Sequence[Item], stop: threading.Event | None
) -> dict[str, Certainty]:
    """How sure the model is of each item's picture, by item id; `Certainty()` for an item without a picture."""
    known = {item.id: Certainty() for item in items}
    pictured = [(item, item.picture) for item in items if item.picture]
    for some in even_batches(pictured, at_once(backbone.identity(), _LOOKS)):
        if stop is not None and stop.is_set():
            raise StopRequested
        values = backbone.certainty([picture for _, picture in some])
        known.update((item.id, value) for (item, _), value in zip(some, values, strict=True))
    return known
