"""The page: history on the left, what the model makes of it on the right."""

from __future__ import annotations

import gradio as gr

from msr.ui import api, handlers
from msr.ui.engine import badge
from msr.ui.history import SCRIPT, STORY_SCRIPT, rows, story_cards
from msr.ui.html import text
from msr.ui.progress import line
from msr.ui.studio import MODEL, Studio
from msr.ui.timeline import timeline
from msr.ui.uploads import upload_input
from msr.ui.view import View

# The first input of an event that reads the history: what stands in the page at that moment.
_WITH_DRAFT = "(_, ...rest) => [window.msr.draft(), ...rest]"

_BEGIN = "(_, ...rest) => [window.msr.begin(), ...rest]"

_BRAND = """
<div class="brand"><svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><rect x="2" y="17" width="7" height="13"
rx="2"/><rect x="12.5" y="10" width="7" height="20" rx="2"/><rect x="23" y="2" width="7" height="28" rx="2"/></svg>
<div><h1>MSR Studio</h1><p>Turns a history of pictures and titles into one evolving preference in words, and that into
explained recommendations.</p></div></div>
"""


def build_page(studio: Studio) -> gr.Blocks:
    """Lays out the page and wires its events."""
    do = handlers.Handlers(studio)
    config, limits = studio.config, studio.limits
    nothing = View()
    with gr.Blocks(title="MSR Studio", analytics_enabled=False, fill_width=True, delete_cache=(600, 3600)) as page:
        pool = gr.State({})
        draft = gr.JSON([], visible=False)
        clock = gr.Timer(0.7)
        with gr.Row(elem_id="masthead"):
            _html(_BRAND, elem_id="brand")
            with gr.Column(elem_id="model", min_width=0):
                model = _html(badge(studio.engine.status))
                retry = gr.Button("Retry", size="sm", visible=False, elem_id="retry")
        with gr.Row(elem_id="desk"):
            with gr.Column(elem_id="history", min_width=0):
                _heading(1, "History", "What someone had, oldest first. Pick a story or bring your own.")
                stories = _html(story_cards(studio.examples, studio.media), script=STORY_SCRIPT)
                with gr.Row(elem_id="own"):
                    files = upload_input(label="Add pictures", show_label=False, elem_id="drop")
                    with gr.Row(elem_id="own-title"):
                        words = gr.Textbox(
                            placeholder="Or a title without a picture", show_label=False, container=False,
                            max_length=limits.max_title, label="Title without a picture", elem_id="new-title",
                        )  # fmt: skip
                        add = gr.Button("Add", size="sm", min_width=64, elem_id="add-title")
                problems = _html("", elem_id="problems")
                editor = _html(rows((), studio.media, config.block_size, limits), script=SCRIPT.read_text("utf-8"))
                _html('<p id="editor-said" class="sr-only" aria-live="polite"></p>')
                with gr.Accordion("Settings", open=False, elem_id="settings"):
                    block_size = gr.Slider(
                        1, 10, config.block_size, step=1, label="Items a block", elem_id="block-size",
                        info="How many items the preference takes in at a time; 3 is the best in the paper.",
                    )  # fmt: skip
                    top = gr.Slider(3, 20, config.top, step=1, label="Results", elem_id="top")
                with gr.Column(elem_id="actions", min_width=0):
                    progress = _html(line(nothing))
                    with gr.Row(elem_id="buttons"):
                        recommend = gr.Button("Recommend", variant="primary", elem_id="recommend", min_width=120)
                        stop = gr.Button("Stop", interactive=False, elem_id="stop", min_width=80)
            with gr.Column(elem_id="outcome", min_width=0):
                trouble = _html("", elem_id="trouble")
                _heading(2, "Preference", "One text, rewritten block by block.")
                blocks = _html(timeline(nothing, studio.media), elem_id="timeline")
                _heading(3, "Recommendations", f"The best of {len(studio.catalogue.items)} catalogue items.")
                ranked = _html(do.results(nothing), elem_id="results")

        quick = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
        edited = [editor, pool, problems]
        page.load(do.model, None, [model, retry, clock], **quick)
        clock.tick(do.model, None, [model, retry, clock], **quick)
        retry.click(do.retry, None, [model, retry, clock], **quick)
        stories.pick(do.pick, [draft, pool, block_size], edited, js=_WITH_DRAFT, **quick)
        files.upload(do.upload, [draft, pool, block_size, files], [*edited, files], js=_WITH_DRAFT, **quick)
        for trigger in (add.click, words.submit):
            trigger(do.add_title, [draft, pool, block_size, words], [*edited, words], js=_WITH_DRAFT, **quick)
        block_size.change(None, [block_size], None, js="(size) => { window.msr.block(size); }")

        shown = [progress, blocks, ranked, trouble, recommend, stop]
        recommend.click(
            do.begin, [draft, pool, block_size, top], [*shown, problems], js=_BEGIN, **quick
        ).then(
            do.follow, None, shown, concurrency_id=MODEL, concurrency_limit=1, show_progress="hidden",
            api_visibility="private",
        )  # fmt: skip
        stop.click(do.stop, None, shown, js="() => window.msr.stopping()", **quick)
        page.unload(do.leave)
        api.add_recommend(studio)
    page.queue(max_size=32)
    return page


def _html(value: str, script: str | None = None, elem_id: str | None = None) -> gr.HTML:
    """HTML in our own style; `script` runs once in the page."""
    return gr.HTML(value, js_on_load=script, elem_id=elem_id, apply_default_css=False)


def _heading(number: int, title: str, line: str) -> None:
    _html(
        f'<div class="heading"><h2><span aria-hidden="true">{number}</span>{text(title)}</h2><p>{text(line)}</p></div>',
        script=None,
    )
