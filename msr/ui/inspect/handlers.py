"""What the Inspect tab's events do; each returns the components that change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr

from msr import intake
from msr.config import LIMITS, PipelineConfig
from msr.render.html import notice
from msr.schema import InputProblem, Run
from msr.ui.callers import name_of
from msr.ui.inspect.comparison import growing, side_by_side
from msr.ui.jobs import Visit, queued
from msr.ui.progress import line
from msr.ui.recommend import history
from msr.ui.recommend.handlers import whole
from msr.ui.run_state import View
from msr.ui.run_store import joined
from msr.ui.studio import Studio

EDITOR = "whatif"
EMPTY = "Choose a run above; its history appears here to be edited."
_MOST_CHOICES = 1_000  # catalogue items that can be swapped in from the list
_TEXT = 600  # characters of an edited preference
_EXPLAINED = 3  # results of an edited run that are explained: it should be there soon


class Handlers:
    """Bound to one studio; every argument comes from a browser and is not trusted."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    # ---- choosing

    def known(self, runs: Any, subject: Any, one: Any, two: Any) -> tuple[Any, ...]:
        """What can be chosen when the page opens; two runs stand side by side, so that there is something to see."""
        choices = self._studio.shelf.choices(runs)
        keys = [key for _, key in choices]
        first, second, *_ = [*keys, None, None]

        def kept(value: Any, default: str | None) -> str | None:
            return value if value in keys else default

        left, right = kept(one, first), kept(two, second)
        values = (kept(subject, first), left, right)
        return *(gr.update(choices=choices, value=v) for v in values), self.compare(left, right)

    def more(self, runs: Any, subject: Any, one: Any) -> tuple[Any, ...]:
        """What can be chosen now that there is another run; what is chosen stays, it may be newer than known here."""
        choices = self._studio.shelf.choices(runs)
        newest = {"value": choices[0][1]} if choices else {}
        none_yet = [gr.update(choices=choices, **({} if chosen else newest)) for chosen in (subject, one)]
        return *none_yet, gr.update(choices=choices)

    def subject(self, key: Any) -> tuple[Any, ...]:
        """A run to ask what-if questions of: its history, preference text and settings."""
        studio = self._studio
        kept = studio.shelf.get(key)
        if kept is None:
            nothing = history.rows((), studio.media, studio.config.block_size, studio.limits, EDITOR, EMPTY)
            return nothing, "", gr.update(choices=[], value=None), gr.update(choices=[], value=None), 3, True, ""
        run = kept.run
        size = whole(run.settings.get("block_size"), 1, 10, studio.config.block_size)
        held = {item.id for item in run.history}
        rows = [(f"{n}. {item.title or 'untitled picture'}", item.id) for n, item in enumerate(run.history, 1)]
        others = [(i.title or "untitled picture", i.id) for i in kept.catalogue.items if i.id not in held]
        return (
            history.rows(run.history, studio.media, size, studio.limits, EDITOR, EMPTY),
            run.preferences[-1].text if run.preferences else "",
            gr.update(choices=rows, value=None),
            gr.update(choices=others[:_MOST_CHOICES], value=None),
            size,
            run.model.get("adapter_sha256") is not None,
            "",
        )

    def swap(self, draft: Any, key: Any, old: Any, new: Any, block_size: Any) -> tuple[Any, ...]:
        """Another catalogue item takes the place of a history item."""
        studio = self._studio
        kept, items = studio.shelf.get(key), history.from_draft(draft, studio.media, studio.limits)
        other = kept.catalogue.by_id.get(new) if kept and isinstance(new, str) else None
        if other is None or old not in [item.id for item in items]:
            said = "Choose an item of the history, and one of the catalogue to take its place."
            return gr.skip(), gr.skip(), notice("problem", said)
        if other.id in {item.id for item in items}:
            return gr.skip(), gr.skip(), notice("problem", "That item is in the history already. Choose another.")
        swapped = tuple(other if item.id == old else item for item in items)
        size = whole(block_size, 1, 10, studio.config.block_size)
        choices = [(f"{n}. {item.title or 'untitled picture'}", item.id) for n, item in enumerate(swapped, 1)]
        editor = history.rows(swapped, studio.media, size, studio.limits, EDITOR, EMPTY)
        return editor, gr.update(choices=choices, value=None), ""

    # ---- asking

    def begin(
        self, draft: Any, key: Any, words: Any, block_size: Any, adapter: Any, request: gr.Request
    ) -> tuple[Any, ...]:
        """Takes down an edited run; `follow` runs it when its turn comes."""
        studio = self._studio
        kept = studio.shelf.get(key)
        items = history.from_draft(draft, studio.media, studio.limits)
        if kept is None or not items:
            said = "Choose a run first." if kept is None else "Leave at least one item in the history."
            return *[gr.skip()] * 4, notice("problem", said)
        edited = edited_text(words, kept.run)
        size = whole(block_size, 1, 10, studio.config.block_size)
        config = self._config(kept.run, size, adapter is not False)
        name = kept.name if kept.run.parent else f"{kept.name}, edited"
        visit = Visit(items, config, kept.catalogue, name, kept.run.id, edited)
        session = request.session_hash or ""
        try:
            before = studio.visits.begin(_page(request), visit, name_of(request), session, self.follow)
        except InputProblem as error:
            return *[gr.skip()] * 4, notice("problem", str(error))
        if before:
            visit.view = replace(visit.view, note=queued(before))
        return *self._shown(visit.view), gr.Timer(active=before > 0), ""

    def follow(self, key: Any, runs: Any, one: Any, pinned: Any, request: gr.Request) -> Iterator[tuple[Any, ...]]:
        """Shows the edited run as it grows; at its end it is run B, and what it came from is A unless A is pinned."""
        visit = self._studio.visits.of(_page(request))
        before = self._studio.shelf.get(key)
        if visit is None or before is None or visit.started or visit.view.ended:
            return
        beside = self._studio.shelf.get(one) if pinned else before
        shown: tuple[Any, ...] = ()
        with self._studio.callers.watching(request, visit.stop):
            for view in visit.events(self._studio.engine):
                ranked = growing(beside or before, view, self._studio.media) if view.recommendations else None
                now = (*self._shown(view, visit), ranked or gr.skip())
                yield (
                    *(gr.skip() if shown and new == old else new for new, old in zip(now, shown or now, strict=True)),
                    *[gr.skip()] * 3,
                )
                shown = now
        if visit.kept is None:
            return
        made = self._studio.shelf.put(visit.kept)
        known = joined(runs, made)
        choices = self._studio.shelf.choices(known)
        left = (beside or before).key
        yield (
            *[gr.skip()] * 3,
            side_by_side(beside or before, visit.kept, self._studio.media),
            known,
            gr.update(choices=choices, value=left),
            gr.update(choices=choices, value=made),
        )

    def wait(self, request: gr.Request) -> tuple[Any, Any]:
        """The line of a run that waits for its turn, and whether to ask again."""
        before = self._studio.visits.place(_page(request))
        visit = self._studio.visits.of(_page(request))
        if visit is None or not before:
            return gr.skip(), gr.Timer(active=before == 0)
        visit.view = replace(visit.view, note=queued(before))
        return line(visit.view), gr.skip()

    def stop(self, request: gr.Request) -> tuple[Any, ...]:
        visit = self._studio.visits.of(_page(request))
        view = visit.halt() if visit else None
        return self._shown(view) if view and view.ended else (gr.skip(),) * 3

    def leave(self, request: gr.Request) -> None:
        self._studio.visits.leave(_page(request))

    # ---- comparing

    def compare(self, one: Any, two: Any) -> str:
        return side_by_side(self._studio.shelf.get(one), self._studio.shelf.get(two), self._studio.media)

    def _shown(self, view: View, visit: Visit | None = None) -> tuple[Any, ...]:
        estimate = self._studio.engine.pace.split(view, visit.expected()) if visit and not view.ended else (0.0, 0.0)
        said = line(view, *estimate)
        if view.phase == "failed":
            said += notice("problem", "The run ended early.", [view.note])
        busy = not view.ended
        return said, gr.update(interactive=not busy), gr.update(interactive=busy and view.phase != "stopping")

    def _config(self, run: Run, block_size: int, adapter: bool) -> PipelineConfig:
        top = whole(run.settings.get("top"), 1, 20, self._studio.config.top)
        return replace(
            self._studio.config, block_size=block_size, top=top, explain_top=min(top, _EXPLAINED), adapter=adapter
        )


def _page(request: gr.Request) -> str:
    """This tab's runs of a page; those of Recommend go on beside them."""
    return f"{request.session_hash or ''}/inspect"


def edited_text(words: Any, run: Run) -> str | None:
    """The preference text, if it is somebody's own; None if it is what the model wrote, or nothing."""
    if not isinstance(words, str):
        return None
    limits = replace(LIMITS, max_title=_TEXT)
    text = intake.title(words, limits)
    last = run.preferences[-1] if run.preferences else None
    same = last is not None and not last.edited and text == intake.title(last.text, limits)
    return None if same or not text else text
