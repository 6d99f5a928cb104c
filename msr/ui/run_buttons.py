"""The buttons of a run (Present, Report, JSON) and the list of recorded runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from msr.render import report
from msr.render.html import text
from msr.ui.parts import OPEN_DOWNLOAD, QUICK, hidden_text
from msr.ui.slides import presentation
from msr.ui.stores import RunStore
from msr.ui.studio import Studio


@dataclass(frozen=True)
class Buttons:
    """The buttons in one place of the page."""

    present: gr.Button
    report: gr.Button
    record: gr.Button


def build(name: str) -> Buttons:
    """Add the buttons; `name` makes their ids unique in the page."""
    return Buttons(
        gr.Button("Present", size="sm", elem_id=f"{name}-present", min_width=80),
        gr.Button("Report", size="sm", elem_id=f"{name}-report", min_width=80),
        gr.Button("JSON", size="sm", elem_id=f"{name}-json", min_width=70),
    )


def wire(studio: Studio, buttons: Buttons, key: Any, screen: gr.HTML) -> None:
    """Wire the buttons: `key` is the component with the run's key, `screen` the one that shows slides."""

    def file(wanted: Any, kind: str) -> str:
        kept = studio.runs.get(wanted)
        if kept is None:
            gr.Warning("This run is no longer kept. Run it again.")
            return ""
        if kind == "json":
            return studio.downloads.put(f"run-{kept.run.id}.json", "application/json", report.to_json(kept.run))
        page = report.to_html(kept.run, kept.name)
        return studio.downloads.put(f"report-{kept.run.id}.html", "text/html; charset=utf-8", page)

    def show(wanted: Any) -> Any:
        kept = studio.runs.get(wanted)
        return gr.skip() if kept is None else presentation(kept, studio.media)

    for button, kind in ((buttons.report, "html"), (buttons.record, "json")):
        address = hidden_text()
        button.click(lambda wanted, kind=kind: file(wanted, kind), [key], [address], **QUICK).then(
            None, [address], None, js=OPEN_DOWNLOAD
        )
    buttons.present.click(show, [key], [screen], **QUICK)


RECORDINGS_SCRIPT = """
element.addEventListener('click', (event) => {
  const card = event.target.closest('button[data-recording]');
  if (card) trigger('present', { key: card.dataset.recording });
});
"""


def recordings(store: RunStore) -> str:
    """Buttons that present the recorded runs, as HTML; empty if there are none."""
    if not store.recorded:
        return ""
    cards = "".join(
        f'<button type="button" data-recording="{text(kept.key)}"><span class="play" aria-hidden="true"></span>'
        f"<span><b>{text(kept.name)}</b><small>{len(kept.run.history)} items, {len(kept.run.preferences)} "
        f"preference texts</small></span></button>"
        for kept in store.recorded
    )
    head = '<p><span class="tag recorded">recorded</span> Watch a run, no model needed</p>'
    return f'<div class="recordings">{head}{cards}</div>'
