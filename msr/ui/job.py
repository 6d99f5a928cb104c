"""One piece of a visitor's work with the model, from pressing a button to its end."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import replace

from msr.backbones.base import BackboneError, StopRequested
from msr.schema import InputProblem
from msr.ui.engine import Engine
from msr.ui.view import View

log = logging.getLogger(__name__)

OFTEN = 0.1  # seconds: a page that changes more often than this is not read any better


class Job:
    """Waits for the model, works, and ends whatever happens; what the work is, a subclass says in `_run`."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.stop = threading.Event()
        self.started = False

    def events(self, engine: Engine) -> Iterator[View]:
        """Waits for the model, then follows the work; yields every view worth showing and ends with an ended one."""
        self.started = True
        try:
            for status in engine.wait(self.stop):
                note = f"Waiting for the model: {status.words} {status.share or 0:.0%}"
                yield self._now(replace(self.view, note=note))
            if self.stop.is_set():
                yield self._now(self.view.ending("stopped", "Stopped before it began."))
                return
            with engine.turn(self.stop):
                yield from self._run(engine)
        except StopRequested:
            yield self._now(self.view.ending("stopped"))
        except (InputProblem, BackboneError) as error:
            yield self._now(self.view.ending("failed", str(error)))
        except Exception as error:  # a page that stays silent helps nobody
            log.exception("A job failed.")
            yield self._now(self.view.ending("failed", f"Something unforeseen happened ({type(error).__name__})."))
        finally:
            self.stop.set()

    def end(self, why: str) -> None:
        """Ends work that has not begun, and says why."""
        self.stop.set()
        self.view = self.view.ending("failed", why)

    def halt(self) -> View:
        """Asks the work to stop; what has not begun is over at once."""
        self.stop.set()
        if not self.view.ended:
            self.view = (
                replace(self.view, phase="stopping", note="")
                if self.started
                else self.view.ending("stopped", "Stopped before it began.")
            )
        return self.view

    def _run(self, engine: Engine) -> Iterator[View]:
        raise NotImplementedError

    def _now(self, view: View) -> View:
        # Stop is pressed in another thread; whatever comes after it shows that it was heard.
        if self.stop.is_set() and not view.ended:
            view = replace(view, phase="stopping", note="")
        self.view = view
        return view
