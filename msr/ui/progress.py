"""The progress line: the stage, how much is done, and about how long it will take."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from msr.evidence.kinds import KINDS
from msr.render.html import text
from msr.ui.run_state import RunState

STAGES = {
    "describe": "Describing items",
    "preference": "Writing the preference",
    "shortlist": "Shortlisting the catalogue",
    "rank": "Scoring candidates",
    "explain": "Explaining the top results",
    "influence": "EvidenceJob influence",
    **{stage.name: stage.label for kind in KINDS for stage in kind.stages},
}
# Seconds per step on two CPU cores, until the speed of this computer is known.
_FIRST_GUESS = {
    **{"describe": 0.7, "preference": 3.0, "shortlist": 2.0, "rank": 0.05, "explain": 0.6, "influence": 0.6},
    **{stage.name: stage.seconds for kind in KINDS for stage in kind.stages},
}


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
