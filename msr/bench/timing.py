"""Timed work, its rows, and the Markdown table of the rows."""

from __future__ import annotations

import gc
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from msr.schema import InputProblem

if TYPE_CHECKING:
    from msr.backbones.transformers.backbone import LocalBackbone


T = TypeVar("T")

SHORT = 2.0  # seconds; work that takes less is timed three times
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_HEAD = ("task", "n", "ours", "published", "plain", "floor", "published / ours", "plain / ours", "floor / ours", "peak")


@dataclass(frozen=True)
class Row:
    """One row of the table: a job and its times.

    `n` is its number of items, candidates or steps. Seconds are None where a way to do the job does not exist. `scaled`
    names the times that were measured on a part of the job and multiplied. `peak_mb` is the process's largest memory
    while ours ran (on a GPU: the GPU's). `apart` is the largest difference between our scores and the plain pass's, as
    P(Yes). `rate`, in `unit`, stands where a rate tells more than seconds.
    """

    task: str
    n: int
    ours_s: float | None = None
    published_s: float | None = None
    plain_s: float | None = None
    floor_s: float | None = None
    peak_mb: float | None = None
    scaled: tuple[str, ...] = ()
    apart: float | None = None
    rate: float | None = None
    unit: str = ""
    note: str = ""

    def scaled_by(self, factor: float) -> Row:
        """The same row with the baselines' seconds multiplied by `factor`, because they ran on a part of the job."""
        if factor == 1:
            return self
        sides = tuple(side for side in ("published_s", "plain_s") if getattr(self, side) is not None)
        return replace(self, scaled=sides, **{side: getattr(self, side) * factor for side in sides})

    def to_json(self) -> dict[str, Any]:
        """The row without empty fields; `ratio_*` is a time divided by ours."""
        record = {key: value for key, value in asdict(self).items() if value not in (None, "", ())}
        for side in ("published", "plain", "floor"):
            other = getattr(self, f"{side}_s")
            if other is not None and self.ours_s:
                record[f"ratio_{side}"] = other / self.ours_s
        return record


@dataclass(frozen=True)
class Timing(Generic[T]):
    """Seconds, peak memory in MB (None where the system does not tell) and result of a piece of work."""

    seconds: float
    peak_mb: float | None
    result: T


def timed(work: Callable[[], T], before: Callable[[], object] = lambda: None, once: bool = False) -> Timing[T]:
    """Time `work`: once, or three times if it is short (the median counts). `before` runs before each, untimed."""
    spent: list[float] = []
    peaks: list[float] = []
    while True:
        before()
        gc.collect()
        _reset_peak()
        began = time.perf_counter()
        result = work()
        spent.append(time.perf_counter() - began)
        if (peak := _peak_mb()) is not None:
            peaks.append(peak)
        if once or spent[0] >= SHORT or len(spent) == 3:
            return Timing(statistics.median(spent), max(peaks, default=None), result)


def _reset_peak() -> None:
    """Start a new peak of memory. Systems other than Linux tell the peak of the whole process so far."""
    if _on_gpu():
        sys.modules["torch"].cuda.reset_peak_memory_stats()
        return
    try:
        _CLEAR.write_text("5")
    except OSError:
        return


def _peak_mb() -> float | None:
    """MB of the GPU, or else of the process; None on a system that does not tell (Windows)."""
    if _on_gpu():
        return sys.modules["torch"].cuda.max_memory_allocated() / 2**20
    try:
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 2**10
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 2**20 if sys.platform == "darwin" else most / 2**10


def _on_gpu() -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized()


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
