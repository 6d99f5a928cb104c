"""Let the model write a rationale for each recommendation.

A rationale is what the model says about its decision. What moved the score is measured by `msr.evidence`.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace

from msr import prompts
from msr.backbones.protocol import RecallingBackbone, at_once, even_batches
from msr.config import PipelineConfig
from msr.events import Explained, ItemDescribed, StageProgress
from msr.schema import Item, ItemSummary, Recommendation
from msr.stages.describe import describe

BATCH = 16  # rationales in one call of generate


def explain(
    backbone: RecallingBackbone,
    preference_text: str,
    recommended: Sequence[Recommendation],
    items: Mapping[str, Item],
    config: PipelineConfig,
    stop: threading.Event | None = None,
) -> Generator[
    ItemDescribed | Explained | StageProgress, None, tuple[tuple[Recommendation, ...], dict[str, ItemSummary]]
]:
    """Describe the recommended items, then write a rationale for each.

    Returns the recommendations with their rationales, and the descriptions by item id. Raises StopRequested.
    """
    steps, done = 2 * len(recommended), 0
    summaries: dict[str, ItemSummary] = {}
    yield StageProgress("explain", done, steps)
    for event in describe(backbone, [items[r.item_id] for r in recommended], config, stop):
        summaries[event.summary.item_id] = event.summary
        done += 1
        yield event
        yield StageProgress("explain", done, steps)
    explained: list[Recommendation] = []
    for batch in even_batches(recommended, at_once(backbone.identity(), BATCH)):
        asked = [
            prompts.explain(preference_text, items[r.item_id], summaries[r.item_id].text, liked=r.score >= 0.5)
            for r in batch
        ]
        answers = backbone.generate(asked, config.max_rationale_tokens, stop)
        for recommendation, answer in zip(batch, answers, strict=True):
            explained.append(replace(recommendation, rationale=prompts.clean_answer(answer.text)))
            yield Explained(explained[-1])
        done += len(batch)
        yield StageProgress("explain", done, steps)
    return tuple(explained), summaries
