"""`run.json`: what a training run was made from and what was measured."""

from __future__ import annotations

import json
import platform
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
