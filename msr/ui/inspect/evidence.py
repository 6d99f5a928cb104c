"""The evidence section of the Inspect tab: measure more about one recommendation and show it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr

from msr.events import Grown, StageProgress
from msr.render.html import name, notice, percent, thumb
from msr.render.report import figures
from msr.schema import InputProblem, Run
from msr.ui.callers import name_of
from msr.ui.engine import Engine
from msr.ui.jobs import Job, queued
from msr.ui.parts import QUICK, heading, html, told
from msr.ui.results import item_of
from msr.ui.run_state import RunState, line
from msr.ui.stores import Kept
from msr.ui.studio import MODEL, Studio

NOTHING = '<p class="awaited">Choose a run and one of its recommendations, then press Measure more.</p>'
_OFTEN = 0.4  # shortest time in seconds between two updates of the page


class EvidenceJob(Job):
    """Measure evidence for one recommendation of a run; with `other`, contrast it with that recommendation."""

    def __init__(self, kept: Kept, item_id: str, other: str | None = None) -> None:
        super().__init__(RunState(phase="waiting"))
        self.run: Run = kept.run
        self.key = kept.key
        self.item_id = item_id
        self.other = other

    def _run(self, engine: Engine) -> Iterator[RunState]:
        yield self._now(replace(self.state, phase="running", note="Starting"))
        spent: dict[str, float] = defaultdict(float)
        shown, began = 0.0, time.monotonic()
        for event in engine.pipeline.measure(self.run, self.item_id, self.other, self.stop):
            if isinstance(event, Grown):
                self.run = event.run
            else:
                spent[event.stage] += time.monotonic() - began
                began = time.monotonic()
                self.state = self.state.after(event)
            if isinstance(event, StageProgress) and event.done == event.total:
                engine.pace.learn({event.stage: (event.done, event.total)}, spent)
            if time.monotonic() - shown >= _OFTEN:
                shown = time.monotonic()
                yield self._now(self.state)
        yield self._now(self.state.ending("finished"))


class Handlers:
    """The handlers for one studio. Every argument comes from a browser and is not trusted."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def chosen(self, key: Any, wanted: Any) -> tuple[Any, Any, str]:
        """The recommendations of a run to choose from (`wanted` or the best is chosen), and its evidence."""
        kept = self._studio.runs.get(key)
        if kept is None:
            return gr.update(choices=[], value=None), gr.update(choices=[], value=None), NOTHING
        choices = [(f"{r.rank}. {r.title or 'untitled picture'}", r.item_id) for r in kept.run.recommendations]
        ranked = [item_id for _, item_id in choices]
        first, second, *_ = [*sorted(ranked, key=lambda item_id: item_id != wanted), None, None]
        return (
            gr.update(choices=choices, value=first),
            gr.update(choices=choices, value=second),
            self.known(key, first),
        )

    def known(self, key: Any, item_id: Any) -> str:
        """The evidence for a recommendation as HTML."""
        kept = self._studio.runs.get(key)
        return NOTHING if kept is None else self._pictures(kept.run, item_id, False)

    def begin(self, key: Any, item_id: Any, request: gr.Request) -> tuple[Any, ...]:
        return self._begin(key, item_id, None, request)

    def begin_contrast(self, key: Any, item_id: Any, other: Any, request: gr.Request) -> tuple[Any, ...]:
        return self._begin(key, item_id, other if isinstance(other, str) else "", request)

    def follow(self, request: gr.Request) -> Iterator[tuple[Any, ...]]:
        """Run what was queued and show new evidence. At the end, also after a stop, the run keeps the evidence."""
        job = self._studio.visits.of(_page(request))
        if not isinstance(job, EvidenceJob) or job.started or job.state.ended:
            return
        seen, drawn = None, ""
        with self._studio.callers.watching(request, job.stop):
            for state in job.events(self._studio.engine):
                if state.ended:
                    self._studio.runs.grow(job.key, job.run)
                if state.ended or job.run is not seen:
                    seen, drawn = job.run, self._pictures(job.run, job.item_id, not state.ended and job.other is None)
                yield *self._shown(state), drawn

    def wait(self, request: gr.Request) -> tuple[Any, Any]:
        """The progress line of a queued job, and whether to ask again."""
        before = self._studio.visits.place(_page(request))
        job = self._studio.visits.of(_page(request))
        if job is None or not before:
            return gr.skip(), gr.Timer(active=before == 0)
        job.state = replace(job.state, note=queued(before))
        return line(job.state), gr.skip()

    def stop(self, request: gr.Request) -> tuple[Any, ...]:
        job = self._studio.visits.of(_page(request))
        state = job.halt() if job else None
        return self._shown(state) if state and state.ended else (gr.skip(),) * 4

    def leave(self, request: gr.Request) -> None:
        self._studio.visits.leave(_page(request))

    def _begin(self, key: Any, item_id: Any, other: str | None, request: gr.Request) -> tuple[Any, ...]:
        kept = self._studio.runs.get(key)
        ranked = [r.item_id for r in kept.run.recommendations] if kept else []
        known = item_id in ranked and (other is None or other in ranked)
        if kept is None or not known or other == item_id:
            said = "Choose a run and a recommendation." if other is None else "Choose two different recommendations."
            return notice("problem", said), *[gr.skip()] * 3, gr.skip()
        job = EvidenceJob(kept, item_id, other)
        session = request.session_hash or ""
        try:
            before = self._studio.visits.begin(_page(request), job, name_of(request), session, self.follow)
        except InputProblem as error:
            return notice("problem", str(error)), *[gr.skip()] * 3, gr.skip()
        if before:
            job.state = replace(job.state, note=queued(before))
        return *self._shown(job.state), gr.Timer(active=before > 0)

    def _shown(self, state: RunState) -> tuple[Any, ...]:
        """The progress line and the three buttons."""
        said = line(state, *self._studio.engine.pace.split(state, {})) if not state.ended else line(state)
        if state.phase == "failed":
            said += notice("problem", "The measurement ended early.", [state.note])
        ready = gr.update(interactive=state.ended)
        return said, ready, ready, gr.update(interactive=not state.ended and state.phase != "stopping")

    def _pictures(self, run: Run, item_id: Any, waiting: bool) -> str:
        shown = next((r for r in run.recommendations if r.item_id == item_id), None)
        if shown is None:
            return NOTHING
        media = self._studio.media
        item = item_of(shown, RunState.finished(run), {})
        drawn = figures(run, shown, media, waiting)
        head = (
            f'<header class="measured-head">{thumb(item, media)}<div><p class="quiet">Rank {shown.rank}</p>'
            f'<h3>{name(item)}</h3><p class="quiet"><b>{percent(shown.score)}</b> P(Yes)</p></div></header>'
        )
        return head + (drawn or '<p class="awaited">Nothing more was measured yet. Press Measure more.</p>')


def _page(request: gr.Request) -> str:
    """The key of a page's evidence job, which may run beside its other jobs."""
    return f"{request.session_hash or ''}/measure"


def build(studio: Studio, page: gr.Blocks, runs: gr.BrowserState, sheet: gr.HTML) -> None:
    """Build the section; `runs` holds the keys of the visitor's runs, and `sheet` may ask for evidence."""
    do, clock = Handlers(studio), gr.Timer(1.0, active=False)
    with gr.Column(elem_id="measure", min_width=0):
        heading("Evidence", "Take pieces away from one recommendation and see what moves. Every figure is measured.")
        with gr.Row(elem_id="measure-choice"):
            subject = gr.Dropdown([], label="Run", elem_id="measure-run")
            item = gr.Dropdown([], label="Recommendation", elem_id="measure-item")
            more = gr.Button("Measure more", variant="primary", elem_id="measure-more", min_width=120)
            other = gr.Dropdown([], label="Why not", elem_id="measure-other")
            against = gr.Button("Find what swaps them", elem_id="measure-against", min_width=120)
            stop = gr.Button("Stop", interactive=False, elem_id="measure-stop", min_width=80)
        progress = html(line(RunState()), elem_id="measure-progress")
        pictures = html(NOTHING, elem_id="measured")

    held = gr.State(False)  # has the visitor used the chosen run?

    def known(keys: object, now: object, held: bool) -> object:
        """The runs to choose from. The newest is chosen, unless the visitor has used another one."""
        choices = studio.runs.choices(keys)
        newest: dict[str, Any] = {"value": choices[0][1]} if choices and not (now and held) else {}
        return gr.update(choices=choices, **newest)

    def asked(keys: object, event: gr.EventData) -> tuple[object, ...]:
        """Choose the run and recommendation that an evidence sheet asks for."""
        kept, item_id = studio.runs.of_page(keys, told(event, "run")), told(event, "item")
        if kept is None:
            return (gr.skip(),) * 6
        subjects = gr.update(choices=studio.runs.choices(keys), value=kept.key)
        return subjects, item_id, True, *do.chosen(kept.key, item_id)

    wanted = gr.State()  # the recommendation that a sheet asked for last
    shown = [item, other, pictures]
    before = [runs, subject, held]
    page.load(known, before, [subject], **QUICK).then(do.chosen, [subject, wanted], shown, **QUICK)
    runs.change(known, before, [subject], **QUICK)
    gr.on([subject.input, more.click, against.click], lambda: True, None, [held], **QUICK)
    subject.change(do.chosen, [subject, wanted], shown, **QUICK)
    sheet.measure(asked, [runs], [subject, wanted, held, *shown], **QUICK)
    item.input(do.known, [subject, item], [pictures], **QUICK)
    running = [progress, more, against, stop]
    for button, begin, chosen in (
        (more, do.begin, [subject, item]),
        (against, do.begin_contrast, [subject, item, other]),
    ):
        button.click(begin, chosen, [*running, clock], **QUICK).then(
            do.follow, None, [*running, pictures], concurrency_id=MODEL, concurrency_limit=1, show_progress="hidden",
            api_visibility="private",
        ).failure(do.stop, None, running, **QUICK)  # fmt: skip
    clock.tick(do.wait, None, [progress, clock], **QUICK)
    stop.click(do.stop, None, running, js="() => window.msr.stopping()", **QUICK)
    page.unload(do.leave)
