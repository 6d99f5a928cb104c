"""The benchmark's rows as a Markdown table, and rows that other programs measured."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msr.schema import InputProblem

if TYPE_CHECKING:
    from msr.backbones.transformers.backbone import LocalBackbone

_HEAD = ("task", "n", "ours", "published", "plain", "floor", "published / ours", "plain / ours", "floor / ours", "peak")


def machine(backbone: LocalBackbone, rate: float) -> dict[str, Any]:
    """Describe the machine and the model; `gmacs` is the measured rate in 10^9 multiply-adds a second."""
    import torch

    device = backbone.model.device
    return {
        "processor": _processor(),
        "gpu": torch.cuda.get_device_name(device) if device.type == "cuda" else None,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "system": f"{platform.system()} {platform.machine()}",
        "gmacs": rate / 1e9,
        "model": dict(backbone.identity()),
    }


def markdown(where: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """The machine in one line, and the table of the rows."""
    model = where["model"]
    machine = (
        f"{where['gpu'] or where['processor']}, {where['cores']} cores, {where['threads']} threads; {model['name']} in "
        f"{model['dtype']}; {where['gmacs']:.1f} G multiply-adds/s."
    )
    return f"{machine}\n\n{markdown_rows(rows)}"


def markdown_rows(rows: Sequence[Mapping[str, Any]]) -> str:
    """The table alone; ~ marks a time that was measured on a part of the job and multiplied."""
    lines = [f"| {' | '.join(_HEAD)} | notes |", f"|{' --- |' * (len(_HEAD) + 1)}"]
    return "\n".join([*lines, *(f"| {' | '.join(_cells(row))} |" for row in rows)])


def included(path: Path) -> list[dict[str, Any]]:
    """The rows in a JSON file of another program that has "rows" as ours has. Raises InputProblem."""
    try:
        rows = json.loads(path.read_text("utf-8"))["rows"]
        if all(isinstance(row["task"], str) and isinstance(row["n"], int) for row in rows):
            return list(rows)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass
    raise InputProblem(f'--include {path}: not a file with "rows", each with a "task" and a number "n".')


def _cells(row: Mapping[str, Any]) -> list[str]:
    scaled = row.get("scaled", ())

    def seconds(side: str) -> str:
        value = row.get(side)
        return "–" if value is None else f"{'~' if side in scaled else ''}{value:.3g} s"

    ratios = [row.get(f"ratio_{side}") for side in ("published", "plain", "floor")]
    notes = [row.get("note", "")]
    if "rate" in row:
        notes.insert(0, f"{row['rate']:.3g} {row['unit']}")
    if "apart" in row:
        notes.append(f"scores differ by at most {row['apart']:.2g}")
    return [
        row["task"],
        f"{row['n']:,}",
        *(seconds(side) for side in ("ours_s", "published_s", "plain_s", "floor_s")),
        *("–" if ratio is None else f"{ratio:.2g}" for ratio in ratios),
        f"{row['peak_mb']:,.0f} MB" if "peak_mb" in row else "–",
        "; ".join(filter(None, notes)),
    ]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
