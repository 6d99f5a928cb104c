"""The layout of the Inspect tab: edits of a run on the left, two runs side by side on the right."""

from __future__ import annotations

import gradio as gr

from msr.ui.inspect import evidence
from msr.ui.inspect.comparison import NOTHING
from msr.ui.inspect.handlers import EDITOR, EMPTY, Handlers
from msr.ui.parts import QUICK, heading, html
from msr.ui.present import controls
from msr.ui.progress import line
from msr.ui.recommend import history
from msr.ui.run_state import View
from msr.ui.studio import MODEL, Studio

_WITH_DRAFT = f"(_, ...rest) => [window.msr.draft('{EDITOR}'), ...rest]"


def build(studio: Studio, page: gr.Blocks, runs: gr.BrowserState, screen: gr.HTML, sheet: gr.HTML) -> gr.Dropdown:
    """Lays the tab out and wires its events; returns the choice of the run that is being inspected."""
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
                acts = controls.build("subject")
            editor = html(
                history.rows((), studio.media, config.block_size, limits, EDITOR, EMPTY),
                script=history.SCRIPT.read_text("utf-8"),
            )
            with gr.Row(elem_id="masks"):
                no_pictures = gr.Button("Mask all pictures", size="sm", elem_id="mask-pictures")
                no_titles = gr.Button("Mask all titles", size="sm", elem_id="mask-titles")
            with gr.Accordion("Swap an item", open=False, elem_id="swap"):
                old = gr.Dropdown([], label="Swap", elem_id="swap-old")
                new = gr.Dropdown([], label="For", elem_id="swap-new")
                swap = gr.Button("Swap", size="sm", elem_id="swap-now")
            words = gr.Textbox(
                label="Preference text", lines=3, max_length=600, elem_id="edited-text",
                info="Left as it is, the model writes anew from the history above. Changed, yours is used.",
            )  # fmt: skip
            with gr.Accordion("Settings", open=False, elem_id="whatif-settings"):
                block_size = gr.Slider(1, 10, config.block_size, step=1, label="Items a block", elem_id="whatif-block")
                adapter = gr.Checkbox(True, label="With the adapter", info="Without, the base model answers alone.")
            problems = html("", elem_id="whatif-problems")
            with gr.Column(elem_id="whatif-actions", min_width=0):
                progress = html(line(View()))
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
    controls.wire(studio, acts, subject, screen)
    return subject
