"""Where the time of our own passes goes, by PyTorch's profiler: what is left to gain, and where it cannot be gained."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

from torch.profiler import ProfilerActivity, profile

from msr import prompts, ranking, summaries
from msr.backbones.cached import CachedBackbone
from msr.backbones.local import LocalBackbone
from msr.backbones.worker import alone
from msr.bench import inputs
from msr.bench.jobs import CONFIG, drained
from msr.bench.measure import Row
from msr.bench.plan import Plan
from msr.cache import TextCache

PRODUCTS, ATTENTION, REST, PYTHON = "matrix products", "attention", "other operators", "between operators"
_PRODUCTS = ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm", "aten::convolution", "mkldnn::")
_OF_PRODUCTS = ("convolution", "linear_pointwise")
_ATTENTION = ("scaled_dot_product", "flash_attention", "efficient_attention", "softmax")


def shares(seconds: float, operators: Mapping[str, float]) -> dict[str, float]:
    """What part of `seconds` of wall-clock time each kind takes, of the seconds that each operator spent itself.

    What no operator took is Python's, between them (on a GPU: of whoever launches its work).
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
    """One row each for scoring behind a known prefix's pictures and for describing a catalogue that was never seen.

    The profiler slows what it watches, so the seconds are no figures of speed; the shares are what counts.
    """
    n = min(100, max(plan.score))
    text, candidates = inputs.preference(backbone, plan.preference_tokens), inputs.items(n, "candidate ")
    asked = [prompts.recommend(text, (), item) for item in candidates]
    backbone.certainty([item.picture for item in candidates])
    backbone.score(asked[:1])
    backbone.forget_prefix()
    yield _row("profile: score", n, lambda: drained(ranking.score(backbone, text, (), candidates)))
    n = min(plan.describe)
    items = inputs.items(n, "catalogue ")
    backbone.forget()
    cached = CachedBackbone(backbone, TextCache())
    yield _row("profile: describe", n, lambda: drained(summaries.describe(cached, items, CONFIG)))


@alone
def _row(task: str, n: int, work: Callable[[], object]) -> Row:
    began = time.perf_counter()
    with profile(activities=[ProfilerActivity.CPU]) as watched:
        work()
        spent = time.perf_counter() - began
    operators = {event.key: event.self_cpu_time_total / 1e6 for event in watched.key_averages()}
    parts = ", ".join(f"{kind} {share:.0%}" for kind, share in shares(spent, operators).items())
    return Row(task, n, note=parts)
