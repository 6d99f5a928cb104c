"""Build the systems that an evaluation can compare, by name, and fuse their scores.

A fused system adds the model's logit and interaction counts, with weights fitted on validation users by pairwise
logistic regression: a pair is a user's target and one negative. Without an intercept the regression sees only
differences within a user, so the weights order candidates and say nothing about users (RankNet with a linear scorer:
Burges et al., ICML 2005). `msr.fusion` applies the weights without this package.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from tqdm import tqdm

from msr.backbones.protocol import Backbone
from msr.backbones.wrappers import CachedBackbone
from msr.config import PipelineConfig
from msr.fusion import FILE, KNN, MODEL, POPULARITY, RECENT
from msr.schema import InputProblem
from msr.stages import describe
from msr.storage import TextCache
from train.data.dataset import CatalogueItem
from train.data.protocol import System
from train.data.splits import Case
from train.evaluate.baselines import sequence
from train.evaluate.baselines.counts import ItemKnn, Popularity, RandomOrder, RecentPopularity
from train.evaluate.baselines.sequence import Gru4Rec, SasRec
from train.evaluate.model_system import Model, ScoreLog, writer
from train.names import TALLREC, TITLES
from train.teach.examples import AppItems

_SIGNALS = {"popularity": POPULARITY, "recent-popularity": RECENT, "item-knn": KNN, "mllm": MODEL}  # by system
_COUNTS = (POPULARITY, RECENT)  # their signal is log(1 + count)


@dataclass(frozen=True)
class Builder:
    """Builds systems over `items`; rows of item features are in the same order.

    backbone: the model, None if no system needs it; cache: its texts; log: its scores; preference: the kind of its
    preference texts; refused: gets a sentence for each picture that cannot be read, by the id of its item.
    """

    items: Mapping[str, CatalogueItem]
    backbone: Backbone | None
    cache: TextCache
    log: ScoreLog
    preference: str
    refused: dict[str, str] = field(default_factory=dict)

    def baseline(self, name: str):
        """Build a baseline, which is not fitted yet. Item features are frozen and do not depend on users.

        Raises:
            InputProblem: it needs pictures or words that the items do not have.
        """
        for counted in (RandomOrder, Popularity, RecentPopularity, ItemKnn):
            if name == counted.name:
                return counted()
        if name == "sasrec":
            return SasRec(name)
        vectors = {
            "gru4rec-ids": lambda: None,
            "gru4rec-titles": lambda: sequence.text_vectors([item.title for item in self.items.values()]),
            "gru4rec-summaries": lambda: sequence.text_vectors(self._summaries()),
            "gru4rec-images": self._pictures,
        }[name]
        try:
            return Gru4Rec(name, vectors())
        except InputProblem as error:
            raise InputProblem(f"{name}: {error}") from None

    def model(self, name: str) -> Model:
        """Build the model as it is ("mllm") or a variant.

        Variants: "untuned", without the adapter; "titles-only", without pictures; TALLREC, without pictures and
        preference.
        """
        cached = CachedBackbone(self._loaded(), self.cache)
        items = AppItems(self.items, name not in ("titles-only", TALLREC), self.refused)
        write = writer(TITLES if name == TALLREC else self.preference, items, cached)
        return Model(name, cached, items, write, self.log, tuned=name != "untuned")

    def _loaded(self) -> Backbone:
        if self.backbone is None:
            raise ValueError("this system needs a backbone, and none was loaded")
        return self.backbone

    def _summaries(self) -> list[str]:
        """The model's descriptions of all items, in order; cached ones are not written again."""
        cached = CachedBackbone(self._loaded(), self.cache)
        items = AppItems(self.items, refused=self.refused).pick(list(self.items))
        events = tqdm(describe.describe(cached, items, PipelineConfig()), "describing items", len(items), unit="item")
        texts = {event.summary.item_id: event.summary.text for event in events}
        return [texts[item.id] for item in items]

    def _pictures(self) -> np.ndarray:
        backbone: Any = self._loaded()
        if not hasattr(backbone, "looked_at"):
            raise InputProblem("picture features come from the pocket model's vision tower; use --backbone pocket.")
        pictures = [item.picture for item in AppItems(self.items, refused=self.refused).pick(list(self.items))]
        width = backbone.model.model.multi_modal_projector.vision_dim
        return sequence.picture_vectors(pictures, backbone.looked_at, width)


class Fused:
    """A weighted sum of the scores of `parts`, which are fitted systems."""

    def __init__(self, name: str, parts: Sequence[System]) -> None:
        self.name = name
        self.weights: dict[str, float] = {}  # by signal name
        self._parts = {_SIGNALS[part.name]: part for part in parts}

    def fit(self, validation: Sequence[Case]) -> Fused:
        """Fit the weights on the cases of validation users. Raises ValueError without cases."""
        self.weights = pairwise_weights([self.signals(case) for case in validation])
        return self

    def signals(self, case: Case) -> dict[str, np.ndarray]:
        """The parts' scores, (candidates,) each, by the signal names of `msr.fusion`; counts as logarithms."""
        found = {signal: part.scores(case) for signal, part in self._parts.items()}
        return {signal: np.log1p(values) if signal in _COUNTS else values for signal, values in found.items()}

    def scores(self, case: Case) -> np.ndarray:
        """(candidates,)"""
        return np.sum([self.weights[signal] * values for signal, values in self.signals(case).items()], axis=0)


def pairwise_weights(signals: Sequence[Mapping[str, np.ndarray]]) -> dict[str, float]:
    """Fit weights by name to each user's signals; each signal is (candidates,), the target first.

    Raises:
        ValueError: there are no users.
    """
    if not signals:
        raise ValueError("no validation users to fit the fusion on")
    names = list(signals[0])
    tables = [np.stack([found[name] for name in names], axis=1) for found in signals]  # (candidates, S)
    better = np.concatenate([table[0] - table[1:] for table in tables])
    scale = better.std(axis=0)
    scale[scale == 0] = 1.0
    # The regression needs two classes, so every other pair is reversed.
    sign = np.where(np.arange(len(better)) % 2, -1.0, 1.0)
    fitted = LogisticRegression(fit_intercept=False).fit(better / scale * sign[:, None], sign > 0)
    return dict(zip(names, (fitted.coef_[0] / scale).tolist(), strict=True))


def save_fusion(folder: Path, fits: Sequence[Mapping[str, float]], **origin: object) -> None:
    """Write `fusion.json` into an adapter's folder; `origin` records what the weights were fitted on."""
    text = json.dumps({"fits": [dict(weights) for weights in fits], **origin}, indent=1, ensure_ascii=False)
    (folder / FILE).write_text(text + "\n", encoding="utf-8")
