"""The kinds of evidence, a file each.

A new kind is a new file here, which ends with `KIND = ...` (`msr.evidence.kind.Kind`), and its name in `NAMES`. All
else follows: it is measured on request, written to `run.json` and read back, and drawn in the page and the report.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from msr.evidence.kind import Kind
from msr.schema import Measurements
from msr.untrusted import MAX_NAME, text

# The order of their entries in `run.json`.
NAMES = (
    "leave_one_out",
    "shapley",
    "attribution",
    "occlusion",
    "contrast",
)
KINDS: tuple[Kind[Any], ...] = tuple(import_module(f"{__name__}.{name}").KIND for name in NAMES)
# The order of their figures: what is measured first comes first.
IN_ORDER = tuple(sorted(KINDS, key=lambda kind: kind.stages[0].slow))

NOTHING = Measurements({kind.name: kind.empty for kind in KINDS})


def read(stored: Mapping[str, Any]) -> Measurements:
    """Read back the entry `measured` of a `run.json`, which anybody may have written.

    Raises KeyError, TypeError, ValueError or AttributeError for what is not in the documented form.
    """
    return Measurements(
        {kind.name: kind.read(stored) for kind in KINDS},
        {text(name, MAX_NAME): text(why) for name, why in stored.get("unavailable", {}).items()},
    )
