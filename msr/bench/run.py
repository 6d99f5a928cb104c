"""One run of the benchmark: load the model, time every job, and collect the rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from msr.bench.inputs import QUICK, Plan
from msr.bench.timing import Row, included, machine, markdown, timed
from msr.schema import InputProblem

Report = Callable[[str, float], None]


@dataclass(frozen=True)
class Result:
    """The machine and the rows of one run of the benchmark."""

    machine: dict[str, Any]
    rows: tuple[dict[str, Any], ...]

    def markdown(self) -> str:
        return markdown(self.machine, self.rows)

    def to_json(self) -> dict[str, Any]:
        """{"machine": {...}, "rows": [{"task", "n", "ours_s", "published_s", "plain_s", "floor_s", "peak_mb", ...}]}.

        Figures that were not measured are left out.
        """
        return {"machine": self.machine, "rows": list(self.rows)}


def run(load: Callable[[], Any], sizes: dict[str, Any], quick: bool, more: Sequence[Path], report: Report) -> Result:
    """Time every job on the backbone that `load` returns; its loading is the job "start-up".

    `sizes` override fields of `inputs.Plan`. Rows of the files `more` are added to our own.

    Raises:
        InputProblem: a size is not positive, a file of `more` cannot be read, or the model is not in this process.
        BackboneError: the model cannot be loaded.
    """
    try:
        plan = replace(QUICK if quick else Plan(), **sizes)
    except ValueError as error:
        raise InputProblem(str(error)) from None
    others = [row for path in more for row in included(path)]
    started = timed(load, once=True)
    backbone = started.result

    from msr.backbones.transformers.backbone import LocalBackbone
    from msr.bench import baselines, floor, jobs

    if not isinstance(backbone, LocalBackbone):
        raise InputProblem("The benchmark compares ways to run one model: choose a backbone in this process.")
    report("rate", 0.0)
    rate = floor.rate(backbone)
    rows = [Row("start-up", 1, started.seconds, peak_mb=started.peak_mb, note="imports included, weights on disk")]
    parts = (
        ("scoring", jobs.scoring(backbone, plan)),
        ("describing", jobs.describing(backbone, plan)),
        ("preference", jobs.preferring(backbone, plan)),
        ("decoding", baselines.decoding(backbone)),
        ("whole job", jobs.whole(backbone, plan)),
        ("shortlist", jobs.searching(plan.index)),
        ("profile", jobs.profiling(backbone, plan)),
    )
    for done, (name, part) in enumerate(parts):
        for row in part:
            rows.append(row)
            report(f"{name}: {row.task} {row.n}", done / len(parts))
    report("bench", 1.0)
    return Result(machine(backbone, rate), (*(row.to_json() for row in rows), *others))
