"""The frozen records that stages exchange, and their JSON form.

Nothing else crosses a stage boundary. Records hold no model objects, so a `Run` can be stored, compared and
replayed without a model. `to_json` leaves picture bytes out and keeps their digest.
"""

from __future__ import annotations

import base64
import hashlib
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from msr.measured import Agreement, Contrast, Effect, Evidence, HeatMap, Measured, Share, Unit, Word, influence_json


class InputProblem(ValueError):
    """What the user brought cannot be used; the message says what, where, and what to do about it."""


@dataclass(frozen=True)
class Picture:
    """An image that passed `msr.intake`: clean WebP bytes, RGB, no metadata."""

    data: bytes = field(repr=False)
    digest: str
    width: int
    height: int

    @classmethod
    def from_pixels(cls, image: Image.Image) -> Picture:
        """Encodes RGB pixels; deterministic for one Pillow version."""
        buffer = io.BytesIO()
        image.convert("RGB").save(buffer, "WEBP", quality=92, method=2)
        data = buffer.getvalue()
        return cls(data, hashlib.sha256(data).hexdigest()[:32], image.width, image.height)

    def open(self) -> Image.Image:
        """Decodes to an RGB image."""
        return Image.open(io.BytesIO(self.data)).convert("RGB")

    def data_url(self) -> str:
        return "data:image/webp;base64," + base64.b64encode(self.data).decode("ascii")


@dataclass(frozen=True)
class Item:
    """One thing of a history or a catalogue; it has a title, a picture, or both."""

    id: str
    title: str = ""
    picture: Picture | None = None
    timestamp: float | None = None

    def __post_init__(self) -> None:
        if not self.title and self.picture is None:
            raise ValueError(f"item {self.id!r} has neither a title nor a picture")


@dataclass(frozen=True)
class ItemSummary:
    """Image to text: what an item is. `confidence` is the chance that the model knows what the picture shows, NaN where
    nobody can tell; `familiar` is False where that is too little to name it."""

    item_id: str
    text: str
    confidence: float = 1.0
    familiar: bool = True

    @property
    def sure(self) -> float | None:
        """The confidence as JSON has it."""
        return None if math.isnan(self.confidence) else round(self.confidence, 4)


@dataclass(frozen=True)
class Block:
    """Consecutive history items that one preference step reads."""

    index: int
    item_ids: tuple[str, ...]


@dataclass(frozen=True)
class Preference:
    """The running preference text after a block; `edited` if a person wrote it (its block holds no items then)."""

    block: Block
    text: str
    edited: bool = False


@dataclass(frozen=True)
class YesNo:
    """The two answer logits of one candidate, read at the answer position."""

    yes: float
    no: float

    @property
    def logit(self) -> float:
        return self.yes - self.no

    @property
    def score(self) -> float:
        """P(Yes) / (P(Yes) + P(No)), in [0, 1]."""
        return 1.0 / (1.0 + math.exp(-self.logit)) if self.logit > -700 else 0.0


@dataclass(frozen=True)
class Candidate:
    """A catalogue item with its score, before ranking."""

    item_id: str
    answer: YesNo


@dataclass(frozen=True)
class Recommendation:
    """A ranked candidate. `rationale` is model-written, `influence` and `measured` are measured; never mixed.

    `prompt` is what the model read when it scored the candidate, in its chat format, and `tokens` the length of that.
    `agreement` holds the reason against the influence; `measured` is what was measured later, on request.
    """

    rank: int
    item_id: str
    title: str
    score: float
    rationale: str = ""
    influence: tuple[Evidence, ...] = ()
    prompt: str = ""
    tokens: int = 0
    agreement: Agreement | None = None
    measured: Measured | None = None


@dataclass(frozen=True)
class Run:
    """A finished run; immutable. An edited run names its parent.

    `offered` are the recommended items themselves, so that a run can be shown without its catalogue.
    """

    id: str
    model: Mapping[str, Any]
    settings: Mapping[str, Any]
    history: tuple[Item, ...]
    summaries: tuple[ItemSummary, ...]
    preferences: tuple[Preference, ...]
    recommendations: tuple[Recommendation, ...]
    scores: tuple[Candidate, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)
    parent: str | None = None
    offered: tuple[Item, ...] = ()

    def to_json(self, pictures: bool = False) -> dict[str, Any]:
        """The documented `run.json` (README, "run.json"); with `pictures` it can be shown anywhere."""
        texts = {s.item_id: s for s in self.summaries}
        offered = {item.id: item for item in self.offered}
        record = {
            "id": self.id,
            "parent": self.parent,
            "model": dict(self.model),
            "settings": dict(self.settings),
            "history": [
                {
                    "id": i.id,
                    "title": i.title,
                    "picture": _digest(i),
                    "description": texts[i.id].text if i.id in texts else "",
                    "confidence": texts[i.id].sure if i.id in texts else None,
                    "familiar": texts[i.id].familiar if i.id in texts else None,
                }
                for i in self.history
            ],
            "preferences": [
                {"block": p.block.index, "items": list(p.block.item_ids), "text": p.text, "edited": p.edited}
                for p in self.preferences
            ],
            "recommendations": [
                {
                    "rank": r.rank,
                    "id": r.item_id,
                    "title": r.title,
                    "picture": _digest(offered.get(r.item_id)),
                    "description": texts[r.item_id].text if r.item_id in texts else "",
                    "score": round(r.score, 6),
                    "rationale": r.rationale,
                    "influence": influence_json(r.influence),
                    "prompt": r.prompt,
                    "tokens": r.tokens,
                    **({"agreement": r.agreement.to_json()} if r.agreement else {}),
                    **({"measured": r.measured.to_json()} if r.measured else {}),
                }
                for r in self.recommendations
            ],
            "scores": [{"id": c.item_id, "yes": c.answer.yes, "no": c.answer.no} for c in self.scores],
            "timings": {k: round(v, 3) for k, v in self.timings.items()},
        }
        if pictures:
            shown = {i.picture.digest: i.picture for i in (*self.history, *self.offered) if i.picture}
            record["pictures"] = {d: base64.b64encode(p.data).decode("ascii") for d, p in shown.items()}
        return record


def _digest(item: Item | None) -> str | None:
    return item.picture.digest if item and item.picture else None


__all__ = [
    "Agreement", "Block", "Candidate", "Contrast", "Effect", "Evidence", "HeatMap", "InputProblem", "Item",
    "ItemSummary", "Measured", "Picture", "Preference", "Recommendation", "Run", "Share", "Unit", "Word", "YesNo",
]  # fmt: skip
