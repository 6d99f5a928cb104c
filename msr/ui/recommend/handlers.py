"""The event handlers of the Recommend tab; each returns new values of components."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from msr import intake
from msr.catalogue import Catalogue
from msr.config import Limits, PipelineConfig
from msr.render.html import notice
from msr.schema import InputProblem, Item
from msr.ui import history_editor
from msr.ui.callers import name_of
from msr.ui.jobs import Visit, queued
from msr.ui.parts import heading_html, told, whole
from msr.ui.results import results
from msr.ui.run_state import RunState, line
from msr.ui.slides import presentation
from msr.ui.stores import joined
from msr.ui.studio import Studio
from msr.ui.timeline import timeline
from msr.ui.visitors import visitor_of

_MOST_PROBLEMS = 8  # lines of a message before it says "and 12 more"


class Handlers:
    """The handlers for one studio. Every argument comes from a browser and is not trusted."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._stories = {story.id: items for story, items in studio.examples}

    def restore(self, draft: Any, block_size: Any) -> Any:
        """Show the history that the browser kept while the page was reloaded."""
        kept = self._draft(draft)
        return self._rows(kept, block_size) if kept else gr.skip()

    def pick(self, draft: Any, block_size: Any, event: gr.EventData) -> tuple[str, str]:
        """Replace the history by a story. Undo in the page restores it."""
        chosen = self._stories.get(str(told(event, "story")))
        return self._edited(chosen or self._draft(draft), block_size, [])

    def upload(
        self, draft: Any, block_size: Any, files: list[str] | None, request: gr.Request
    ) -> tuple[str, str, None]:
        """Append pictures, tables and saved histories to the history; say which files were refused, and why."""
        current = self._draft(draft)
        new, refused = self._brought(files, [item.id for item in current], request)
        joined, problems = history_editor.add(current, new, self._studio.limits)
        return *self._edited(joined, block_size, [*refused, *problems]), None

    def add_title(self, draft: Any, block_size: Any, words: str) -> tuple[str, str, str]:
        """Append an item without a picture to the history."""
        current = self._draft(draft)
        title = intake.title(words or "", self._studio.limits)
        new = [Item(history_editor.new_id(()), title)] if title else []
        joined, problems = history_editor.add(current, new, self._studio.limits)
        return *self._edited(joined, block_size, problems), words if problems else ""

    def save(self, draft: Any) -> tuple[str, str]:
        """The address of the history as a file, or a hint if it is empty."""
        items = self._draft(draft)
        if not items:
            return "", notice("hint", "There is nothing to save yet.")
        data = intake.to_session(items)
        return self._studio.downloads.put("history.json", "application/json", data), ""

    def offer_files(self, files: list[str] | None, request: gr.Request) -> tuple[Any, ...]:
        """Use a ZIP, a table or pictures as the catalogue; keep the old one if they cannot be read."""
        limits = self._studio.limits
        try:
            with self._studio.reading(files, request) as (paths, budget):
                many = replace(limits, max_history=limits.max_catalogue)
                items, refused = _read(paths, many, budget)
        except InputProblem as error:
            items, refused = (), (str(error),)
        if len(items) > limits.max_catalogue:
            items, refused = (), (f"There are more than {limits.max_catalogue} items; bring fewer.",)
        problem = _problem("Not everything could be taken into the catalogue.", refused)
        return *(self._offered("your own", items, refused) if items else (gr.skip(),) * 3), problem, None

    def offer_words(self, words: str) -> tuple[Any, ...]:
        """Use pasted titles, one a line, as the catalogue; keep the old one if there are none."""
        limits = self._studio.limits
        lines = words.splitlines() if isinstance(words, str) else []
        problem = ""
        if len(lines) > limits.max_catalogue:
            problem = f"There are {len(lines)} lines; at most {limits.max_catalogue} are read. Paste fewer."
            lines = []
        titles = dict.fromkeys(filter(None, (intake.title(line, limits) for line in lines)))
        if not titles:
            said = notice("problem", problem or "Write at least one title, each on a line of its own.")
            return *[gr.skip()] * 3, said
        return *self._offered("pasted", tuple(Item(f"pasted-{n}", t) for n, t in enumerate(titles, 1))), ""

    def offer_bundled(self) -> tuple[Any, ...]:
        """Use the bundled catalogue again."""
        return "", *offered(self._studio.catalogue), ""

    def begin(self, draft: Any, block_size: Any, top: Any, offer: Any, request: gr.Request) -> tuple[Any, ...]:
        """Validate the request and put it in the queue; `follow` runs it."""
        studio = self._studio
        items = self._draft(draft)
        if not items:
            nothing = notice("problem", "Add at least one item first: pick a story, or add a picture or a title.")
            return *[gr.skip()] * 8, nothing
        session = request.session_hash or ""
        try:
            catalogue = studio.catalogues.get(offer) or studio.catalogue
            visit = Visit(items, self._settings(block_size, top), catalogue, self._name(items))
            before = studio.visits.begin(session, visit, name_of(request), session, self.follow)
        except InputProblem as error:
            return *[gr.skip()] * 8, notice("problem", str(error))
        if before:
            visit.state = replace(visit.state, note=queued(before))
        return *self._shown(visit.state), gr.Timer(active=before > 0), gr.update(visible=False), ""

    def wait(self, request: gr.Request) -> tuple[Any, Any]:
        """The progress line of a queued run, and whether to ask again."""
        before = self._studio.visits.place(request.session_hash or "")
        visit = self._studio.visits.of(request.session_hash or "")
        if visit is None or not before:
            return gr.skip(), gr.Timer(active=before == 0)
        visit.state = replace(visit.state, note=queued(before))
        return line(visit.state), gr.skip()

    def follow(self, runs: Any, request: gr.Request) -> Iterator[tuple[Any, ...]]:
        """Run what `begin` queued and show it, then add it to the page's runs. Sends only changed components."""
        visit = self._studio.visits.of(request.session_hash or "")
        if not isinstance(visit, Visit) or visit.started or visit.state.ended:
            return
        before: tuple[Any, ...] = (None,) * 6
        with self._studio.callers.watching(request, visit.stop):
            for state in visit.events(self._studio.engine):
                now = self._shown(state, visit)
                changed = (gr.skip() if new == old else new for new, old in zip(now, before, strict=True))
                yield *changed, *[gr.skip()] * 3
                before = now
        if visit.kept is not None:
            key = self._studio.runs.put(visit.kept, visitor_of(request))
            yield *[gr.skip()] * 6, joined(runs, key), key, gr.update(visible=True)

    def stop(self, request: gr.Request) -> tuple[Any, ...]:
        """Ask the run to stop. A run that has started shows its end itself, since this answer could arrive later."""
        visit = self._studio.visits.of(request.session_hash or "")
        state = visit.halt() if visit else None
        return self._shown(state) if state and state.ended else (gr.skip(),) * 6

    def present(self, event: gr.EventData) -> Any:
        kept = self._studio.runs.get(told(event, "key"))
        return presentation(kept, self._studio.media) if kept else gr.skip()

    def leave(self, request: gr.Request) -> None:
        self._studio.visits.leave(request.session_hash or "")

    def results(self, state: RunState, catalogue: Catalogue) -> str:
        return results(state, catalogue.by_id, self._studio.media)

    def _draft(self, draft: Any) -> tuple[Item, ...]:
        return history_editor.from_draft(draft, self._studio.media, self._studio.limits)

    def _rows(self, items: tuple[Item, ...], block_size: Any) -> str:
        size = self._settings(block_size).block_size
        return history_editor.rows(items, self._studio.media, size, self._studio.limits)

    def _edited(self, items: tuple[Item, ...], block_size: Any, problems: list[str]) -> tuple[str, str]:
        message = _problem("Not everything could be added; what you had is untouched.", problems)
        return self._rows(items, block_size), message

    def _brought(
        self, files: list[str] | None, taken: list[str], request: gr.Request
    ) -> tuple[tuple[Item, ...], tuple[str, ...]]:
        try:
            with self._studio.reading(files, request) as (paths, budget):
                return _read(paths, self._studio.limits, budget, taken)
        except InputProblem as error:
            return (), (str(error),)

    def _offered(self, name: str, items: tuple[Item, ...], left_out: tuple[str, ...] = ()) -> tuple[str, str, str]:
        """Keep a new catalogue; return its key, the line about it, and the heading of the results."""
        catalogue = Catalogue(name, items, left_out)
        return self._studio.catalogues.put(catalogue), *offered(catalogue)

    def _name(self, items: tuple[Item, ...]) -> str:
        for story, known in self._studio.examples:
            if [i.id for i in known] == [i.id for i in items]:
                return story.name
        first = items[0].title or "Untitled picture"
        short = first if len(first) <= 40 else f"{first[:39]}…"
        return short if len(items) == 1 else f"{short} and {len(items) - 1} more"

    def _shown(self, state: RunState, visit: Visit | None = None) -> tuple[Any, ...]:
        studio = self._studio
        estimate = studio.engine.pace.split(state, visit.expected()) if visit and not state.ended else (0.0, 0.0)
        failed = notice("problem", "The run ended early.", [state.note]) if state.phase == "failed" else ""
        return (
            line(state, *estimate),
            timeline(state, studio.media),
            self.results(state, visit.catalogue if visit else studio.catalogue),
            failed,
            gr.update(interactive=state.ended),
            gr.update(interactive=not state.ended and state.phase != "stopping"),
        )

    def _settings(self, block_size: Any, top: Any = None) -> PipelineConfig:
        """The settings of the page, limited to the ranges of the sliders."""
        config = self._studio.config
        wanted = whole(top, 1, 20, config.top)
        return replace(config, block_size=whole(block_size, 1, 10, config.block_size), top=wanted, explain_top=wanted)


def _read(
    paths: Sequence[Path], limits: Limits, budget: intake.Budget, taken: Sequence[str] = ()
) -> tuple[tuple[Item, ...], tuple[str, ...]]:
    """The items of uploaded files, in natural order, and a sentence for everything that is not used."""
    return intake.uploads(intake.in_natural_order([(path, path.name) for path in paths]), limits, taken, budget)


def offered(catalogue: Catalogue) -> tuple[str, str]:
    """The line about the catalogue in use, and the heading of the results."""
    return offer_line(catalogue), results_heading(catalogue)


def offer_line(catalogue: Catalogue) -> str:
    count = len(catalogue.items)
    name = "the bundled catalogue" if catalogue.name == "demo" else catalogue.name
    return notice("hint", f"In use: {name}, {count} item{'' if count == 1 else 's'}.")


def results_heading(catalogue: Catalogue) -> str:
    count = len(catalogue.items)
    line = f"The best of {count} catalogue item{'' if count == 1 else 's'}, without what the history holds."
    return heading_html("Recommendations", line, 3)


def _problem(title: str, problems: tuple[str, ...] | list[str]) -> str:
    more = len(problems) - _MOST_PROBLEMS
    lines = list(problems[:_MOST_PROBLEMS]) + ([f"and {more} more"] if more > 0 else [])
    return notice("problem", title, lines) if problems else ""
