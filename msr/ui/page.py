"""The page: the head, the four tabs, and the events between tabs."""

from __future__ import annotations

from typing import Any

import gradio as gr

from msr.ui import api, history_editor, slides
from msr.ui.engine import badge
from msr.ui.evaluate import evaluate_tab
from msr.ui.inspect import inspect_tab
from msr.ui.parts import BROWSER_SECRET, QUICK, html, told, whole
from msr.ui.recommend import recommend_tab
from msr.ui.results import DIALOG, DIALOG_SCRIPT
from msr.ui.review import review_tab
from msr.ui.studio import Studio

_BRAND = """
<div class="brand"><svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><rect x="2" y="17" width="7" height="13"
rx="2"/><rect x="12.5" y="10" width="7" height="20" rx="2"/><rect x="23" y="2" width="7" height="28" rx="2"/></svg>
<div><h1>MSR Studio</h1><p>Turns a history of pictures and titles into one evolving preference in words, and that into
explained recommendations.</p></div></div>
"""
# Start a run of the history that was just put into the editor.
_GO_LIVE = "() => { setTimeout(() => document.getElementById('recommend').click(), 300); }"

# Scroll to the Evidence section once the tab is shown.
_TO_EVIDENCE = """() => { setTimeout(() => {
  document.getElementById('measure').scrollIntoView({ behavior: 'smooth' });
  document.getElementById('measure-more').focus({ preventScroll: true });
}, 100); }"""


def build_page(studio: Studio) -> gr.Blocks:
    """Build the page: its tabs, the events between them, and the API endpoints."""
    with gr.Blocks(title="MSR Studio", analytics_enabled=False, fill_width=True, delete_cache=(600, 3600)) as page:
        # A string, because Gradio considers a list changed after every event, which would trigger its events for ever.
        runs = gr.BrowserState("", storage_key="msr-run-keys", secret=BROWSER_SECRET)
        screen = html("", script=slides.SCRIPT.read_text("utf-8"), elem_id="screen")
        sheet = html(DIALOG, script=DIALOG_SCRIPT, elem_id="sheet-home")
        _masthead(studio, page)
        with gr.Tabs(elem_id="tabs", selected="recommend", overflow_behavior="wrap") as tabs:
            with gr.Tab("Recommend", id="recommend", elem_id="tab-recommend", render_children=True):
                recommended = recommend_tab.build(studio, page, runs, screen)
            with gr.Tab("Inspect", id="inspect", elem_id="tab-inspect", render_children=True):
                subject = inspect_tab.build(studio, page, runs, screen, sheet)
            with gr.Tab("Review", id="review", elem_id="tab-review", render_children=True):
                review_tab.build(studio, page, runs)
            with gr.Tab("Evaluate", id="evaluate", elem_id="tab-evaluate", render_children=True):
                evaluate_tab.build(studio, page)

        recommended.whatif.click(
            lambda key: (gr.Tabs(selected="inspect"), gr.update(value=key)), [recommended.current], [tabs, subject],
            **QUICK,
        )  # fmt: skip

        sheet.measure(lambda: gr.Tabs(selected="inspect"), None, [tabs], **QUICK).then(
            None, None, None, js=_TO_EVIDENCE
        )

        def go_live(event: gr.EventData) -> tuple[Any, ...]:
            kept = studio.runs.get(told(event, "key"))
            if kept is None:
                return gr.skip(), gr.skip(), gr.skip()
            size = whole(kept.run.settings.get("block_size"), 1, 10, studio.config.block_size)
            rows = history_editor.rows(kept.run.history, studio.media, size, studio.limits)
            own = "" if kept.catalogue is studio.catalogue else studio.catalogues.put(kept.catalogue)
            return gr.Tabs(selected="recommend"), rows, own

        screen.live(go_live, None, [tabs, recommended.editor, recommended.offer], **QUICK).then(
            None, None, None, js=_GO_LIVE
        )
        api.add_endpoints(studio)
    page.queue(max_size=32, api_open=False)  # with api_open=False, no request can bypass the queue
    return page


def _masthead(studio: Studio, page: gr.Blocks) -> None:
    """Build the head of the page: the name, and the state of the model."""
    clock = gr.Timer(0.7)
    with gr.Row(elem_id="masthead"):
        html(_BRAND, elem_id="brand")
        with gr.Column(elem_id="model", min_width=0):
            model = html(badge(studio.engine.status))
            retry = gr.Button("Retry", size="sm", visible=False, elem_id="retry")

    def state() -> tuple[str, Any, Any]:
        """The badge, and whether to ask again."""
        status = studio.engine.status
        return badge(status), gr.update(visible=status.phase == "failed"), gr.Timer(active=status.phase == "loading")

    def again() -> tuple[str, Any, Any]:
        studio.engine.start()
        return state()

    shown = [model, retry, clock]
    page.load(state, None, shown, **QUICK)
    clock.tick(state, None, shown, **QUICK)
    retry.click(again, None, shown, **QUICK)
