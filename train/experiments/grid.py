"""A grid of cells by users, resumable: every cell asks the same users, and each answer is kept as soon as it is there.

The figures are those of `train.metrics`, with bootstrap 95 % intervals over users; differences to the reference are
paired over users.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tqdm import tqdm

from msr.batches import even_batches
from train import metrics
from train.experiments.asked import Asked
from train.experiments.lines import UserLines
from train.experiments.plot import Interval, Plot
from train.names import UNIFORM
from train.protocol import System
from train.splits import Case

COSTS = ("preference tokens", "preference seconds")
_TOGETHER = 8  # users whose preferences are written in one batch


@dataclass(frozen=True)
class Cell:
    """One way of recommending: a row of the table and a point of the plot.

    system: its name; make: makes it, called if a user is still to be asked; at, line: the place of its point and the
    line that joins it to others. Without `at` it is a level that holds at every place.
    """

    system: str
    make: Callable[[], System]
    at: str | None = None
    line: str = ""
    negatives: str = UNIFORM


@dataclass(frozen=True)
class Plan:
    """The cells of an experiment, the users' cases by kind of negatives, and what the plot and the table say.

    joined: the places have an order, so points of a line are joined; reference: the system to which the others with
    the same negatives are compared, None for no differences.
    """

    title: str
    across: str
    cells: tuple[Cell, ...]
    cases: Mapping[str, Sequence[Case]]
    reference: str | None = None
    joined: bool = False


def run(plan: Plan, log: UserLines) -> None:
    """Asks what the log does not know yet, cell by cell."""
    for cell in plan.cells:
        left = [case for case in plan.cases[cell.negatives] if _key(cell, case) not in log.known]
        if not left:
            continue
        system = cell.make()
        with tqdm(total=len(left), desc=f"{cell.system}, {cell.negatives}", unit="user") as bar:
            for some in even_batches(left, _TOGETHER):
                if isinstance(system, Asked):
                    system.prepare(some)
                for case in some:
                    log.add(_key(cell, case), _record(system, case))
                    bar.update()


def _key(cell: Cell, case: Case) -> str:
    return f"{case.user}/{cell.system}/{cell.negatives}"


def _record(system: System, case: Case) -> dict[str, Any]:
    scores = system.scores(case)
    record: dict[str, Any] = {"figures": metrics.user_metrics(scores[0], scores[1:])}
    if isinstance(system, Asked):
        record |= {"costs": system.costs(case.user), "text": system.texts[case.user]}
    return record


def summary(plan: Plan, log: UserLines) -> dict[str, Any]:
    """{"users", "rows", "differences"}: a row for each cell, and its AUC and HR@5 minus the reference's.

    A row is {"system", "negatives", "users", "auc": {"mean", "low", "high"}, "hr@3": ..., ...}, for the model with the
    COSTS of a user's preference on average and the first user's text.
    """
    records = {cell: [log.known[_key(cell, case)] for case in plan.cases[cell.negatives]] for cell in plan.cells}
    return {
        "users": max(map(len, records.values())),
        "rows": [_row(cell, found) for cell, found in records.items()],
        "differences": [
            _difference(cell, reference, records)
            for cell in plan.cells
            for reference in plan.cells
            if reference.system == plan.reference and reference.negatives == cell.negatives and cell != reference
        ],
    }


def _row(cell: Cell, found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    row: dict[str, Any] = {"system": cell.system, "negatives": cell.negatives, "users": len(found)}
    row |= {name: metrics.interval(_column(found, name)) for name in found[0]["figures"]}
    if "costs" in found[0]:
        row |= {name: round(statistics.mean(record["costs"][name] for record in found), 3) for name in COSTS}
        row["sample"] = found[0]["text"]
    return row


def _difference(cell: Cell, other: Cell, records: Mapping[Cell, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    means = {}
    for name in ("auc", "hr@5"):
        pairs = zip(_column(records[cell], name), _column(records[other], name), strict=True)
        means[name] = metrics.interval([mine - theirs for mine, theirs in pairs])
    return {"system": cell.system, "minus": other.system, "negatives": cell.negatives, **means}


def plot(plan: Plan, found: Mapping[str, Any]) -> Plot:
    """The AUC of every cell: points with intervals, and levels for what has no place."""
    lines: dict[str, dict[str, Interval]] = {}
    levels = {}
    for cell, row in zip(plan.cells, found["rows"], strict=True):
        if cell.at is None:
            levels[cell.system] = row["auc"]["mean"]
        else:
            lines.setdefault(cell.line, {})[cell.at] = row["auc"]
    return Plot(plan.title, plan.across, "AUC, with 95 % intervals over users", lines, levels, plan.joined)


def _column(found: Iterable[Mapping[str, Any]], name: str) -> list[float]:
    return [record["figures"][name] for record in found]
