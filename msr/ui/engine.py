"""Load the model in the background and share it between visitors."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from msr.backbones.protocol import BackboneError, StopRequested
from msr.pipeline import Pipeline
from msr.render.html import text
from msr.ui.run_state import Pace

log = logging.getLogger(__name__)

Report = Callable[[str, float], None]  # a message and the fraction done, in [0, 1]
Loader = Callable[[Report], Pipeline]


@dataclass(frozen=True)
class Status:
    """State of the model: `phase` is loading, ready or failed; `share` is the fraction loaded, if known."""

    phase: str
    words: str = ""
    share: float | None = None
    identity: Mapping[str, Any] | None = None


class Engine:
    """Loads a pipeline in its own thread. After a failure, `start` tries again."""

    def __init__(self, load: Loader) -> None:
        self._load = load
        self._changed = threading.Condition()
        self._in_use = threading.Lock()  # not an RLock: another thread may close a generator
        self._status = Status("failed", "The model has not been loaded.")
        self._pipeline: Pipeline | None = None
        self.pace = Pace()

    @property
    def status(self) -> Status:
        return self._status

    def start(self) -> None:
        """Start to load the model, unless it is loading or loaded."""
        with self._changed:
            if self._status.phase != "failed":
                return
            self._set(Status("loading", "Starting"))
        threading.Thread(target=self._work, name="load-model", daemon=True).start()

    def wait(self, stop: threading.Event, every: float = 0.25) -> Iterator[Status]:
        """Yield the status until loading has ended or `stop` is set."""
        while self._status.phase == "loading" and not stop.is_set():
            yield self._status
            with self._changed:
                self._changed.wait(every)

    @contextmanager
    def exclusive(self, stop: threading.Event, every: float = 0.25) -> Iterator[None]:
        """Reserve the model for the block, so that no other job switches the adapter meanwhile.

        Gradio's queue already runs one job at a time; this also covers calls outside the queue. Raises StopRequested.
        """
        while not self._in_use.acquire(timeout=every):
            if stop.is_set():
                raise StopRequested
        try:
            yield
        finally:
            self._in_use.release()

    @property
    def pipeline(self) -> Pipeline:
        """The loaded pipeline. Raises BackboneError if there is none."""
        if self._pipeline is None:
            raise BackboneError(self._status.words or "The model is not loaded yet.")
        return self._pipeline

    def _work(self) -> None:
        try:
            pipeline = self._load(self._report)
            identity = pipeline.backbone.identity()
        except BackboneError as error:
            self._set(Status("failed", str(error)))
        except Exception as error:  # the page must show every failure
            log.exception("The model could not be loaded.")
            self._set(Status("failed", f"The model could not be loaded ({type(error).__name__}: {error})."))
        else:
            self._pipeline = pipeline
            self._set(Status("ready", identity=identity))

    def _report(self, words: str, share: float) -> None:
        self._set(Status("loading", words, share))

    def _set(self, status: Status) -> None:
        with self._changed:
            self._status = status
            self._changed.notify_all()


def badge(status: Status) -> str:
    """The line about the model in the page's head, as HTML."""
    if status.phase == "loading":
        share = "" if status.share is None else f" · {status.share:.0%}"
        bar = "" if status.share is None else f'<i style="width:{status.share:.1%}"></i>'
        known = "known" if bar else "unknown"
        return (
            f'<div class="badge loading" role="status"><span class="dot"></span><span>Loading the model · '
            f'{text(status.words)}{share}</span><span class="badge-track {known}" aria-hidden="true">{bar}</span></div>'
        )
    if status.phase == "failed":
        return (
            '<div class="badge failed" role="alert"><span class="dot"></span><div><b>The model is not available.</b> '
            f"<span>{text(status.words)}</span></div></div>"
        )
    about = status.identity or {}
    parts = [f"<b>{text(about.get('name', 'model'))}</b>"]
    if digest := about.get("adapter_sha256"):
        parts.append(f"adapter <code>{text(str(digest)[:10])}</code>")
    if device := about.get("device"):
        parts.append(text(device))
    parts.append("runs on this computer, nothing leaves it")
    return f'<div class="badge ready"><span class="dot"></span><span>{" · ".join(parts)}</span></div>'
