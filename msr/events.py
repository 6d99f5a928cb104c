"""The events that `msr.pipeline` yields while a run grows, in the order in which they first appear."""

from __future__ import annotations

from dataclasses import dataclass

from msr.schema import ItemSummary, Preference, Recommendation, Run


@dataclass(frozen=True)
class StageProgress:
    """`done` of `total` steps of a stage are finished.

    `stage` is describe, preference, shortlist, rank, explain or influence, or the name of a stage of a kind of evidence
    (`msr.evidence.kinds`).
    """

    stage: str
    done: int
    total: int


@dataclass(frozen=True)
class ItemDescribed:
    """An item has its description."""

    summary: ItemSummary


@dataclass(frozen=True)
class PreferenceText:
    """The text of one block's preference so far; `final` on its last event."""

    preference: Preference
    final: bool


@dataclass(frozen=True)
class Ranked:
    """The ranking; rationales and influence are still empty."""

    recommendations: tuple[Recommendation, ...]


@dataclass(frozen=True)
class Explained:
    """One recommendation has got its rationale or its influence; rank and id are the same."""

    recommendation: Recommendation


@dataclass(frozen=True)
class Finished:
    """The run is complete; nothing follows."""

    run: Run


@dataclass(frozen=True)
class Stopped:
    """The visitor stopped the run in this stage; nothing follows."""

    stage: str


@dataclass(frozen=True)
class Grown:
    """A finished run has got more measured evidence; its id and all else are the same."""

    run: Run


Event = StageProgress | ItemDescribed | PreferenceText | Ranked | Explained | Finished | Stopped | Grown
