"""The jobs that are timed: scoring, describing, preference steps, the whole job, a search. Each yields rows.

Baselines run on at most `Plan.baselines` items. Their time is proportional to the number of items, so it is multiplied,
and marked in the table. The floor's rate is measured right after ours, because a shared or warm machine changes speed.
A profile shows what an optimisation could still save.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np
from torch.profiler import ProfilerActivity, profile

from msr import prompts
from msr.backbones.transformers.backbone import LocalBackbone
from msr.backbones.transformers.worker import alone
from msr.backbones.wrappers import CachedBackbone
from msr.bench import baselines, floor, inputs
from msr.bench.inputs import Plan
from msr.bench.timing import Row, timed
from msr.config import PipelineConfig
from msr.events import Finished
from msr.pipeline import Pipeline
from msr.prompts import Prompt
from msr.retrieval.index import WIDTH, top
from msr.schema import Block, Item, ItemSummary, Run, YesNo
from msr.stages import describe, preference, rank
from msr.storage import TextCache

R = TypeVar("R")

CONFIG = PipelineConfig()
_SEARCHES = 20  # searches that are timed together
_FOUND = 100  # items that each of them finds
PRODUCTS, ATTENTION, REST, PYTHON = "matrix products", "attention", "other operators", "between operators"
_PRODUCTS = ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm", "aten::convolution", "mkldnn::")
_OF_PRODUCTS = ("convolution", "linear_pointwise")
_ATTENTION = ("scaled_dot_product", "flash_attention", "efficient_attention", "softmax")


def scoring(backbone: LocalBackbone, plan: Plan) -> Iterator[Row]:
    """Score candidates after one preference: with pictures that were seen before, and with new ones."""
    text = inputs.preference(backbone, plan.preference_tokens)
    for n in plan.score:
        items = inputs.items(n, "candidate ")
        asked = [prompts.recommend(text, (), item) for item in items]
        some = asked[: plan.baselines]
        published = timed(partial(baselines.published, backbone, some))
        plain = timed(partial(baselines.plain, backbone, some))
        picture_macs = floor.looking(backbone, inputs.pictures(items))
        text_macs = _scoring_macs(backbone, asked)

        def ours(items: Sequence[Item] = items) -> dict[str, YesNo]:
            return {c.item_id: c.answer for c in drained(rank.score(backbone, text, (), items))}

        new = timed(ours, before=backbone.forget)
        new_floor = floor.seconds(backbone, text_macs + picture_macs)
        known = timed(ours, before=backbone.forget_prefix)
        known_floor = floor.seconds(backbone, text_macs)
        apart = max(
            abs(known.result[item.id].score - answer.score)
            for item, answer in zip(items, plain.result, strict=False)  # the baseline's part of them
        )
        for task, mine, least in (("score", known, known_floor), ("score new pictures", new, new_floor)):
            row = Row(task, n, mine.seconds, published.seconds, plain.seconds, least, mine.peak_mb, apart=apart)
            yield row.scaled_by(n / len(some))


def describing(backbone: LocalBackbone, plan: Plan) -> Iterator[Row]:
    """Describe a catalogue with new pictures."""
    for n in plan.describe:
        items = inputs.items(n, "catalogue ")
        asked = [prompts.describe(item) for item in items]
        some = asked[: plan.baselines]
        macs = floor.looking(backbone, inputs.pictures(items))
        ours = timed(partial(_described, backbone, items), before=backbone.forget)
        macs += _writing_macs(backbone, asked, [summary.text for summary in ours.result.values()])
        least = floor.seconds(backbone, macs)
        published = timed(partial(baselines.texts, backbone, some, CONFIG.max_describe_tokens))
        row = Row("describe", n, ours.seconds, published.seconds, None, least, ours.peak_mb)
        yield row.scaled_by(n / len(some))


def preferring(backbone: LocalBackbone, plan: Plan) -> Iterator[Row]:
    """Write preference steps about items that are described already."""
    n = max(plan.histories)
    history = inputs.items(n, "history ")
    seen = _described(backbone, history)
    blocks = [
        preference.described(block, {i.id: i for i in history}, seen)
        for block in preference.blocks(history, CONFIG.block_size)
    ]
    ours = timed(lambda: _preferences(backbone, blocks))
    asked = [prompts.preference(before, block) for before, block in zip(["", *ours.result], blocks, strict=False)]
    least = floor.seconds(backbone, _writing_macs(backbone, asked, ours.result))
    published = timed(lambda: [baselines.texts(backbone, [one], CONFIG.max_preference_tokens)[0] for one in asked])
    yield Row("preference steps", len(blocks), ours.seconds, published.seconds, None, least, ours.peak_mb)


def whole(backbone: LocalBackbone, plan: Plan) -> Iterator[Row]:
    """Rank a catalogue with known pictures for a history with new ones; then the same with explanations."""
    catalogue = inputs.items(plan.candidates, "candidate ")
    pictures = inputs.pictures(catalogue)

    def before() -> None:
        backbone.forget()
        backbone.certainty(pictures)

    for n in plan.histories:
        history = inputs.items(n, "history ")
        ranked = timed(partial(_run, backbone, history, catalogue, 0), before)
        published = timed(partial(_published_job, backbone, ranked.result, catalogue))
        note = f"n: history items; {len(catalogue)} candidates"
        yield Row("whole job", n, ranked.seconds, published.seconds, None, None, ranked.peak_mb, note=note)
        explained = timed(partial(_run, backbone, history, catalogue, CONFIG.explain_top), before)
        yield Row("whole job, explained", n, explained.seconds, peak_mb=explained.peak_mb, note=note)


def _described(backbone: LocalBackbone, items: Sequence[Item]) -> dict[str, ItemSummary]:
    return drained(describe.describe(CachedBackbone(backbone, TextCache()), items, CONFIG))


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
    """Answer the prompts of `run`, except those of its explanations, in the published way."""
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
    """Multiply-adds of scoring: all prompts after the longest prefix that they share."""
    lengths = [reading.tokens for reading in backbone.reading(asked)]
    shared = backbone.shared(asked)
    return floor.reading(backbone, shared, [length - shared for length in lengths])


def _writing_macs(backbone: LocalBackbone, asked: Sequence[Prompt], texts: Sequence[str]) -> int:
    """Multiply-adds of writing: each prompt and its answer alone."""
    lengths = [
        reading.tokens + len(backbone.tokens.answer_ids(text))
        for reading, text in zip(backbone.reading(asked), texts, strict=True)
    ]
    return floor.reading(backbone, 0, lengths)


def drained(work: Generator[object, None, R]) -> R:
    """Run a stage to its end; the result is what it returns."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def searching(sizes: Sequence[int]) -> Iterator[Row]:
    """Search for 100 of n items, in random vectors: what they mean does not change the time."""
    draw = np.random.default_rng(0)
    query = draw.standard_normal(WIDTH, dtype=np.float32)
    for n in sizes:
        vectors = draw.standard_normal((n, WIDTH), dtype=np.float32)
        took = timed(partial(_searches, vectors, query))
        note = f"{_FOUND} of n random vectors, {WIDTH} wide"
        yield Row("shortlist", n, took.seconds / _SEARCHES, peak_mb=took.peak_mb, note=note)


def _searches(vectors: np.ndarray, query: np.ndarray) -> None:
    for _ in range(_SEARCHES):
        top(vectors, query, _FOUND)


def shares(seconds: float, operators: Mapping[str, float]) -> dict[str, float]:
    """The share of `seconds` of wall-clock time that each kind of operator takes; `operators` are own seconds by name.

    Time outside all operators is Python's (on a GPU: that of launching operators).
    """
    found = dict.fromkeys((PRODUCTS, ATTENTION, REST), 0.0)
    for name, spent in operators.items():
        if any(part in name for part in _ATTENTION):
            kind = ATTENTION
        elif name.startswith(_PRODUCTS) or any(part in name for part in _OF_PRODUCTS):
            kind = PRODUCTS
        else:
            kind = REST
        found[kind] += spent / seconds
    return {**found, PYTHON: max(0.0, 1 - sum(found.values()))}


def profiling(backbone: LocalBackbone, plan: Plan) -> Iterator[Row]:
    """Profile scoring of known pictures, and describing of new ones; a row for each.

    The profiler slows the work down, so the rows have shares and no seconds.
    """
    n = min(100, max(plan.score))
    text, candidates = inputs.preference(backbone, plan.preference_tokens), inputs.items(n, "candidate ")
    asked = [prompts.recommend(text, (), item) for item in candidates]
    backbone.certainty(inputs.pictures(candidates))
    backbone.score(asked[:1])
    backbone.forget_prefix()
    yield _profiled("profile: score", n, lambda: drained(rank.score(backbone, text, (), candidates)))
    n = min(plan.describe)
    items = inputs.items(n, "catalogue ")
    backbone.forget()
    cached = CachedBackbone(backbone, TextCache())
    yield _profiled("profile: describe", n, lambda: drained(describe.describe(cached, items, CONFIG)))


@alone
def _profiled(task: str, n: int, work: Callable[[], object]) -> Row:
    began = time.perf_counter()
    with profile(activities=[ProfilerActivity.CPU]) as watched:
        work()
        spent = time.perf_counter() - began
    operators = {event.key: event.self_cpu_time_total / 1e6 for event in watched.key_averages()}
    parts = ", ".join(f"{kind} {share:.0%}" for kind, share in shares(spent, operators).items())
    return Row(task, n, note=parts)
