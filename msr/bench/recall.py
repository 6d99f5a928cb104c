"""Measure the recall of shortlists: the share of the full ranking's top 10 that they contain, over some histories."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from msr.backbones.protocol import Backbone
from msr.bench import jobs
from msr.config import PipelineConfig
from msr.events import Finished, StageProgress
from msr.pipeline import Pipeline
from msr.retrieval.index import Index
from msr.retrieval.shortlist import Scoring, query, search
from msr.schema import Candidate, Item
from msr.storage import TextCache

TOP = 10
SIZES = (25, 50, 100, 200, 400)


@dataclass(frozen=True)
class Recall:
    """For each history, the share of the full ranking's top 10 that is found if only `size` candidates are scored."""

    size: int
    shares: tuple[float, ...]

    @property
    def mean(self) -> float:
        return sum(self.shares) / len(self.shares)


def check(
    backbone: Backbone,
    index: Index,
    catalogue: Sequence[Item],
    histories: Sequence[Sequence[Item]],
    cache: TextCache | None = None,
    report: Callable[[str, float], None] = lambda message, fraction: None,
) -> list[Recall]:
    """Score the whole catalogue for each history, and compare with what a search in the index would have scored.

    Raises InputProblem for items that the index does not hold.
    """
    whole = PipelineConfig(explain_top=0, shortlist=max(len(catalogue), 1))
    pipeline = Pipeline(backbone, whole, cache)
    shares: dict[int, list[float]] = {size: [] for size in SIZES if size < len(catalogue)}
    for n, history in enumerate(histories, 1):
        for event in pipeline.run(history, catalogue):
            if isinstance(event, StageProgress):
                report(f"history {n}/{len(histories)}: {event.stage}", event.done / max(event.total, 1))
        assert isinstance(event, Finished)  # a run without a stop event finishes
        run = event.run
        items = {item.id: item for item in catalogue}
        offered = [items[c.item_id] for c in run.scores]
        best = {item.id for item in offered[:TOP]}
        seen = {summary.item_id: summary for summary in run.summaries}
        near = query(index, pipeline.backbone, history, seen, run.preferences[-1].text)
        known = {c.item_id: c for c in run.scores}

        def told(some: Sequence[Item], known: Mapping[str, Candidate] = known) -> Scoring:
            yield from ()
            return tuple(known[item.id] for item in some)

        for size, found_shares in shares.items():
            found = jobs.drained(search(index, near, offered, size, told))
            found_shares.append(len(best & {c.item_id for c in found}) / len(best))
    return [Recall(size, tuple(found)) for size, found in shares.items()]


def markdown(found: Sequence[Recall], catalogue: int) -> str:
    """A table with a line for each size, beside the recall of a random choice."""
    lines = [
        f"| shortlist of {catalogue:,} | recall of the full ranking's top {TOP} | lowest | by chance |",
        "| --- | --- | --- | --- |",
    ]
    lines += [f"| {r.size} | {r.mean:.2f} | {min(r.shares):.2f} | {r.size / catalogue:.2f} |" for r in found]
    return "\n".join([*lines, "", f"{len(found[0].shares) if found else 0} histories."])
