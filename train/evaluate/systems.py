"""The systems that an evaluation can compare, by the name that its table gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from tqdm import tqdm

from msr.backbones.protocol import Backbone
from msr.backbones.wrappers import CachedBackbone
from msr.config import PipelineConfig
from msr.schema import InputProblem
from msr.stages import describe
from msr.storage import TextCache
from train.data.dataset import CatalogueItem
from train.evaluate.baselines import features
from train.evaluate.baselines.counts import ItemKnn, Popularity, RandomOrder, RecentPopularity
from train.evaluate.baselines.sequence import Gru4Rec, SasRec
from train.evaluate.model_system import Model, ScoreLog
from train.evaluate.preferences import writer
from train.names import TALLREC, TITLES
from train.teach.examples import AppItems


@dataclass(frozen=True)
class Builder:
    """Makes systems over `items`, in the order of which features have their rows.

    backbone: None where only baselines without one are made; cache: texts that it wrote; log: scores that it gave;
    preference: how the model's preference texts come about; refused: gets a sentence for each picture that cannot be
    read, by the id of its item.
    """

    items: Mapping[str, CatalogueItem]
    backbone: Backbone | None
    cache: TextCache
    log: ScoreLog
    preference: str
    refused: dict[str, str] = field(default_factory=dict)

    def baseline(self, name: str):
        """An unfitted baseline. Item features are frozen and know no user.

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
            "gru4rec-titles": lambda: features.text_vectors([item.title for item in self.items.values()]),
            "gru4rec-summaries": lambda: features.text_vectors(self._summaries()),
            "gru4rec-images": self._pictures,
        }[name]
        try:
            return Gru4Rec(name, vectors())
        except InputProblem as error:
            raise InputProblem(f"{name}: {error}") from None

    def model(self, name: str) -> Model:
        """The model untuned, without pictures, on titles in place of a preference too, or as it is."""
        cached = CachedBackbone(self._loaded(), self.cache)
        items = AppItems(self.items, name not in ("titles-only", TALLREC), self.refused)
        write = writer(TITLES if name == TALLREC else self.preference, items, cached)
        return Model(name, cached, items, write, self.log, tuned=name != "untuned")

    def _loaded(self) -> Backbone:
        if self.backbone is None:
            raise ValueError("this system needs a backbone, and none was loaded")
        return self.backbone

    def _summaries(self) -> list[str]:
        """The model's description of every item, in order; those that its cache knows are not written again."""
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
        return features.picture_vectors(pictures, backbone.looked_at, width)
