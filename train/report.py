"""`run.json`: what a training run was made from and what was measured."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

_PACKAGES = ("torch", "transformers", "peft", "accelerate", "safetensors", "pillow", "numpy", "scikit-learn")


def versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}


def update(path: Path, **parts: Any) -> dict[str, Any]:
    """Merges `parts` into the JSON file at `path` and returns the whole."""
    whole = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    whole.update(parts)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    temporary.replace(path)
    return whole


def loop(done: Mapping[str, Any]) -> dict[str, Any]:
    """What every stage says of its loop, from what `train.loop.fit` returns."""
    return {
        "steps": done["step"],
        "seconds": round(done["seconds"], 1),
        "device": done["device"],
        "tokens": done["tokens"],
        "pairs": done["pairs"],
        "best_validation": done["best"],
        "mean_loss_by_tenth": _mean_loss_by_tenth(done["losses"]),
    }


def _mean_loss_by_tenth(losses: Sequence[tuple[int, str, float]]) -> dict[str, list[float]]:
    """The loop's (step, task, loss) as a curve of about ten means for each task."""
    curve: dict[str, list[float]] = {}
    for _, name, value in losses:
        curve.setdefault(name, []).append(value)
    return {name: [round(sum(part) / len(part), 4) for part in _tenths(values)] for name, values in curve.items()}


def _tenths(values: list[float]) -> list[list[float]]:
    size = max(1, len(values) // 10)
    return [values[i : i + size] for i in range(0, len(values), size)][:10]
