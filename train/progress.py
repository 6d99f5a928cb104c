"""How far a run is and which of its validations was the best; all of it is kept in the checkpoint."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field


def merit(figures: Mapping[str, float]) -> float:
    """What a validation is judged by: its AUC or, where there is none, minus its loss; minus infinity for NaN."""
    value = figures["auc"] if "auc" in figures else -figures["loss"]
    return -math.inf if math.isnan(value) else value


@dataclass
class Progress:
    """Sums over all sittings of a run.

    step: steps done; seconds: on the clock; tokens: with padding; pairs: rows and candidates with a label;
    losses: [step, task, loss]; validations: [steps done, figures].
    """

    step: int = 0
    seconds: float = 0.0
    tokens: int = 0
    pairs: int = 0
    losses: list = field(default_factory=list)
    validations: list = field(default_factory=list)

    @property
    def best(self) -> int | None:
        """Place of the best validation, the earliest of equal ones; None where none has a finite merit."""
        merits = [merit(figures) for _, figures in self.validations]
        return merits.index(max(merits)) if any(map(math.isfinite, merits)) else None

    @property
    def without_gain(self) -> int:
        """How many validations there were since the best one."""
        return len(self.validations) - (0 if self.best is None else self.best + 1)
