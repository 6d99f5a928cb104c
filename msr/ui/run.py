"""Runs of visitors: begin one, follow it as views, stop it; the worker never outlives its visitor."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import takewhile

from msr.catalog import Catalogue
from msr.config import PipelineConfig
from msr.events import Finished, PreferenceText, StageProgress
from msr.schema import Item
from msr.ui.engine import Engine
from msr.ui.job import OFTEN, Job
from msr.ui.progress import expected_steps
from msr.ui.shelf import Kept
from msr.ui.view import View


class Visit(Job):
    """One run of one visitor, from pressing a button to its end; `kept` is what came of it.

    `parent` is the id of the run that this one is an edit of, `edited` a preference text that the visitor wrote.
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
        super().__init__(View.of(history, config.block_size))
        self.history = history
        self.config = config
        self.catalogue = catalogue
        self.name = name
        self.parent = parent
        self.edited = edited
        self.kept: Kept | None = None

    def expected(self) -> dict[str, int]:
        """Steps by stage, for the estimate."""
        view, config = self.view, self.config
        scored = min(len(self.catalogue.items), config.shortlist)
        return expected_steps(len(view.history), len(view.blocks), scored, config.explain_top)

    def _run(self, engine: Engine) -> Iterator[View]:
        yield self._now(replace(self.view, phase="running", note="Starting"))
        shown = 0.0
        work = engine.pipeline.run(
            self.history, self.catalogue.items, self.config, self.stop, self.parent, edited=self.edited
        )
        with closing(work) as events:
            for event in events:
                if isinstance(event, Finished):
                    self.kept = Kept(event.run, self.name, self.catalogue)
                    engine.pace.learn(self.view.steps, event.run.timings)
                view = self._now(self.view.after(event))
                fleeting = isinstance(event, StageProgress) or (isinstance(event, PreferenceText) and not event.final)
                if not fleeting or time.monotonic() - shown >= OFTEN:
                    shown = time.monotonic()
                    yield view


def queued(before: int) -> str:
    """Where a run stands in the queue, in words."""
    return "Waiting for another visitor; you are next" if before == 1 else f"Waiting; {before} runs come before yours"


class Visits:
    """The current visit of every open page."""

    def __init__(self) -> None:
        self._visits: dict[str, Job] = {}
        self._lock = threading.Lock()

    def begin(self, page: str, visit: Job) -> int:
        """Takes in a visit, stopping the page's last one; returns how many runs come before it."""
        with self._lock:
            if page in self._visits:
                self._visits.pop(page).halt()
            self._visits[page] = visit
            return self._before(visit)

    def place(self, page: str) -> int | None:
        """How many runs come before the one that this page waits with; None if it does not wait."""
        with self._lock:
            visit = self._visits.get(page)
            return None if visit is None or visit.started or visit.view.ended else self._before(visit)

    def _before(self, visit: Job) -> int:
        earlier = takewhile(lambda other: other is not visit, self._visits.values())
        return sum(not other.view.ended for other in earlier)

    def of(self, page: str) -> Job | None:
        return self._visits.get(page)

    def leave(self, page: str) -> None:
        """The page was closed: its work ends."""
        with self._lock:
            visit = self._visits.pop(page, None)
        if visit is not None:
            visit.halt()

    def end(self) -> None:
        """The server ends, and all work with it."""
        with self._lock:
            for visit in self._visits.values():
                visit.halt()
