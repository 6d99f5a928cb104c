"""The state of a run as the page shows it: its events so far in one frozen record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from msr.events import Event, Explained, Finished, ItemDescribed, PreferenceText, Ranked, StageProgress, Stopped
from msr.schema import Block, Item, ItemSummary, Preference, Recommendation, Run
from msr.stages.preference import blocks

ENDED = ("idle", "stopped", "finished", "failed")


@dataclass(frozen=True)
class RunState:
    """State of a run: `phase` is idle, waiting, running, stopping, stopped, finished or failed; `note` explains it.

    `preferences` holds one text for each block so far; while `writing`, the last one is incomplete.
    """

    history: tuple[Item, ...] = ()
    blocks: tuple[Block, ...] = ()
    phase: str = "idle"
    note: str = ""
    stage: str = ""
    steps: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # by stage: (done, total)
    summaries: Mapping[str, ItemSummary] = field(default_factory=dict)
    preferences: tuple[Preference, ...] = ()
    writing: bool = False
    recommendations: tuple[Recommendation, ...] = ()
    run: Run | None = None

    @classmethod
    def of(cls, history: tuple[Item, ...], block_size: int) -> RunState:
        """The state of a run that waits to start."""
        return cls(history=history, blocks=blocks(history, block_size), phase="waiting")

    @classmethod
    def finished(cls, run: Run) -> RunState:
        """The last state of a finished run."""
        return cls(
            history=run.history,
            blocks=tuple(p.block for p in run.preferences),
            phase="finished",
            summaries={s.item_id: s for s in run.summaries},
            preferences=run.preferences,
            recommendations=run.recommendations,
            run=run,
        )

    @property
    def ended(self) -> bool:
        return self.phase in ENDED

    def after(self, event: Event) -> RunState:
        """The state after `event`."""
        match event:
            case StageProgress(stage, done, total):
                phase = "stopping" if self.phase == "stopping" else "running"
                steps = {**self.steps, stage: (done, total)}
                return replace(self, phase=phase, note="", stage=stage, steps=steps)
            case ItemDescribed(summary):
                return replace(self, summaries={**self.summaries, summary.item_id: summary})
            case PreferenceText(preference, final):
                before = tuple(p for p in self.preferences if p.block.index != preference.block.index)
                own = (preference.block,) if preference.edited else ()  # a block without items, after the others
                blocks = tuple(b for b in self.blocks if b.item_ids) + own
                return replace(self, blocks=blocks, preferences=(*before, preference), writing=not final)
            case Ranked(recommendations):
                return replace(self, recommendations=recommendations)
            case Explained(grown):
                newer = tuple(grown if r.item_id == grown.item_id else r for r in self.recommendations)
                return replace(self, recommendations=newer)
            case Finished(run):
                return replace(RunState.finished(run), steps=self.steps)
            case Stopped():
                return self.ending("stopped")
        raise TypeError(f"{type(event).__name__} is not an event of a run")

    def ending(self, phase: str, note: str = "") -> RunState:
        """The state after the run has ended early; results so far are kept."""
        return replace(self, phase=phase, note=note, writing=False)
