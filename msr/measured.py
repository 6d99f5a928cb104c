"""The frozen records of what was measured about one recommendation, and their JSON form; `msr.schema` hands them on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

UNITS = ("item", "description", "block", "sentence", "image", "title")  # kinds of `Unit`
READINGS = ("direct", "regenerated")


@dataclass(frozen=True)
class Evidence:
    """Measured influence: `delta` = score with the unit minus score without it (positive: the unit helped).

    `reading` is "direct" (texts edited, nothing regenerated) or "regenerated" (preference written anew).
    """

    history_id: str
    delta: float
    reading: str = "regenerated"


@dataclass(frozen=True)
class Agreement:
    """Words of a reason, and words that it does not use, by what leaving out the items that bear them did.

    `still` are named but moved nothing, `moved` are named and moved the score, `unsaid` moved it, fit the candidate
    and are not named. A word whose bearers moved the score a little, or were not measured, is in none of them.
    """

    still: tuple[str, ...]
    moved: tuple[str, ...]
    unsaid: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether the reason names what moved the score, and nothing else."""
        return bool(self.moved) and not self.still and not self.unsaid

    def sentences(self) -> list[str]:
        """In plain words; empty where a reason names nothing that could be held against a measurement."""
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
    preference), image or title (the candidate's own). `key` is the item's id or the place, from 0, of the block or
    the sentence, empty for the candidate's own. `text` names the unit to a reader.
    """

    kind: str
    key: str = ""
    text: str = field(default="", compare=False)

    def to_json(self) -> dict[str, str]:
        return {"unit": self.kind, "key": self.key, "text": self.text}


@dataclass(frozen=True)
class Effect:
    """What taking one unit away did to one candidate; positive: the unit helped.

    `logit`: the Yes-minus-No logit with the unit minus without it, in nats. `ranks`: how many places the candidate
    falls without the unit, among the run's recommendations. `reading` as in `Evidence`.
    """

    unit: Unit
    reading: str
    logit: float
    ranks: int

    def to_json(self) -> dict[str, Any]:
        return self.unit.to_json() | {"reading": self.reading, "logit": round(self.logit, 6), "ranks": self.ranks}


@dataclass(frozen=True)
class Share:
    """The Shapley value of one unit of the history, with its standard error; both in nats of the logit."""

    unit: Unit
    reading: str
    value: float
    error: float

    def to_json(self) -> dict[str, Any]:
        numbers = {"value": round(self.value, 6), "error": round(self.error, 6)}
        return self.unit.to_json() | {"reading": self.reading} | numbers


@dataclass(frozen=True)
class Word:
    """`part` is "preference" or "title"; `weight` is in nats of the Yes-minus-No logit, positive for Yes."""

    text: str
    part: str
    weight: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"weight": round(self.weight, 6)}


@dataclass(frozen=True)
class HeatMap:
    """`drops[row][column]`: the logit with the patch minus without it, in nats; None where it is not measured yet."""

    drops: tuple[tuple[float | None, ...], ...]

    @property
    def complete(self) -> bool:
        return all(drop is not None for row in self.drops for drop in row)

    def to_json(self) -> list[list[float | None]]:
        return [[None if drop is None else round(drop, 6) for drop in row] for row in self.drops]


@dataclass(frozen=True)
class Contrast:
    """`removed` swaps the candidate and `other`, None if not even greedy removal of all units did. `exact`: no smaller
    set does.

    `margin`: the upper candidate's logit minus the lower one's, in nats; `margin_without` the same without `removed`
    (without all units if nothing swaps them). `reading` as in `Evidence`.
    """

    other: str
    reading: str
    removed: tuple[Unit, ...] | None
    exact: bool
    margin: float
    margin_without: float

    def to_json(self) -> dict[str, Any]:
        return {
            "other": self.other,
            "reading": self.reading,
            "removed": None if self.removed is None else [unit.to_json() for unit in self.removed],
            "exact": self.exact,
            "margin": round(self.margin, 6),
            "margin_without": round(self.margin_without, 6),
        }


@dataclass(frozen=True)
class Measured:
    """What was measured on request about one recommendation; a part that was not measured is empty.

    `shares` are estimates after `orders` sampled orders, `words` gradients times input. `unavailable` names parts
    (words, patches, shares) that cannot be measured, each with the reason in plain words.
    """

    effects: tuple[Effect, ...] = ()
    shares: tuple[Share, ...] = ()
    orders: int = 0
    words: tuple[Word, ...] = ()
    patches: HeatMap | None = None
    contrasts: tuple[Contrast, ...] = ()
    unavailable: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "effects": [effect.to_json() for effect in self.effects],
            "shares": [share.to_json() for share in self.shares],
            "orders": self.orders,
            "words": [word.to_json() for word in self.words],
            "patches": self.patches.to_json() if self.patches else None,
            "contrasts": [found.to_json() for found in self.contrasts],
            "unavailable": dict(self.unavailable),
        }


def influence_json(rows: tuple[Evidence, ...]) -> list[dict[str, Any]]:
    """One entry a history item: `delta` is the regenerated reading, `delta_direct` the direct one."""
    entries: dict[str, dict[str, Any]] = {}
    for row in rows:
        name = "delta" if row.reading == "regenerated" else "delta_direct"
        entries.setdefault(row.history_id, {"history_id": row.history_id})[name] = round(row.delta, 6)
    return list(entries.values())


def _listed(said: tuple[str, ...]) -> str:
    quoted = [f"“{word}”" for word in said]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
