"""Run an experiment as a grid: every cell is one way to recommend, and all cells are asked about the same users.

Every answer is stored at once as a line of JSON, so an interrupted run can go on. The figures are those of
`train.metrics`, with bootstrap 95 % intervals over users; differences to the reference are paired over users. They are
written as Markdown and CSV.
"""

from __future__ import annotations

import csv
import io
import json
import statistics
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from msr.backbones.protocol import Backbone, Generation, even_batches
from msr.backbones.wrappers import CachedBackbone
from msr.prompts import Prompt
from train import metrics
from train.data.protocol import System
from train.data.splits import Case
from train.evaluate.comparison import interval_text, markdown_table
from train.evaluate.experiments.plots import Interval, Plot
from train.evaluate.model_system import Model, Reading, ScoreLog, writer
from train.names import GENERATED, UNIFORM
from train.teach.examples import AppItems

COSTS = ("preference tokens", "preference seconds")
_SHOWN = ("auc", "hr@5", "mrr@5", "ndcg@5")
_TOGETHER = 8  # users whose preferences are written in one batch


class UserLines:
    """A file of records by user, or by user and cell ("kim/blocks of 3/uniform").

    A file with other settings is begun again; a line that was cut off is dropped.
    """

    def __init__(self, path: Path, settings: dict[str, Any]) -> None:
        self._path = path
        self.known: dict[str, dict[str, Any]] = {}
        head = json.dumps({"settings": settings}, sort_keys=True)
        lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
        kept = lines[1:] if lines[:1] == [head] else []
        path.write_text("\n".join([head, *kept, ""]), encoding="utf-8")
        for record in map(json.loads, kept):
            self.known[record["user"]] = record

    def add(self, user: str, record: dict[str, Any]) -> None:
        self.known[user] = {"user": user, **record}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(self.known[user], ensure_ascii=False) + "\n")


class Meter:
    """A backbone without a cache that counts the `tokens` of its prompts and the `seconds` that it takes."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone
        self.tokens = 0
        self.seconds = 0.0

    def generate(
        self, prompts: Sequence[Prompt], max_new_tokens: int, stop: threading.Event | None = None
    ) -> list[Generation]:
        self.tokens += sum(reading.tokens for reading in self._backbone.reading(prompts))
        started = time.perf_counter()
        answers = self._backbone.generate(prompts, max_new_tokens, stop)
        self.seconds += time.perf_counter() - started
        return answers


class Asked(Model):
    """A `Model` that reads histories as a `Reading` says, and measures the cost of preferences.

    items: the candidates as the model sees them; described: the items of the history (default: `items`). Descriptions
    may come from a cache. Preferences are always written anew, so that their cost is measured.
    """

    def __init__(
        self,
        name: str,
        backbone: Backbone,
        cached: CachedBackbone,
        items: AppItems,
        log: ScoreLog,
        reading: Reading,
        tuned: bool = True,
        described: AppItems | None = None,
    ) -> None:
        self._meter = Meter(backbone)
        write = writer(GENERATED, described or items, cached, reading, self._meter)
        super().__init__(name, cached, items, write, log, tuned, reading.history)
        self._costs: dict[str, dict[str, float]] = {}

    def prepare(self, cases: Sequence[Case]) -> None:
        """Write the preferences of the cases' users in one batch; each user gets an equal share of the cost."""
        new = [case.user for case in cases if case.user not in self.texts]
        tokens, seconds = self._meter.tokens, self._meter.seconds
        super().prepare(cases)
        for user in new:
            self._costs[user] = {
                "preference tokens": (self._meter.tokens - tokens) / len(new),
                "preference seconds": (self._meter.seconds - seconds) / len(new),
            }

    def costs(self, user: str) -> dict[str, float]:
        """The COSTS of a user whose preference was written: prompt tokens and seconds."""
        return self._costs[user]


@dataclass(frozen=True)
class Cell:
    """One way to recommend: a row of the table and a point of the plot.

    system: its name; make: builds it, called only if a user is not done yet; at: the position of its point on the
    x-axis, None for a horizontal line; line: the line that the point belongs to.
    """

    system: str
    make: Callable[[], System]
    at: str | None = None
    line: str = ""
    negatives: str = UNIFORM


@dataclass(frozen=True)
class Plan:
    """An experiment: its cells, the users' cases by kind of negatives, and the labels of its plot and table.

    across: the label of the x-axis; reference: the system that the others with the same negatives are compared with,
    None for no differences; joined: the points of a line are joined, because the x-axis has an order.
    """

    title: str
    across: str
    cells: tuple[Cell, ...]
    cases: Mapping[str, Sequence[Case]]
    reference: str | None = None
    joined: bool = False


def run(plan: Plan, log: UserLines) -> None:
    """Run the cells one by one, for the users whom the log does not have yet."""
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
    record: dict[str, Any] = {"figures": metrics.user_metrics(scores[0], scores[1:].tolist())}
    if isinstance(system, Asked):
        record |= {"costs": system.costs(case.user), "text": system.texts[case.user]}
    return record


def summary(plan: Plan, log: UserLines) -> dict[str, Any]:
    """{"users", "rows", "differences"}: a row for each cell, and the differences of AUC and HR@5 to the reference.

    A row is {"system", "negatives", "users", "auc": {"mean", "low", "high"}, "hr@3": ..., ...}. Rows of
    the model also have mean COSTS of a user's preference and the text of the first user.
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
    """Plot the AUC of every cell: points with intervals, and horizontal lines for cells without a position."""
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


def markdown(plan: Plan, found: Mapping[str, Any]) -> str:
    """A table of the rows and one of the paired differences; brackets are 95 % intervals over users."""
    costs = [name for name in COSTS if any(name in row for row in found["rows"])]
    rows = [
        [row["system"], row["negatives"], str(row["users"]), *(interval_text(row[name]) for name in _SHOWN)]
        + [f"{row[name]:.2f}" if name in row else "" for name in costs]
        for row in found["rows"]
    ]
    header = ["system", "negatives", "users", *(name.upper() for name in _SHOWN), *costs]
    parts = [f"{plan.title}: the last item against 20 negatives", markdown_table(header, rows)]
    if found["differences"]:
        rows = [
            [f"{d['system']} - {d['minus']}", d["negatives"], interval_text(d["auc"]), interval_text(d["hr@5"])]
            for d in found["differences"]
        ]
        parts += [
            "Differences, paired over users:",
            markdown_table(["systems", "negatives", "AUC", "HR@5"], rows),
        ]
    samples = [[row["system"], row["negatives"], row["sample"]] for row in found["rows"] if "sample" in row]
    if samples:
        parts += ["The preference text of the first user:", markdown_table(["system", "negatives", "text"], samples)]
    return "\n\n".join(parts)


def as_csv(found: Mapping[str, Any]) -> str:
    """The rows as CSV; an interval is three columns: "auc", "auc low", "auc high"."""
    lines = [_flat(row) for row in found["rows"]]
    names = list(dict.fromkeys(name for line in lines for name in line))
    return _written(names, ([line.get(name, "") for name in names] for line in lines))


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            flat |= {name: value["mean"], f"{name} low": value["low"], f"{name} high": value["high"]}
        elif name != "sample":
            flat[name] = value
    return flat


def _written(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return file.getvalue()
