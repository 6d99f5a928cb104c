"""Where to look for the candidates of one run: near the preference text and the recent history."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from msr.backbones.base import Backbone, StopRequested
from msr.cache import content_key
from msr.prompts import RECENT_TITLES
from msr.retrieval.index import Index, build
from msr.schema import Item, ItemSummary, Picture


def query(
    index: Index,
    backbone: Backbone,
    history: Sequence[Item],
    summaries: Mapping[str, ItemSummary],
    preference_text: str,
    stop: threading.Event | None = None,
) -> np.ndarray:
    """(WIDTH,): the mean place of the preference text and of each recent item's title and description, beside that of
    their pictures if the index has seen pictures by the same tower. Raises StopRequested."""
    recent = history[-RECENT_TITLES:]
    texts = [preference_text]
    texts += [f"{item.title} {summaries[item.id].text if item.id in summaries else ''}" for item in recent]
    pictures = [item.picture for item in recent if item.picture]
    same = index.tower == tower(backbone) and len(index.pictures.mean)
    views = seeing(backbone, stop)(pictures) if pictures and same else None
    return index.place(texts, views)


def by_titles(backbone: Backbone, items: Sequence[Item], stop: threading.Event | None = None) -> Index:
    """An index that is there in seconds: only pictures of untitled items are looked at. Raises StopRequested."""
    told = [replace(item, picture=None) if item.title else item for item in items]
    return build(told, seeing(backbone, stop), tower(backbone))


def tower(backbone: Backbone) -> str:
    """A name, fit for a folder, of whose views these are."""
    identity = backbone.identity()
    whose = identity.get("tower") or [identity.get("name"), identity.get("revision"), identity.get("adapter_sha256")]
    return content_key(tower=whose, dtype=identity.get("dtype"))[:16]


def seeing(backbone: Backbone, stop: threading.Event | None = None) -> Callable[[Sequence[Picture]], np.ndarray]:
    """The backbone's `views`, which raise StopRequested once `stop` is set."""

    def see(pictures: Sequence[Picture]) -> np.ndarray:
        if stop is not None and stop.is_set():
            raise StopRequested
        return backbone.views(pictures)

    return see
