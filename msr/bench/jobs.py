"""The jobs that are timed: scoring, describing, preference steps, the whole job. Each gives rows.

Baselines run on at most `Plan.baselines` items; their time grows in proportion, so the rest is multiplied and marked.
The rate of a floor is measured right after ours: a machine that is shared, or gets warm, is not equally fast all along.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from msr import preference, prompts, ranking, summaries
from msr.backbones.cached import CachedBackbone
from msr.backbones.local import LocalBackbone
from msr.bench import baselines, floor, inputs
from msr.bench.measure import Row, measured
from msr.bench.plan import Plan
from msr.cache import TextCache
from msr.config import PipelineConfig
from msr.events import Finished
from msr.pipeline import Pipeline
from msr.prompts import Prompt
from msr.schema import Block, Item, ItemSummary, Run, YesNo

R = TypeVar("R")

CONFIG = PipelineConfig()


def scoring(backbone: LocalBackbone, plan: Plan) -> Iterator[Row]:
    """Candidates behind one preference: with pictures that were looked at before, and with new ones."""
    text = inputs.preference(backbone, plan.preference_tokens)
    for n in plan.score:
        items = inputs.items(n, "candidate ")
        asked = [prompts.recommend(text, (), item) for item in items]
        some = asked[: plan.baselines]
        published = measured(lambda some=some: baselines.published(backbone, some))
        plain = measured(lambda some=some: baselines.plain(backbone, some))
        picture_macs = floor.looking(backbone, [item.picture for item in items])
        text_macs = _scoring_macs(backbone, asked)

        def ours(items: Sequence[Item] = items) -> dict[str, YesNo]:
            return {c.item_id: c.answer for c in drained(ranking.score(backbone, text, (), items))}

        new = measured(ours, before=backbone.forget)
        new_floor = floor.seconds(backbone, text_macs + picture_macs)
        known = measured(ours, before=backbone.forget_prefix)
        known_floor = floor.seconds(backbone, text_macs)
        apart = max(
            abs(known.result[item.id].score - answer.score)
            for item, answer in zip(items, plain.result, strict=False)  # the baseline's part of them
        )
        for task, mine, least in (("score", known, known_floor), ("score new pictures", new, new_floor)):
            row = Row(task, n, mine.seconds, published.seconds, plain.seconds, least, mine.peak_mb, apart=apart)
            yield row.scaled_by(n / len(some))


def describing(backbone: LocalBackbone, plan: Plan) -> Iterator[Row]:
    """A catalogue that was never seen."""
    for n in plan.describe:
        items = inputs.items(n, "catalogue ")
        asked = [prompts.describe(item) for item in items]
        some = asked[: plan.baselines]
        macs = floor.looking(backbone, [item.picture for item in items])
        ours = measured(lambda items=items: _described(backbone, items), before=backbone.forget)
        macs += _writing_macs(backbone, asked, [summary.text for summary in ours.result.values()])
        least = floor.seconds(backbone, macs)
        published = measured(lambda some=some: baselines.texts(backbone, some, CONFIG.max_describe_tokens))
        row = Row("describe", n, ours.seconds, published.seconds, None, least, ours.peak_mb)
        yield row.scaled_by(n / len(some))


def preferring(backbone: LocalBackbone, plan: Plan) -> Iterator[Row]:
    """Preference steps over items that are described already."""
    n = max(plan.histories)
    history = inputs.items(n, "history ")
    seen = _described(backbone, history)
    blocks = [
        preference.described(block, {i.id: i for i in history}, seen)
        for block in preference.blocks(history, CONFIG.block_size)
    ]
    ours = measured(lambda: _preferences(backbone, blocks))
    asked = [prompts.preference(before, block) for before, block in zip(["", *ours.result], blocks, strict=False)]
    least = floor.seconds(backbone, _writing_macs(backbone, asked, ours.result))
    published = measured(lambda: [baselines.texts(backbone, [one], CONFIG.max_preference_tokens)[0] for one in asked])
    yield Row("preference steps", len(blocks), ours.seconds, published.seconds, None, least, ours.peak_mb)


def whole(backbone: LocalBackbone, plan: Plan) -> Iterator[Row]:
    """A history that was never seen, to a ranked catalogue whose pictures were; then with explanations."""
    catalogue = inputs.items(plan.candidates, "candidate ")
    pictures = [item.picture for item in catalogue]

    def before() -> None:
        backbone.forget()
        backbone.certainty(pictures)

    for n in plan.histories:
        history = inputs.items(n, "history ")
        ranked = measured(lambda history=history: _run(backbone, history, catalogue, 0), before)
        published = measured(lambda history=history, run=ranked.result: _published_job(backbone, run, catalogue))
        note = f"n: history items; {len(catalogue)} candidates"
        yield Row("whole job", n, ranked.seconds, published.seconds, None, None, ranked.peak_mb, note=note)
        explained = measured(lambda history=history: _run(backbone, history, catalogue, CONFIG.explain_top), before)
        yield Row("whole job, explained", n, explained.seconds, peak_mb=explained.peak_mb, note=note)


def _described(backbone: LocalBackbone, items: Sequence[Item]) -> dict[str, ItemSummary]:
    return drained(summaries.describe(CachedBackbone(backbone, TextCache()), items, CONFIG))


def _preferences(backbone: LocalBackbone, blocks: Sequence[Sequence[preference.Described]]) -> list[str]:
    texts = [""]
    for n, read in enumerate(blocks):
        block = Block(n, tuple(item.id for item, _ in read))
        step = drained(preference.update(backbone, texts[-1], block, read, CONFIG.max_preference_tokens))
        texts.append(step.text)
    return texts[1:]


def _run(backbone: LocalBackbone, history: Sequence[Item], catalogue: Sequence[Item], explain: int) -> Run:
    config = replace(CONFIG, explain_top=explain, shortlist=len(catalogue))
    *_, last = Pipeline(backbone, config).run(history, catalogue)
    assert isinstance(last, Finished)
    return last.run


def _published_job(backbone: LocalBackbone, run: Run, catalogue: Sequence[Item]) -> None:
    """The same prompts as in `run`, without its explanations."""
    items = {item.id: item for item in run.history}
    seen = {summary.item_id: summary for summary in run.summaries}
    baselines.texts(backbone, [prompts.describe(item) for item in run.history], CONFIG.max_describe_tokens)
    previous = ""
    for step in run.preferences:
        asked = prompts.preference(previous, preference.described(step.block, items, seen))
        baselines.texts(backbone, [asked], CONFIG.max_preference_tokens)
        previous = step.text
    titles = [item.title for item in run.history]
    baselines.published(backbone, [prompts.recommend(previous, titles, item) for item in catalogue])


def _scoring_macs(backbone: LocalBackbone, asked: Sequence[Prompt]) -> int:
    """All prompts behind the longest prefix that they share."""
    lengths = [reading.tokens for reading in backbone.reading(asked)]
    shared = backbone.shared(asked)
    return floor.reading(backbone, shared, [length - shared for length in lengths])


def _writing_macs(backbone: LocalBackbone, asked: Sequence[Prompt], texts: Sequence[str]) -> int:
    """Each prompt and its answer, alone."""
    lengths = [
        reading.tokens + len(backbone.tokens.answer_ids(text))
        for reading, text in zip(backbone.reading(asked), texts, strict=True)
    ]
    return floor.reading(backbone, 0, lengths)


def drained(work: Generator[object, None, R]) -> R:
    """Runs a stage to its end for what it returns."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value
