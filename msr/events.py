"""Events: what `msr.pipeline` yields while a run grows, in this order of appearance."""

from __future__ import annotations

from dataclasses import dataclass

from msr.schema import ItemSummary, Preference, Recommendation, Run


@dataclass(frozen=True)
class StageProgress:
    """`stage` is describe, preference, shortlist, rank, explain or influence, or one of `msr.evidence.pipeline`; `done`
    of `total` steps are finished."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True)
class ItemDescribed:
    summary: ItemSummary


@dataclass(frozen=True)
class PreferenceText:
    """The growing text of one block's preference; `final` on its last event."""

    preference: Preference
    final: bool


@dataclass(frozen=True)
class Ranked:
    """The ranking, rationales and influence still empty."""

    recommendations: tuple[Recommendation, ...]


@dataclass(frozen=True)
class Explained:
    """One recommendation grew (a rationale or its influence arrived); same rank and id as before."""

    recommendation: Recommendation


@dataclass(frozen=True)
class Finished:
    run: Run


@dataclass(frozen=True)
class Stopped:
    """The visitor asked to stop; nothing follows."""

    stage: str


@dataclass(frozen=True)
class Grown:
    """The run with more measured evidence; its id, and all that it had, are the same."""

    run: Run


Event = StageProgress | ItemDescribed | PreferenceText | Ranked | Explained | Finished | Stopped | Grown
