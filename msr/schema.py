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
from typing import Any, Protocol

from PIL import Image

UNITS = ("item", "description", "block", "sentence", "image", "title")  # kinds of `Unit`
READINGS = ("direct", "regenerated")  # of `Influence` and of the kinds of evidence


class InputProblem(ValueError):
    """Input of the user cannot be used; the message says what is wrong, where, and what to do."""


@dataclass(frozen=True)
class Picture:
    """An image that passed `msr.intake`: clean WebP bytes, RGB, no metadata."""

    data: bytes = field(repr=False)
    digest: str
    width: int
    height: int

    @classmethod
    def from_pixels(cls, image: Image.Image) -> Picture:
        """Encode RGB pixels; the same pixels give the same bytes with the same version of Pillow."""
        buffer = io.BytesIO()
        image.convert("RGB").save(buffer, "WEBP", quality=92, method=2)
        data = buffer.getvalue()
        return cls(data, hashlib.sha256(data).hexdigest()[:32], image.width, image.height)

    def open(self) -> Image.Image:
        """Decode to an RGB image."""
        return Image.open(io.BytesIO(self.data)).convert("RGB")

    def data_url(self) -> str:
        """The picture as an address that holds all of its bytes."""
        return "data:image/webp;base64," + base64.b64encode(self.data).decode("ascii")


@dataclass(frozen=True)
class Item:
    """One thing in a history or a catalogue; it has a title, a picture, or both."""

    id: str
    title: str = ""
    picture: Picture | None = None
    timestamp: float | None = None

    def __post_init__(self) -> None:
        if not self.title and self.picture is None:
            raise ValueError(f"item {self.id!r} has neither a title nor a picture")


@dataclass(frozen=True)
class ItemSummary:
    """What the model wrote about an item: image to text.

    `confidence` is the chance that the model knows what the picture shows, NaN if nobody can tell; `familiar` is False
    if that chance is too small for a name.
    """

    item_id: str
    text: str
    confidence: float = 1.0
    familiar: bool = True

    @property
    def sure(self) -> float | None:
        """The confidence as it is written to JSON."""
        return None if math.isnan(self.confidence) else round(self.confidence, 4)


@dataclass(frozen=True)
class Block:
    """Consecutive history items that one preference step reads."""

    index: int
    item_ids: tuple[str, ...]


@dataclass(frozen=True)
class Preference:
    """The preference text after a block. An `edited` one was written by a person, and its block holds no items."""

    block: Block
    text: str
    edited: bool = False


@dataclass(frozen=True)
class YesNo:
    """The logits of Yes and No about one candidate, read at the position of the answer."""

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
class Influence:
    """What leaving one history item out did to one score: `delta` = score with the item minus score without it.

    The score is P(Yes), so a positive delta means that the item helped. `reading` is "direct" (the preference text
    stays as it is) or "regenerated" (it is written anew without the item).
    """

    history_id: str
    delta: float
    reading: str = "regenerated"


@dataclass(frozen=True)
class Agreement:
    """A model-written reason compared with the measured influence of the history items that its words describe.

    `still` are words of the reason whose items did not move the score, `moved` those whose items did. `unsaid` are
    words that are not in the reason although they describe the candidate and items that moved the score. A word whose
    items moved the score a little, or were not measured, is in none of them.
    """

    still: tuple[str, ...]
    moved: tuple[str, ...]
    unsaid: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether the reason names only what moved the score, and leaves nothing out."""
        return bool(self.moved) and not self.still and not self.unsaid

    def sentences(self) -> list[str]:
        """Say so in plain words; nothing if the reason names nothing that was measured."""
        if self.whole:
            return [f"The reason names {_listed(self.moved)}, and leaving out what is described so moves the score."]
        told = []
        if self.still:
            told.append(f"The reason names {_listed(self.still)}, but leaving out what is described so moves nothing.")
        if self.unsaid:
            told.append(f"Leaving out what is {_listed(self.unsaid)} moves the score, but the reason does not say so.")
        return told

    def to_json(self) -> dict[str, list[str]]:
        return {"still": list(self.still), "moved": list(self.moved), "unsaid": list(self.unsaid)}


@dataclass(frozen=True)
class Unit:
    """One piece of a run's input that can be taken away.

    `kind` is item (of the history), description (what the model wrote of that item), block, sentence (of the
    preference), image or title (the candidate's own). `key` is the id of the item, or the place, from 0, of the block
    or the sentence; it is empty for the candidate's own. `text` names the unit to a reader.
    """

    kind: str
    key: str = ""
    text: str = field(default="", compare=False)

    def to_json(self) -> dict[str, str]:
        return {"unit": self.kind, "key": self.key, "text": self.text}


class Record(Protocol):
    """What one kind of evidence found about one recommendation (`msr.evidence.kinds`)."""

    def to_json(self) -> dict[str, Any]:
        """Its entries in `measured` of `run.json`."""


@dataclass(frozen=True)
class Measurements:
    """What was measured on request about one recommendation.

    `records` holds one record of each kind by the name of the kind, in the order of `run.json`. `unavailable` holds,
    by the same names, why a kind cannot be measured, in plain words.
    """

    records: Mapping[str, Record]
    unavailable: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        for record in self.records.values():
            entries |= record.to_json()
        return entries | {"unavailable": dict(self.unavailable)}


@dataclass(frozen=True)
class Recommendation:
    """A ranked candidate. `rationale` is written by the model, `influence` and `measured` are measured; never mixed.

    `prompt` is what the model read when it scored the candidate, in its chat format, and `tokens` its length.
    `agreement` compares the rationale with the influence. `measured` is what was measured later, on request.
    """

    rank: int
    item_id: str
    title: str
    score: float
    rationale: str = ""
    influence: tuple[Influence, ...] = ()
    prompt: str = ""
    tokens: int = 0
    agreement: Agreement | None = None
    measured: Measurements | None = None


@dataclass(frozen=True)
class Run:
    """A finished run. A run that was edited from another one names it as its parent.

    `offered` are the recommended items themselves, so that a run can be shown without its catalogue. `left_out` says
    what of the files that were read is not in it.
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
    left_out: tuple[str, ...] = ()

    def to_json(self, pictures: bool = False) -> dict[str, Any]:
        """The record that docs/run-json.md describes; with `pictures` it can be shown anywhere."""
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
                    "influence": _influence_json(r.influence),
                    "prompt": r.prompt,
                    "tokens": r.tokens,
                    **({"agreement": r.agreement.to_json()} if r.agreement else {}),
                    **({"measured": r.measured.to_json()} if r.measured else {}),
                }
                for r in self.recommendations
            ],
            "scores": [{"id": c.item_id, "yes": c.answer.yes, "no": c.answer.no} for c in self.scores],
            "timings": {k: round(v, 3) for k, v in self.timings.items()},
            **({"left_out": list(self.left_out)} if self.left_out else {}),
        }
        if pictures:
            shown = {i.picture.digest: i.picture for i in (*self.history, *self.offered) if i.picture}
            record["pictures"] = {d: base64.b64encode(p.data).decode("ascii") for d, p in shown.items()}
        return record


def _digest(item: Item | None) -> str | None:
    return item.picture.digest if item and item.picture else None


def _influence_json(rows: tuple[Influence, ...]) -> list[dict[str, Any]]:
    """One entry for each history item: `delta` is the regenerated reading, `delta_direct` the direct one."""
    entries: dict[str, dict[str, Any]] = {}
    for row in rows:
        name = "delta" if row.reading == "regenerated" else "delta_direct"
        entries.setdefault(row.history_id, {"history_id": row.history_id})[name] = round(row.delta, 6)
    return list(entries.values())


def _listed(said: tuple[str, ...]) -> str:
    quoted = [f"“{word}”" for word in said]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
