"""The layout of the evidence in the Inspect tab: choose a recommendation, measure more, see it in pictures."""

from __future__ import annotations

import gradio as gr

from msr.ui.inspect.measuring import NOTHING, Handlers
from msr.ui.parts import QUICK, heading, html
from msr.ui.progress import line
from msr.ui.studio import MODEL, Studio
from msr.ui.view import View


def build(studio: Studio, page: gr.Blocks, runs: gr.BrowserState) -> None:
    """Lays it out and wires its events; `runs` lists the keys of the visitor's runs."""
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
        progress = html(line(View()), elem_id="measure-progress")
        pictures = html(NOTHING, elem_id="measured")

    def known(keys: object, now: object) -> object:
        """What can be chosen; what is chosen stays."""
        choices = studio.shelf.choices(keys)
        newest = {"value": choices[0][1]} if choices and not now else {}
        return gr.update(choices=choices, **newest)

    page.load(known, [runs, subject], [subject], **QUICK).then(do.chosen, [subject], [item, other, pictures], **QUICK)
    runs.change(known, [runs, subject], [subject], **QUICK)
    subject.change(do.chosen, [subject], [item, other, pictures], **QUICK)
    item.input(do.known, [subject, item], [pictures], **QUICK)
    shown = [progress, more, against, stop]
    for button, begin, given in (
        (more, do.begin, [subject, item]),
        (against, do.begin_contrast, [subject, item, other]),
    ):
        button.click(begin, given, [*shown, clock], **QUICK).then(
            do.follow, None, [*shown, pictures], concurrency_id=MODEL, concurrency_limit=1, show_progress="hidden",
            api_visibility="private",
        )  # fmt: skip
    clock.tick(do.wait, None, [progress, clock], **QUICK)
    stop.click(do.stop, None, shown, js="() => window.msr.stopping()", **QUICK)
    page.unload(do.leave)
