"""The layout of the Recommend tab: the history on the left, preference and results on the right."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from msr.ui import history_editor, parts
from msr.ui.parts import QUICK, RECORDINGS_SCRIPT, heading, hidden_text, html, recordings
from msr.ui.recommend.handlers import Handlers, offer_line, results_heading
from msr.ui.results import SWITCH
from msr.ui.run_state import RunState, line
from msr.ui.studio import MODEL, Studio
from msr.ui.timeline import timeline
from msr.ui.uploads import upload_input

# JavaScript that replaces the first input of an event by the history in the page.
_WITH_DRAFT = "(_, ...rest) => [window.msr.draft('history'), ...rest]"
_BEGIN = "(_, ...rest) => [window.msr.begin(), ...rest]"
_RESTORE = "(_, ...rest) => [window.msr.kept(), ...rest]"
_SAVED = "(address, said) => { window.msr.download(address); }"


@dataclass(frozen=True)
class RecommendTab:
    """The components that the rest of the page needs."""

    current: gr.State  # the key of its latest run
    whatif: gr.Button
    editor: gr.HTML
    offer: gr.Textbox  # the key of the catalogue that the visitor brought


def build(studio: Studio, page: gr.Blocks, runs: gr.BrowserState, screen: gr.HTML) -> RecommendTab:
    """Build the tab; `runs` holds the keys of the visitor's runs, and `screen` shows one as slides."""
    do = Handlers(studio)
    config, limits = studio.config, studio.limits
    nothing = RunState()
    draft = gr.JSON([], visible=False)
    offer, current, clock = gr.Textbox("", visible=False), gr.State(""), gr.Timer(1.0, active=False)
    with gr.Row(elem_id="desk"):
        with gr.Column(elem_id="history", min_width=0):
            heading("History", "What someone had, oldest first. Pick a story or bring your own.", 1)
            stories = html(
                history_editor.story_cards(studio.examples, studio.media), script=history_editor.STORY_SCRIPT
            )
            with gr.Row(elem_id="own"):
                files = upload_input(
                    studio.uploads,
                    label="Add pictures, a ZIP, a CSV or a saved history",
                    show_label=False,
                    elem_id="drop",
                )
                with gr.Row(elem_id="own-title"):
                    words = gr.Textbox(
                        placeholder="Or a title without a picture", show_label=False, container=False,
                        max_length=limits.max_title, label="Title without a picture", elem_id="new-title",
                    )  # fmt: skip
                    add = gr.Button("Add", size="sm", min_width=64, elem_id="add-title")
            problems = html("", elem_id="problems")
            editor = html(
                history_editor.rows((), studio.media, config.block_size, limits),
                script=history_editor.SCRIPT.read_text("utf-8"),
            )
            with gr.Accordion("Settings", open=False, elem_id="settings"):
                block_size = gr.Slider(
                    1, 10, config.block_size, step=1, label="Items a block", elem_id="block-size",
                    info="How many items the preference takes in at a time; 3 is the best in the paper.",
                )  # fmt: skip
                top = gr.Slider(3, 20, config.top, step=1, label="Results", elem_id="top")
                save = gr.Button("Save this history as a file", size="sm", elem_id="save")
            with gr.Accordion("Catalogue", open=False, elem_id="catalogue"):
                offered = html(offer_line(studio.catalogue))
                own_files = upload_input(
                    studio.uploads, label="A ZIP, a CSV or pictures of your own", elem_id="own-catalogue"
                )
                pasted = gr.Textbox(label="Or candidates, one title a line", lines=3, elem_id="pasted")
                with gr.Row(elem_id="catalogue-buttons"):
                    use = gr.Button("Use these titles", size="sm", elem_id="use-pasted")
                    back = gr.Button("Use the bundled catalogue", size="sm", elem_id="use-bundled")
                trouble_offer = html("", elem_id="catalogue-problems")
            with gr.Column(elem_id="actions", min_width=0):
                progress = html(line(nothing))
                with gr.Row(elem_id="buttons"):
                    recommend = gr.Button("Recommend", variant="primary", elem_id="recommend", min_width=120)
                    stop = gr.Button("Stop", interactive=False, elem_id="stop", min_width=80)
        with gr.Column(elem_id="outcome", min_width=0):
            trouble = html("", elem_id="trouble")
            with gr.Row(elem_id="run-tools", visible=False) as tools:
                whatif = gr.Button("What if …", size="sm", elem_id="run-whatif", min_width=80)
                acts = parts.build("run")
            heading("Preference", "One text, rewritten block by block.", 2)
            recorded = html(recordings(studio.runs), script=RECORDINGS_SCRIPT, elem_id="recordings")
            blocks = html(timeline(nothing, studio.media), elem_id="timeline")
            with gr.Row(elem_id="results-head"):
                best = html(results_heading(studio.catalogue))
                html(SWITCH, elem_id="results-switch")
            ranked = html(do.results(nothing, studio.catalogue), elem_id="results")

    address = hidden_text()
    edited = [editor, problems]
    page.load(do.restore, [draft, block_size], [editor], js=_RESTORE, **QUICK)
    stories.pick(do.pick, [draft, block_size], edited, js=_WITH_DRAFT, **QUICK)
    files.upload(do.upload, [draft, block_size, files], [*edited, files], js=_WITH_DRAFT, **QUICK)
    for trigger in (add.click, words.submit):
        trigger(do.add_title, [draft, block_size, words], [*edited, words], js=_WITH_DRAFT, **QUICK)
    block_size.change(None, [block_size], None, js="(size) => { window.msr.editors.history.block(size); }")
    save.click(do.save, [draft], [address, problems], js=_WITH_DRAFT, **QUICK).then(
        None, [address, problems], None, js=_SAVED
    )

    in_use = [offer, offered, best, trouble_offer]
    own_files.upload(do.offer_files, [own_files], [*in_use, own_files], **QUICK)
    use.click(do.offer_words, [pasted], in_use, **QUICK)
    back.click(do.offer_bundled, None, in_use, **QUICK)

    shown = [progress, blocks, ranked, trouble, recommend, stop]
    recommend.click(
        do.begin, [draft, block_size, top, offer], [*shown, clock, tools, problems], js=_BEGIN, **QUICK
    ).then(
        do.follow, [runs], [*shown, runs, current, tools], concurrency_id=MODEL, concurrency_limit=1,
        show_progress="hidden", api_visibility="private",
    ).failure(do.stop, None, shown, **QUICK)  # fmt: skip
    clock.tick(do.wait, None, [progress, clock], **QUICK)
    stop.click(do.stop, None, shown, js="() => window.msr.stopping()", **QUICK)
    recorded.present(do.present, None, [screen], **QUICK)
    page.unload(do.leave)
    parts.wire(studio, acts, current, screen)
    return RecommendTab(current, whatif, editor, offer)
