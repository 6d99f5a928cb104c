"""Components that several tabs use, the buttons of a run, and readers of the values that a browser sends."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from msr import intake
from msr.config import LIMITS
from msr.render import report
from msr.render.html import text
from msr.schema import Run
from msr.ui.slides import presentation
from msr.ui.stores import RunStore
from msr.ui.studio import Studio

# Settings of events that must be quick and that scripts cannot call.
QUICK: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}

# Nothing secret is kept in the browser. A fixed word keeps it readable after the server has been restarted.
BROWSER_SECRET = "msr-studio"
MAX_PREFERENCE = 600  # characters of an edited preference text
OPEN_DOWNLOAD = "(address) => { window.msr.download(address); }"  # the JavaScript behind every download button


def html(value: str, script: str | None = None, elem_id: str | None = None, visible: bool = True) -> gr.HTML:
    """An HTML component without Gradio's styles; `script` runs once in the page."""
    return gr.HTML(value, js_on_load=script, elem_id=elem_id, apply_default_css=False, visible=visible)


def heading(title: str, line: str, number: int | None = None, elem_id: str | None = None) -> gr.HTML:
    """The heading of a section: a title and one line of explanation, both plain text."""
    return html(heading_html(title, line, number), elem_id=elem_id)


def heading_html(title: str, line: str, number: int | None = None) -> str:
    """The HTML of `heading`."""
    mark = "" if number is None else f'<span aria-hidden="true">{number}</span>'
    return f'<div class="heading"><h2>{mark}{text(title)}</h2><p>{text(line)}</p></div>'


def hidden_text() -> gr.Textbox:
    """A hidden field that carries the address of a download to the page."""
    return gr.Textbox(visible=False, label="address")


def told(event: gr.EventData, name: str) -> Any:
    """A value that the page's script sent with an event; None if it is missing."""
    return event._data.get(name) if isinstance(event._data, dict) else None


def whole(value: Any, low: int, high: int, default: int) -> int:
    """A slider's value as a whole number within its bounds; `default` if it is no number."""
    return min(high, max(low, int(value))) if isinstance(value, int | float) else default


def edited_text(words: Any, run: Run) -> str | None:
    """The preference text that a visitor sent; None if it is empty or unchanged from what the model wrote."""
    if not isinstance(words, str):
        return None
    limits = replace(LIMITS, max_title=MAX_PREFERENCE)
    sent = intake.title(words, limits)
    last = run.preferences[-1] if run.preferences else None
    same = last is not None and not last.edited and sent == intake.title(last.text, limits)
    return None if same or not sent else sent


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
