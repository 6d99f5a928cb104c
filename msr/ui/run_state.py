"""The state of a run as the page shows it: its events so far in one frozen record, and the line of progress."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from msr.events import Event, Explained, Finished, ItemDescribed, PreferenceText, Ranked, StageProgress, Stopped
from msr.evidence.kinds import KINDS
from msr.render.html import text
from msr.schema import Block, Item, ItemSummary, Preference, Recommendation, Run
from msr.stages.preference import blocks

ENDED = ("idle", "stopped", "finished", "failed")
STAGES = {
    "describe": "Describing items",
    "preference": "Writing the preference",
    "shortlist": "Shortlisting the catalogue",
    "rank": "Scoring candidates",
    "explain": "Explaining the top results",
    "influence": "Measuring influence",
    **{stage.name: stage.label for kind in KINDS for stage in kind.stages},
}
# Seconds per step on two CPU cores, until the speed of this computer is known.
_FIRST_GUESS = {
    **{"describe": 0.7, "preference": 3.0, "shortlist": 2.0, "rank": 0.05, "explain": 0.6, "influence": 0.6},
    **{stage.name: stage.seconds for kind in KINDS for stage in kind.stages},
}


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


class Pace:
    """Seconds per step of each stage on this computer, learnt from finished runs of all visitors."""

    def __init__(self) -> None:
        self._seconds = dict(_FIRST_GUESS)
        self._lock = threading.Lock()

    def learn(self, steps: Mapping[str, tuple[int, int]], timings: Mapping[str, float]) -> None:
        """Learn from a finished run, which weighs as much as all earlier ones together."""
        with self._lock:
            for stage, (_, total) in steps.items():
                if stage in self._seconds and total and timings.get(stage):
                    self._seconds[stage] = (self._seconds[stage] + timings[stage] / total) / 2

    def split(self, state: RunState, expected: Mapping[str, int]) -> tuple[float, float]:
        """Seconds of work done and to do; `expected` holds the steps of stages that have not started."""
        behind = ahead = 0.0
        for stage, seconds in self._seconds.items():
            done, total = state.steps.get(stage, (0, expected.get(stage, 0)))
            behind += done * seconds
            ahead += (total - done) * seconds
        return behind, ahead


def expected_steps(history: int, blocks: int, candidates: int, top: int) -> dict[str, int]:
    """About how many steps each stage of a run will have."""
    return {
        "describe": history,
        "preference": blocks,
        "rank": candidates,
        "explain": 2 * top,
        "influence": blocks + history,
    }


def duration(seconds: float) -> str:
    """A rounded duration in words, so that an estimate does not look like a measurement."""
    if seconds < 5:
        return "a few seconds"
    if seconds < 55:
        return f"about {round(seconds / 5) * 5} s"
    return f"about {max(1, round(seconds / 60))} min"


def line(state: RunState, behind: float = 0.0, ahead: float = 0.0) -> str:
    """The progress line as HTML. Screen readers hear only changes of the stage."""
    said = _said(state)
    seen, share = said, 0.0
    if state.phase == "finished":
        share = 1.0
    elif state.stage in STAGES:
        share = behind / (behind + ahead) if behind + ahead else 0.0
        if state.phase == "running":
            done, total = state.steps[state.stage]
            seen = f"{said} {done}/{total}" + (f" · {duration(ahead)} left" if ahead else "")
    busy = "" if state.ended else " busy"
    return (
        f'<div class="progress {text(state.phase)}{busy}"><div class="progress-track" aria-hidden="true">'
        f'<i style="width:{share:.1%}"></i></div><p class="progress-line" aria-hidden="true">{text(seen)}</p>'
        f'<p class="sr-only" role="status" aria-live="polite">{text(said)}</p></div>'
    )


def _said(state: RunState) -> str:
    if state.note and state.phase != "failed":
        return state.note
    if state.phase == "running":
        return STAGES.get(state.stage, "Starting")
    if state.phase == "finished":
        return f"Done in {state.run.timings['total']:.0f} s" if state.run and "total" in state.run.timings else "Done"
    return {
        "idle": "",
        "waiting": "Waiting for the model",
        "stopping": "Stopping",
        "stopped": "Stopped. What was made so far is kept.",
        "failed": "The run ended early",
    }[state.phase]
