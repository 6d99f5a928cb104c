"""The layout of the evidence in the Inspect tab: choose a recommendation, measure more, see it in pictures."""

from __future__ import annotations

import gradio as gr

from msr.ui.inspect.measuring import NOTHING, Handlers
from msr.ui.parts import QUICK, heading, html
from msr.ui.progress import line
from msr.ui.studio import MODEL, Studio
from msr.ui.view import View


def build(studio: Studio, page: gr.Blocks, runs: gr.BrowserState, sheet: gr.HTML) -> None:
    """Lays it out and wires its events.

    `runs` holds the keys of the visitor's runs; `sheet` asks for more about the result that it shows.
    """
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

    held = gr.State(False)  # whether the visitor works with the chosen run

    def known(keys: object, now: object, held: bool) -> object:
        """What can be chosen. What the visitor works with stays; else it is the newest run."""
        choices = studio.shelf.choices(keys)
        newest = {"value": choices[0][1]} if choices and not (now and held) else {}
        return gr.update(choices=choices, **newest)

    def asked(keys: object, event: gr.EventData) -> tuple[object, ...]:
        """That run and that recommendation, as a result's sheet asks for them."""
        kept, item_id = studio.shelf.get(event._data.get("run")), event._data.get("item")
        if kept is None:
            return (gr.skip(),) * 6
        subjects = gr.update(choices=studio.shelf.choices(keys), value=kept.key)
        return subjects, item_id, True, *do.chosen(kept.key, item_id)

    wanted = gr.State()  # the recommendation that a sheet asked for last
    shown = [item, other, pictures]
    given = [runs, subject, held]
    page.load(known, given, [subject], **QUICK).then(do.chosen, [subject, wanted], shown, **QUICK)
    runs.change(known, given, [subject], **QUICK)
    gr.on([subject.input, more.click, against.click], lambda: True, None, [held], **QUICK)
    subject.change(do.chosen, [subject, wanted], shown, **QUICK)
    sheet.measure(asked, [runs], [subject, wanted, held, *shown], **QUICK)
    item.input(do.known, [subject, item], [pictures], **QUICK)
    running = [progress, more, against, stop]
    for button, begin, given in (
        (more, do.begin, [subject, item]),
        (against, do.begin_contrast, [subject, item, other]),
    ):
        button.click(begin, given, [*running, clock], **QUICK).then(
            do.follow, None, [*running, pictures], concurrency_id=MODEL, concurrency_limit=1, show_progress="hidden",
            api_visibility="private",
        ).failure(do.stop, None, running, **QUICK)  # fmt: skip
    clock.tick(do.wait, None, [progress, clock], **QUICK)
    stop.click(do.stop, None, running, js="() => window.msr.stopping()", **QUICK)
    page.unload(do.leave)
