"""A file input that takes uploads and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr


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
