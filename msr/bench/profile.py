"""Where the time of our own passes goes, by PyTorch's profiler: what an optimisation could still save."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

from torch.profiler import ProfilerActivity, profile

from msr import prompts
from msr.backbones.transformers.backbone import LocalBackbone
from msr.backbones.transformers.worker import alone
from msr.backbones.wrappers import CachedBackbone
from msr.bench import inputs
from msr.bench.inputs import Plan
from msr.bench.jobs import CONFIG, drained
from msr.bench.timing import Row
from msr.stages import describe, rank
from msr.storage import TextCache

PRODUCTS, ATTENTION, REST, PYTHON = "matrix products", "attention", "other operators", "between operators"
_PRODUCTS = ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm", "aten::convolution", "mkldnn::")
_OF_PRODUCTS = ("convolution", "linear_pointwise")
_ATTENTION = ("scaled_dot_product", "flash_attention", "efficient_attention", "softmax")


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
    yield _row("profile: score", n, lambda: drained(rank.score(backbone, text, (), candidates)))
    n = min(plan.describe)
    items = inputs.items(n, "catalogue ")
    backbone.forget()
    cached = CachedBackbone(backbone, TextCache())
    yield _row("profile: describe", n, lambda: drained(describe.describe(cached, items, CONFIG)))


@alone
def _row(task: str, n: int, work: Callable[[], object]) -> Row:
    began = time.perf_counter()
    with profile(activities=[ProfilerActivity.CPU]) as watched:
        work()
        spent = time.perf_counter() - began
    operators = {event.key: event.self_cpu_time_total / 1e6 for event in watched.key_averages()}
    parts = ", ".join(f"{kind} {share:.0%}" for kind, share in shares(spent, operators).items())
    return Row(task, n, note=parts)
