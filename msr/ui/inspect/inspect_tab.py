"""The Inspect tab: edit a run and run it again, and compare any two runs side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr

from msr.config import PipelineConfig
from msr.render.html import notice
from msr.schema import InputProblem, Run
from msr.ui import history_editor, parts
from msr.ui.callers import name_of
from msr.ui.inspect import evidence
from msr.ui.inspect.comparison import NOTHING, growing, side_by_side
from msr.ui.jobs import Visit, queued
from msr.ui.parts import MAX_PREFERENCE, QUICK, edited_text, heading, html, whole
from msr.ui.run_state import RunState, line
from msr.ui.stores import joined
from msr.ui.studio import MODEL, Studio
from msr.ui.visitors import visitor_of

EDITOR = "whatif"
EMPTY = "Choose a run above; its history appears here to be edited."
_MOST_CHOICES = 1_000  # catalogue items that can be swapped in from the list
_EXPLAINED = 3  # results of an edited run that are explained: it should be there soon
_WITH_DRAFT = f"(_, ...rest) => [window.msr.draft('{EDITOR}'), ...rest]"


class Handlers:
    """The handlers for one studio. Every argument comes from a browser and is not trusted."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def known(self, runs: Any, subject: Any, one: Any, two: Any) -> tuple[Any, ...]:
        """The runs to choose from when the page opens, with the two newest side by side."""
        choices = self._studio.runs.choices(runs)
        keys = [key for _, key in choices]
        first, second, *_ = [*keys, None, None]

        def kept(value: Any, default: str | None) -> str | None:
            return value if value in keys else default

        left, right = kept(one, first), kept(two, second)
        values = (kept(subject, first), left, right)
        return *(gr.update(choices=choices, value=v) for v in values), self.compare(left, right)

    def more(self, runs: Any, subject: Any, one: Any) -> tuple[Any, ...]:
        """The runs to choose from after a new run. The choice stays, since it may be newer than the request."""
        choices = self._studio.runs.choices(runs)
        newest: dict[str, Any] = {"value": choices[0][1]} if choices else {}
        none_yet = [gr.update(choices=choices, **({} if chosen else newest)) for chosen in (subject, one)]
        return *none_yet, gr.update(choices=choices)

    def subject(self, key: Any) -> tuple[Any, ...]:
        """Show the history, preference text and settings of the run to edit."""
        studio = self._studio
        kept = studio.runs.get(key)
        if kept is None:
            nothing = history_editor.rows((), studio.media, studio.config.block_size, studio.limits, EDITOR, EMPTY)
            return nothing, "", gr.update(choices=[], value=None), gr.update(choices=[], value=None), 3, True, ""
        run = kept.run
        size = whole(run.settings.get("block_size"), 1, 10, studio.config.block_size)
        held = {item.id for item in run.history}
        rows = [(f"{n}. {item.title or 'untitled picture'}", item.id) for n, item in enumerate(run.history, 1)]
        others = [(i.title or "untitled picture", i.id) for i in kept.catalogue.items if i.id not in held]
        return (
            history_editor.rows(run.history, studio.media, size, studio.limits, EDITOR, EMPTY),
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
        kept, items = studio.runs.get(key), history_editor.from_draft(draft, studio.media, studio.limits)
        other = kept.catalogue.by_id.get(new) if kept and isinstance(new, str) else None
        if other is None or old not in [item.id for item in items]:
            said = "Choose an item of the history, and one of the catalogue to take its place."
            return gr.skip(), gr.skip(), notice("problem", said)
        if other.id in {item.id for item in items}:
            return gr.skip(), gr.skip(), notice("problem", "That item is in the history already. Choose another.")
        swapped = tuple(other if item.id == old else item for item in items)
        size = whole(block_size, 1, 10, studio.config.block_size)
        choices = [(f"{n}. {item.title or 'untitled picture'}", item.id) for n, item in enumerate(swapped, 1)]
        editor = history_editor.rows(swapped, studio.media, size, studio.limits, EDITOR, EMPTY)
        return editor, gr.update(choices=choices, value=None), ""

    def begin(
        self, draft: Any, key: Any, words: Any, block_size: Any, adapter: Any, request: gr.Request
    ) -> tuple[Any, ...]:
        """Takes down an edited run; `follow` runs it when its turn comes."""
        studio = self._studio
        kept = studio.runs.get(key)
        items = history_editor.from_draft(draft, studio.media, studio.limits)
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
            visit.state = replace(visit.state, note=queued(before))
        return *self._shown(visit.state), gr.Timer(active=before > 0), ""

    def follow(self, key: Any, runs: Any, one: Any, pinned: Any, request: gr.Request) -> Iterator[tuple[Any, ...]]:
        """Run what `begin` queued and show it as run B, beside the run that it edits, or the pinned run A."""
        visit = self._studio.visits.of(_page(request))
        before = self._studio.runs.get(key)
        if not isinstance(visit, Visit) or before is None or visit.started or visit.state.ended:
            return
        beside = self._studio.runs.get(one) if pinned else before
        shown: tuple[Any, ...] = ()
        with self._studio.callers.watching(request, visit.stop):
            for state in visit.events(self._studio.engine):
                ranked = growing(beside or before, state, self._studio.media) if state.recommendations else None
                now = (*self._shown(state, visit), ranked or gr.skip())
                yield (
                    *(gr.skip() if shown and new == old else new for new, old in zip(now, shown or now, strict=True)),
                    *[gr.skip()] * 3,
                )
                shown = now
        if visit.kept is None:
            return
        made = self._studio.runs.put(visit.kept, visitor_of(request))
        known = joined(runs, made)
        choices = self._studio.runs.choices(known)
        left = (beside or before).key
        yield (
            *[gr.skip()] * 3,
            side_by_side(beside or before, visit.kept, self._studio.media),
            known,
            gr.update(choices=choices, value=left),
            gr.update(choices=choices, value=made),
        )

    def wait(self, request: gr.Request) -> tuple[Any, Any]:
        """The progress line of a queued run, and whether to ask again."""
        before = self._studio.visits.place(_page(request))
        visit = self._studio.visits.of(_page(request))
        if visit is None or not before:
            return gr.skip(), gr.Timer(active=before == 0)
        visit.state = replace(visit.state, note=queued(before))
        return line(visit.state), gr.skip()

    def stop(self, request: gr.Request) -> tuple[Any, ...]:
        visit = self._studio.visits.of(_page(request))
        state = visit.halt() if visit else None
        return self._shown(state) if state and state.ended else (gr.skip(),) * 3

    def leave(self, request: gr.Request) -> None:
        self._studio.visits.leave(_page(request))

    def compare(self, one: Any, two: Any) -> str:
        return side_by_side(self._studio.runs.get(one), self._studio.runs.get(two), self._studio.media)

    def _shown(self, state: RunState, visit: Visit | None = None) -> tuple[Any, ...]:
        estimate = self._studio.engine.pace.split(state, visit.expected()) if visit and not state.ended else (0.0, 0.0)
        said = line(state, *estimate)
        if state.phase == "failed":
            said += notice("problem", "The run ended early.", [state.note])
        busy = not state.ended
        return said, gr.update(interactive=not busy), gr.update(interactive=busy and state.phase != "stopping")

    def _config(self, run: Run, block_size: int, adapter: bool) -> PipelineConfig:
        top = whole(run.settings.get("top"), 1, 20, self._studio.config.top)
        return replace(
            self._studio.config, block_size=block_size, top=top, explain_top=min(top, _EXPLAINED), adapter=adapter
        )


def _page(request: gr.Request) -> str:
    """This tab's runs of a page; those of Recommend go on beside them."""
    return f"{request.session_hash or ''}/inspect"


def build(studio: Studio, page: gr.Blocks, runs: gr.BrowserState, screen: gr.HTML, sheet: gr.HTML) -> gr.Dropdown:
    """Build the tab; return the dropdown with the run to edit."""
    do = Handlers(studio)
    config, limits = studio.config, studio.limits
    draft, clock = gr.JSON([], visible=False), gr.Timer(1.0, active=False)
    with gr.Row(elem_id="inspect"):
        with gr.Column(elem_id="whatif", min_width=0):
            heading(
                "What if", "Change a run and see what moves. Each edit is a run of its own; nothing is overwritten."
            )
            subject = gr.Dropdown([], label="Run to edit", elem_id="subject")
            with gr.Row(elem_id="subject-tools"):
                acts = parts.build("subject")
            editor = html(
                history_editor.rows((), studio.media, config.block_size, limits, EDITOR, EMPTY),
                script=history_editor.SCRIPT.read_text("utf-8"),
            )
            with gr.Row(elem_id="masks"):
                no_pictures = gr.Button("Mask all pictures", size="sm", elem_id="mask-pictures")
                no_titles = gr.Button("Mask all titles", size="sm", elem_id="mask-titles")
            with gr.Accordion("Swap an item", open=False, elem_id="swap"):
                old = gr.Dropdown([], label="Swap", elem_id="swap-old")
                new = gr.Dropdown([], label="For", elem_id="swap-new")
                swap = gr.Button("Swap", size="sm", elem_id="swap-now")
            words = gr.Textbox(
                label="Preference text", lines=3, max_length=MAX_PREFERENCE, elem_id="edited-text",
                info="Left as it is, the model writes anew from the history above. Changed, yours is used.",
            )  # fmt: skip
            with gr.Accordion("Settings", open=False, elem_id="whatif-settings"):
                block_size = gr.Slider(1, 10, config.block_size, step=1, label="Items a block", elem_id="whatif-block")
                adapter = gr.Checkbox(True, label="With the adapter", info="Without, the base model answers alone.")
            problems = html("", elem_id="whatif-problems")
            with gr.Column(elem_id="whatif-actions", min_width=0):
                progress = html(line(RunState()))
                with gr.Row(elem_id="whatif-buttons"):
                    rerank = gr.Button("Re-rank", variant="primary", elem_id="rerank", min_width=120)
                    stop = gr.Button("Stop", interactive=False, elem_id="whatif-stop", min_width=80)
        with gr.Column(elem_id="compare", min_width=0):
            heading("Compare", "Any two runs: edited against original, tuned against untuned, two people.")
            with gr.Row(elem_id="sides"):
                one = gr.Dropdown([], label="Run A", elem_id="side-a")
                two = gr.Dropdown([], label="Run B", elem_id="side-b")
            pinned = gr.Checkbox(False, label="Pin run A: keep it while other runs come and go", elem_id="pin")
            both = html(NOTHING, elem_id="side-by-side")
    evidence.build(studio, page, runs, sheet)

    page.load(do.known, [runs, subject, one, two], [subject, one, two, both], **QUICK)
    runs.change(do.more, [runs, subject, one], [subject, one, two], **QUICK)
    subject.change(do.subject, [subject], [editor, words, old, new, block_size, adapter, problems], **QUICK)
    swap.click(do.swap, [draft, subject, old, new, block_size], [editor, old, problems], js=_WITH_DRAFT, **QUICK)
    for button, what in ((no_pictures, "picture"), (no_titles, "title")):
        button.click(None, None, None, js=f"() => {{ window.msr.editors.{EDITOR}.hideAll('{what}'); }}")
    block_size.change(None, [block_size], None, js=f"(size) => {{ window.msr.editors.{EDITOR}.block(size); }}")
    for side in (one, two):
        side.input(do.compare, [one, two], [both], **QUICK)

    shown = [progress, rerank, stop]
    rerank.click(
        do.begin, [draft, subject, words, block_size, adapter], [*shown, clock, problems], js=_WITH_DRAFT, **QUICK
    ).then(
        do.follow, [subject, runs, one, pinned], [*shown, both, runs, one, two], concurrency_id=MODEL,
        concurrency_limit=1, show_progress="hidden", api_visibility="private",
    ).failure(do.stop, None, shown, **QUICK)  # fmt: skip
    clock.tick(do.wait, None, [progress, clock], **QUICK)
    stop.click(do.stop, None, shown, js="() => window.msr.stopping()", **QUICK)
    page.unload(do.leave)
    parts.wire(studio, acts, subject, screen)
    return subject
