"""Seconds and peak memory of a piece of work, and the row that a table shows of it."""

from __future__ import annotations

import gc
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

T = TypeVar("T")

SHORT = 2.0  # seconds; what takes less is measured three times
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Row:
    """One job. `n` counts its items, candidates or steps; seconds are None where a side has nothing to run.

    `scaled` names the sides that were measured on a part of the job and multiplied; `peak_mb` is the process's
    largest memory while ours ran (on a GPU: the GPU's). `apart` is the largest difference between our scores and the
    plain pass's, as P(Yes). `rate` is what `unit` says, where a rate tells more than seconds.
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
        """The baselines' seconds of a part of the job, multiplied to the whole."""
        if factor == 1:
            return self
        sides = tuple(side for side in ("published_s", "plain_s") if getattr(self, side) is not None)
        return replace(self, scaled=sides, **{side: getattr(self, side) * factor for side in sides})

    def to_json(self) -> dict[str, Any]:
        """The row without what it does not have; `ratio_*` is how many times longer than ours."""
        record = {key: value for key, value in asdict(self).items() if value not in (None, "", ())}
        for side in ("published", "plain", "floor"):
            other = getattr(self, f"{side}_s")
            if other is not None and self.ours_s:
                record[f"ratio_{side}"] = other / self.ours_s
        return record


@dataclass(frozen=True)
class Measured(Generic[T]):
    seconds: float
    peak_mb: float
    result: T


def measured(work: Callable[[], T], before: Callable[[], object] = lambda: None, once: bool = False) -> Measured[T]:
    """Runs `work` once, or three times if it is short (the median counts); `before` runs untimed before each."""
    spent, peaks = [], []
    while True:
        before()
        gc.collect()
        _reset_peak()
        began = time.perf_counter()
        result = work()
        spent.append(time.perf_counter() - began)
        peaks.append(_peak_mb())
        if once or spent[0] >= SHORT or len(spent) == 3:
            return Measured(statistics.median(spent), max(peaks), result)


def _reset_peak() -> None:
    """Where neither Linux nor a GPU offers this, a peak is that of the process so far."""
    if _on_gpu():
        sys.modules["torch"].cuda.reset_peak_memory_stats()
        return
    try:
        _CLEAR.write_text("5")
    except OSError:
        return


def _peak_mb() -> float:
    if _on_gpu():
        return sys.modules["torch"].cuda.max_memory_allocated() / 2**20
    try:
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 2**10
    except (OSError, StopIteration):
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most / 2**20 if sys.platform == "darwin" else most / 2**10


def _on_gpu() -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized()
