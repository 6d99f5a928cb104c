"""Late fusion: the model's answer together with what interaction counts say of a candidate.

`python -m train eval` fits the weights on validation users and saves them beside the adapter as `fusion.json`. They
serve where a catalogue comes with interaction statistics; without them the model's answer stands alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from msr.schema import InputProblem

MODEL, POPULARITY, RECENT, KNN = SIGNALS = ("model", "log-popularity", "log-recent-popularity", "item-knn")
FILE = "fusion.json"


@dataclass(frozen=True)
class Fusion:
    """Weights by signal, one mapping for each set of signals that a catalogue may have.

    "model" is the Yes-minus-No logit, "log-popularity" is log(1 + interactions), "log-recent-popularity" the same of
    interactions weighted by their age, "item-knn" the summed similarity to the history. How they are counted:
    `train.evaluate.baselines`. Raises ValueError for a signal of another name or a weight that is not finite.
    """

    fits: tuple[Mapping[str, float], ...]

    def __post_init__(self) -> None:
        for weights in self.fits:
            for signal, weight in weights.items():
                if signal not in SIGNALS:
                    raise ValueError(f"{signal!r} is not a signal; signals are {', '.join(SIGNALS)}")
                if not math.isfinite(weight):
                    raise ValueError(f"the weight of {signal} is {weight}")

    def scores(self, signals: Mapping[str, Sequence[float]]) -> list[float]:
        """The weighted sum for each candidate; `signals` holds one value a candidate under each name.

        Only the order of the sums means something. Raises ValueError if no weights were fitted for these signals.
        """
        for weights in self.fits:
            if set(weights) == set(signals):
                rows = zip(*(signals[name] for name in weights), strict=True)
                return [sum(w * value for w, value in zip(weights.values(), row, strict=True)) for row in rows]
        raise ValueError(f"no weights for the signals {', '.join(sorted(signals))}")


def load(folder: Path) -> Fusion | None:
    """The fusion saved in an adapter's folder, None if there is none. Raises InputProblem if it cannot be read."""
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        fits = json.loads(path.read_text(encoding="utf-8"))["fits"]
        return Fusion(tuple({name: float(weight) for name, weight in fit.items()} for fit in fits))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputProblem(f"{path.name} of the adapter cannot be read ({error}); fit it again.") from None
