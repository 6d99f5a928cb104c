"""The named endpoint for scripts: the same job as the page's, in one call."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from msr import intake
from msr.backbones.base import BackboneError
from msr.config import PipelineConfig
from msr.schema import Finished, InputProblem, Item
from msr.ui import history
from msr.ui.html import text
from msr.ui.studio import MODEL, Studio
from msr.ui.uploads import upload_input


def add_recommend(studio: Studio) -> None:
    """Adds `/recommend` to the page that is being built."""

    def recommend(
        story: str = "",
        files: list[str] | None = None,
        titles: list[str] | None = None,
        block_size: float = studio.config.block_size,
        top: float = studio.config.top,
    ) -> dict[str, Any]:
        """Ranks the catalogue for one history and explains the ranks; returns the run as JSON (README, "run.json").

        Parameters:
            story: the id of a bundled story; leave it empty to send a history of your own
            files: pictures of the history, oldest first (JPEG, PNG or WebP)
            titles: the pictures' titles in the same order; further ones are items without a picture
            block_size: history items that one preference step reads
            top: how many recommendations to return
        """
        try:
            items = _history(studio, story, files or [], titles or [])
            config = replace(studio.config, block_size=int(block_size), top=int(top), explain_top=min(int(top), 20))
            return _run(studio, items, config)
        except (ValueError, TypeError, BackboneError) as error:
            raise gr.Error(text(error), print_exception=False) from None

    inputs = [
        gr.Textbox("", visible=False, label="story"),
        upload_input(visible=False, label="files"),
        gr.JSON([], visible=False, label="titles"),
        gr.Number(studio.config.block_size, visible=False, label="block_size"),
        gr.Number(studio.config.top, visible=False, label="top"),
    ]
    trigger, run = gr.Button(visible=False), gr.JSON(visible=False, label="run")
    trigger.click(
        recommend, inputs, run, api_name="recommend", concurrency_id=MODEL, concurrency_limit=1, queue=True
    )  # fmt: skip


def _history(studio: Studio, story: str, files: list[str], titles: list[str]) -> tuple[Item, ...]:
    """The history that a call means. Raises InputProblem."""
    if story:
        known = {s.id: items for s, items in studio.examples}
        if story not in known:
            raise InputProblem(f"There is no such story; choose one of {', '.join(known)}.")
        return known[story]
    if not all(isinstance(title, str) for title in titles):
        raise InputProblem("titles must be a list of strings.")
    paths = [Path(file) for file in files]
    pictured, refused = intake.uploads([(path, path.name) for path in paths], studio.limits)
    for path in paths:
        path.unlink(missing_ok=True)
    if refused:
        raise InputProblem(" ".join(refused))
    cleaned = [intake.title(title, studio.limits) for title in titles]
    named = [replace(item, title=title) for item, title in zip(pictured, cleaned, strict=False)]
    rest = [Item(history.new_id({}), title) for title in cleaned[len(pictured) :] if title]
    items, problems = history.add((), [*named, *pictured[len(named) :], *rest], {}, studio.limits)
    if problems:
        raise InputProblem(" ".join(problems))
    return items


def _run(studio: Studio, items: tuple[Item, ...], config: PipelineConfig) -> dict[str, Any]:
    """Waits for the model and runs to the end. Raises InputProblem and BackboneError."""
    stop = threading.Event()
    try:
        for _ in studio.engine.wait(stop):
            pass
        events = studio.engine.pipeline.run(items, studio.catalogue.items, config, stop)
        return next(event.run.to_json() for event in events if isinstance(event, Finished))
    finally:
        stop.set()
