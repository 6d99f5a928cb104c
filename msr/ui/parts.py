"""Small pieces that every tab is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from msr.render.html import text

# For events that must be quick and are no one's to call from outside.
QUICK: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}

# Nothing secret is kept in a browser; a fixed word lets it be read again after the server was started anew.
BROWSER_SECRET = "msr-studio"
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


# ---- A file input that takes uploads and nothing else.


def upload_input(**settings: Any) -> gr.File:
    """`gr.File` downloads whatever web address an API caller names as a file; this one refuses.

    Not a subclass: Gradio writes a stub file beside the source of every subclass of a component.
    """
    files = gr.File(file_count="multiple", **settings)
    take_in = files.async_move_resource_to_block_cache

    async def local_only(path: str | Path | None) -> str | None:
        if path is not None and "://" in str(path):
            raise gr.Error("Files must be uploaded; web addresses are not fetched.", print_exception=False)
        return await take_in(path)

    files.async_move_resource_to_block_cache = local_only
    return files
