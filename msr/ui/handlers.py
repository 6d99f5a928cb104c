"""What the page's events do; each returns the components that change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from msr import intake
from msr.config import PipelineConfig
from msr.schema import Item
from msr.ui import history
from msr.ui.engine import badge
from msr.ui.history import Pool
from msr.ui.html import notice
from msr.ui.progress import line
from msr.ui.results import results
from msr.ui.run import Visit
from msr.ui.studio import Studio
from msr.ui.timeline import timeline
from msr.ui.view import View

_MOST_PROBLEMS = 8  # lines of a message before it says "and 12 more"


class Handlers:
    """Bound to one studio; every argument comes from a browser and is not trusted."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._stories = {story.id: items for story, items in studio.examples}

    # ---- the model

    def model(self) -> tuple[str, Any, Any]:
        """The badge, and whether to ask again."""
        status = self._studio.engine.status
        return badge(status), gr.update(visible=status.phase == "failed"), gr.Timer(active=status.phase == "loading")

    def retry(self) -> tuple[str, Any, Any]:
        self._studio.engine.start()
        return self.model()

    # ---- the history

    def pick(self, draft: Any, pool: Pool, block_size: Any, event: gr.EventData) -> tuple[str, Pool, str]:
        """A story takes the place of the history; Undo in the page brings that back."""
        current = history.from_draft(draft, pool, self._studio.limits)
        chosen = self._stories.get(str(event._data.get("story")), current)
        return self._edited(chosen, history.pooled(pool, current), block_size, [])

    def upload(self, draft: Any, pool: Pool, block_size: Any, files: list[str] | None) -> tuple[str, Pool, str, None]:
        """Pictures join the end of the history; those that cannot are named, and why."""
        current = history.from_draft(draft, pool, self._studio.limits)
        paths = [Path(file) for file in files or []]
        taken = [item.id for item in current]
        new, refused = intake.uploads([(path, path.name) for path in paths], self._studio.limits, taken)
        for path in paths:  # what is kept is the cleaned picture
            path.unlink(missing_ok=True)
        joined, problems = history.add(current, new, pool, self._studio.limits)
        return *self._edited(joined, pool, block_size, [*refused, *problems]), None

    def add_title(self, draft: Any, pool: Pool, block_size: Any, words: str) -> tuple[str, Pool, str, str]:
        """An item without a picture joins the end of the history."""
        current = history.from_draft(draft, pool, self._studio.limits)
        title = intake.title(words or "", self._studio.limits)
        new = [Item(history.new_id(pool), title)] if title else []
        joined, problems = history.add(current, new, pool, self._studio.limits)
        return *self._edited(joined, pool, block_size, problems), words if problems else ""

    def _edited(
        self, items: tuple[Item, ...], pool: Pool, block_size: Any, problems: list[str]
    ) -> tuple[str, Pool, str]:
        studio = self._studio
        more = len(problems) - _MOST_PROBLEMS
        lines = problems[:_MOST_PROBLEMS] + ([f"and {more} more"] if more > 0 else [])
        message = notice("problem", "Not everything could be added; what you had is untouched.", lines)
        editor = history.rows(items, studio.media, self._settings(block_size).block_size, studio.limits)
        return editor, history.pooled(pool, items), message if problems else ""

    # ---- the run

    def begin(self, draft: Any, pool: Pool, block_size: Any, top: Any, request: gr.Request) -> tuple[Any, ...]:
        """Takes down what is to be run; `follow` runs it when its turn comes."""
        studio = self._studio
        items = history.from_draft(draft, pool, studio.limits)
        if not items:
            nothing = notice("problem", "Add at least one item first: pick a story, or add a picture or a title.")
            return *[gr.skip()] * 6, nothing
        visit = Visit(items, self._settings(block_size, top), studio.catalogue)
        before = studio.visits.begin(request.session_hash or "", visit)
        if before:
            who = "another visitor" if before == 1 else f"{before} other visitors"
            visit.view = replace(visit.view, note=f"Waiting for {who}")
        return *self._shown(visit.view), ""

    def follow(self, request: gr.Request) -> Iterator[tuple[Any, ...]]:
        """Shows the run that was begun until it ends; sends only what changed."""
        visit = self._studio.visits.of(request.session_hash or "")
        if visit is None or visit.started or visit.view.ended:
            return
        before: tuple[Any, ...] = (None,) * 6
        for view in visit.events(self._studio.engine):
            now = self._shown(view, visit)
            yield tuple(gr.skip() if new == old else new for new, old in zip(now, before, strict=True))
            before = now

    def stop(self, request: gr.Request) -> tuple[Any, ...]:
        """Asks the work to stop. What has begun shows its own end: an answer from here could arrive after it."""
        visit = self._studio.visits.of(request.session_hash or "")
        view = visit.halt() if visit else None
        return self._shown(view) if view and view.ended else (gr.skip(),) * 6

    def leave(self, request: gr.Request) -> None:
        self._studio.visits.leave(request.session_hash or "")

    def results(self, view: View) -> str:
        return results(view, self._studio.catalogue.by_id, self._studio.media)

    def _shown(self, view: View, visit: Visit | None = None) -> tuple[Any, ...]:
        studio = self._studio
        estimate = studio.engine.pace.split(view, visit.expected()) if visit and not view.ended else (0.0, 0.0)
        failed = notice("problem", "The run ended early.", [view.note]) if view.phase == "failed" else ""
        return (
            line(view, *estimate),
            timeline(view, studio.media),
            self.results(view),
            failed,
            gr.update(interactive=view.ended),
            gr.update(interactive=not view.ended and view.phase != "stopping"),
        )

    def _settings(self, block_size: Any, top: Any = None) -> PipelineConfig:
        """The page's settings, kept within what the sliders allow."""
        config = self._studio.config

        def whole(value: Any, low: int, high: int, default: int) -> int:
            return min(high, max(low, int(value))) if isinstance(value, int | float) else default

        wanted = whole(top, 1, 20, config.top)
        return replace(config, block_size=whole(block_size, 1, 10, config.block_size), top=wanted, explain_top=wanted)
