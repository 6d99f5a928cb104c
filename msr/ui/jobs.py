"""Jobs that visitors start: one at a time for each page, queued, shown as they go, and stopped."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Any

from msr.backbones.protocol import BackboneError, StopRequested
from msr.catalogue import Catalogue
from msr.config import PipelineConfig
from msr.events import Finished, PreferenceText, StageProgress
from msr.schema import InputProblem, Item
from msr.ui.callers import GRACE
from msr.ui.engine import Engine
from msr.ui.run_state import RunState, expected_steps
from msr.ui.stores import Kept

log = logging.getLogger(__name__)

OFTEN = 0.1  # shortest time in seconds between two updates of the page


class Job:
    """Work with the model that a visitor asked for. Subclasses define it in `_run`."""

    def __init__(self, state: RunState) -> None:
        self.state = state
        self.stop = threading.Event()
        self.started = False

    def events(self, engine: Engine) -> Iterator[RunState]:
        """Wait for the model, then do the work. Yields states to show; the last one has ended."""
        self.started = True
        try:
            for status in engine.wait(self.stop):
                note = f"Waiting for the model: {status.words} {status.share or 0:.0%}"
                yield self._now(replace(self.state, note=note))
            if self.stop.is_set():
                yield self._now(self.state.ending("stopped", "Stopped before it began."))
                return
            with engine.exclusive(self.stop):
                yield from self._run(engine)
        except StopRequested:
            yield self._now(self.state.ending("stopped"))
        except (InputProblem, BackboneError) as error:
            yield self._now(self.state.ending("failed", str(error)))
        except Exception as error:  # the page must show every failure
            log.exception("A job failed.")
            yield self._now(self.state.ending("failed", f"Something unforeseen happened ({type(error).__name__})."))
        finally:
            self.stop.set()

    def end(self, why: str) -> None:
        """End work that has not started; `why` is shown to the visitor."""
        self.stop.set()
        self.state = self.state.ending("failed", why)

    def halt(self) -> RunState:
        """Ask the work to stop and return its state. Work that has not started ends at once."""
        self.stop.set()
        if not self.state.ended:
            self.state = (
                replace(self.state, phase="stopping", note="")
                if self.started
                else self.state.ending("stopped", "Stopped before it began.")
            )
        return self.state

    def _run(self, engine: Engine) -> Iterator[RunState]:
        raise NotImplementedError

    def _now(self, state: RunState) -> RunState:
        # Stop may be pressed in another thread; every later state shows it.
        if self.stop.is_set() and not state.ended:
            state = replace(state, phase="stopping", note="")
        self.state = state
        return state


class Visit(Job):
    """One run of the pipeline for one visitor. When it has finished, `kept` is the result.

    `parent` is the id of the run that this one edits; `edited` is a preference text that the visitor wrote.
    """

    def __init__(
        self,
        history: tuple[Item, ...],
        config: PipelineConfig,
        catalogue: Catalogue,
        name: str = "",
        parent: str | None = None,
        edited: str | None = None,
    ) -> None:
        super().__init__(RunState.of(history, config.block_size))
        self.history = history
        self.config = config
        self.catalogue = catalogue
        self.name = name
        self.parent = parent
        self.edited = edited
        self.kept: Kept | None = None

    def expected(self) -> dict[str, int]:
        """Expected number of steps by stage, to estimate the remaining time."""
        state, config = self.state, self.config
        scored = min(len(self.catalogue.items), config.shortlist)
        return expected_steps(len(state.history), len(state.blocks), scored, config.explain_top)

    def _run(self, engine: Engine) -> Iterator[RunState]:
        yield self._now(replace(self.state, phase="running", note="Starting"))
        shown = 0.0
        work = engine.pipeline.run(
            self.history,
            self.catalogue.items,
            self.config,
            self.stop,
            self.parent,
            edited=self.edited,
            left_out=self.catalogue.left_out,
        )
        with closing(work) as events:
            for event in events:
                if isinstance(event, Finished):
                    self.kept = Kept(event.run, self.name, self.catalogue)
                    engine.pace.learn(self.state.steps, event.run.timings)
                state = self._now(self.state.after(event))
                fleeting = isinstance(event, StageProgress) or (isinstance(event, PreferenceText) and not event.final)
                if not fleeting or time.monotonic() - shown >= OFTEN:
                    shown = time.monotonic()
                    yield state


def queued(before: int) -> str:
    """A run's place in the queue, as a sentence."""
    return "Waiting for another visitor; you are next" if before == 1 else f"Waiting; {before} runs come before yours"


@dataclass
class _Begun:
    """A queued visit: its caller, the session and function that will follow it, and when it was queued."""

    visit: Job
    caller: str
    session: str
    follow: Any
    at: float = field(default_factory=time.monotonic)


class Visits:
    """The current visit of every open page.

    One request queues a visit. A second request follows it and waits in Gradio's queue; `waits` tells whether it does.
    A visit ends if nobody follows it within `grace` seconds, or if the queue has no place for its second request.
    """

    def __init__(self, most: int = 200, waiting: int = 64, each: int = 8, grace: float = GRACE) -> None:
        self.waits: Callable[[str, Any], bool] = lambda session, follow: False
        self._most, self._waiting, self._each, self._grace = most, waiting, each, grace
        self._visits: dict[str, _Begun] = {}
        self._lock = threading.Lock()

    def begin(self, page: str, visit: Job, caller: str = "", session: str = "", follow: Any = None) -> int:
        """Queue a visit and stop the page's previous one; return how many runs come before it.

        Raises InputProblem if too many visits wait, of all callers or of this one.
        """
        with self._lock:
            self._sweep()
            waiting = [b.caller for key, b in self._visits.items() if key != page and _unstarted(b.visit)]
            if len(waiting) >= self._waiting or waiting.count(caller) >= self._each:
                raise InputProblem("Too many runs are waiting. Try again when one of them is done.")
            if page in self._visits:
                self._visits.pop(page).visit.halt()
            self._visits[page] = _Begun(visit, caller, session, follow)
            return self._before(visit)

    def place(self, page: str) -> int | None:
        """How many runs come before the one of this page; None if it does not wait."""
        with self._lock:
            self._sweep()
            begun = self._visits.get(page)
            return self._before(begun.visit) if begun and _unstarted(begun.visit) else None

    def refused(self, session: str, follow: Any) -> None:
        """End the visit that this function of this session would have followed: the queue had no place for it."""
        with self._lock:
            for begun in self._visits.values():
                if begun.session == session and begun.follow == follow and _unstarted(begun.visit):
                    begun.visit.end("Too many runs are waiting. Try again when one of them is done.")

    def _sweep(self) -> None:
        """End visits that nobody follows. With more than `most` visits, forget the oldest that have ended."""
        for begun in self._visits.values():
            late = time.monotonic() - begun.at > self._grace
            if late and _unstarted(begun.visit) and not self.waits(begun.session, begun.follow):
                begun.visit.end("Nobody followed this run. Start it again.")
        over = [page for page, begun in self._visits.items() if begun.visit.state.ended]
        for page in over[: max(0, len(self._visits) - self._most)]:
            del self._visits[page]

    def _before(self, visit: Job) -> int:
        earlier = takewhile(lambda other: other is not visit, (begun.visit for begun in self._visits.values()))
        return sum(not other.state.ended for other in earlier)

    def of(self, page: str) -> Job | None:
        begun = self._visits.get(page)
        return begun.visit if begun else None

    def leave(self, page: str) -> None:
        """Stop the work of a page that was closed."""
        with self._lock:
            begun = self._visits.pop(page, None)
        if begun is not None:
            begun.visit.halt()

    def end(self) -> None:
        """Stop all work, because the server ends."""
        with self._lock:
            for begun in self._visits.values():
                begun.visit.halt()


def _unstarted(visit: Job) -> bool:
    return not visit.started and not visit.state.ended
