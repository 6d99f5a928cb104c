"""Components that every tab uses, and readers of the values that a browser sends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr

from msr import intake
from msr.config import LIMITS
from msr.render.html import text
from msr.schema import Run

# For events that must be quick and are no one's to call from outside.
QUICK: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}

# Nothing secret is kept in a browser; a fixed word lets it be read again after the server was started anew.
BROWSER_SECRET = "msr-studio"
MAX_PREFERENCE = 600  # characters of an edited preference text
OPEN_DOWNLOAD = "(address) => { window.msr.download(address); }"  # the JavaScript behind every download button


def html(value: str, script: str | None = None, elem_id: str | None = None, visible: bool = True) -> gr.HTML:
    """HTML in our own style; `script` runs once in the page."""
    return gr.HTML(value, js_on_load=script, elem_id=elem_id, apply_default_css=False, visible=visible)


def heading(title: str, line: str, number: int | None = None, elem_id: str | None = None) -> gr.HTML:
    """A section's heading: a title and what it is about in one line, both plain text."""
    return html(heading_html(title, line, number), elem_id=elem_id)


def heading_html(title: str, line: str, number: int | None = None) -> str:
    mark = "" if number is None else f'<span aria-hidden="true">{number}</span>'
    return f'<div class="heading"><h2>{mark}{text(title)}</h2><p>{text(line)}</p></div>'


def hidden_text() -> gr.Textbox:
    """Carries an address from the server to a download."""
    return gr.Textbox(visible=False, label="address")


def whole(value: Any, low: int, high: int, default: int) -> int:
    """A slider's value as a whole number within its bounds; `default` if it is no number."""
    return min(high, max(low, int(value))) if isinstance(value, int | float) else default


def edited_text(words: Any, run: Run) -> str | None:
    """The preference text, if it is somebody's own; None if it is what the model wrote, or nothing."""
    if not isinstance(words, str):
        return None
    limits = replace(LIMITS, max_title=MAX_PREFERENCE)
    sent = intake.title(words, limits)
    last = run.preferences[-1] if run.preferences else None
    same = last is not None and not last.edited and sent == intake.title(last.text, limits)
    return None if same or not sent else sent
