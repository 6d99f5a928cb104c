"""The figures of a grid (`train.evaluate.experiments.grid`) as Markdown and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from train.evaluate.experiments.grid import COSTS, Plan
from train.evaluate.tables import interval_text, markdown_table

_SHOWN = ("auc", "hr@5", "mrr@5", "ndcg@5")


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
    """A line for each row; an interval is three columns: "auc", "auc low", "auc high"."""
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
