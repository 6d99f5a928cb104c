"""The API endpoints `/recommend`, `/describe` and `/what_if`, which `--mcp` also offers as tools."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import gradio as gr

from msr import intake
from msr.backbones.protocol import BackboneError, StopRequested
from msr.config import PipelineConfig
from msr.events import Finished
from msr.evidence import compare
from msr.schema import InputProblem, Item, Run
from msr.ui import history_editor
from msr.ui.calls import EndpointError
from msr.ui.parts import MAX_PREFERENCE, edited_text
from msr.ui.stores import Kept
from msr.ui.studio import MODEL, Studio
from msr.ui.uploads import Uploads, upload_input
from msr.ui.visitors import visitor_of


def add_endpoints(studio: Studio) -> None:
    """Add the endpoints to the page that is being built."""

    def recommend(
        story: str = "",
        files: list[str] | None = None,
        titles: list[str] | None = None,
        block_size: float = studio.config.block_size,
        top: float = studio.config.top,
        request: gr.Request | None = None,
    ) -> dict[str, Any]:
        """Ranks the catalogue for one history and explains the ranks; returns the run as JSON (docs/run-json.md).

        Parameters:
            story: the id of a bundled story; leave it empty to send files and titles of your own
            files: pictures of the history, oldest first (JPEG, PNG or WebP), or one ZIP, CSV or saved history
            titles: the pictures' titles in the same order; further ones are items without a picture
            block_size: history items that one preference step reads
            top: how many recommendations to return
        """
        items, left_out = _history(studio, story, files or [], titles or [], request)
        size, most = _whole("block_size", block_size, studio.config.block_size), _whole("top", top, studio.config.top)
        config = replace(studio.config, block_size=size, top=most, explain_top=max(0, min(most, 20)))
        return _run(studio, None, items, config, request, left_out=left_out).run.to_json()

    def describe(
        files: list[str] | None = None, titles: list[str] | None = None, request: gr.Request | None = None
    ) -> list[dict[str, Any]]:
        """Describes items in one factual sentence each; returns a list of id, title, description, confidence, familiar.

        For everything that was sent and cannot be used, the list ends with an entry that has no id and says why in
        left_out.

        Parameters:
            files: pictures (JPEG, PNG or WebP), or one ZIP, CSV or saved history
            titles: the pictures' titles in the same order; further ones are items without a picture
        """
        items, left_out = _history(studio, "", files or [], titles or [], request)
        if not items:
            raise InputProblem("There is nothing to describe: send at least one picture or title.")
        nothing = {"id": "", "title": "", "description": "", "confidence": None, "familiar": None}
        return [*_describe(studio, items, request), *(nothing | {"left_out": sentence} for sentence in left_out)]

    def what_if(
        run: str,
        remove: list[str] | None = None,
        order: list[str] | None = None,
        mask_pictures: list[str] | None = None,
        mask_titles: list[str] | None = None,
        preference: str = "",
        block_size: float = 0,
        request: gr.Request | None = None,
    ) -> dict[str, Any]:
        """Edits a run and ranks again; returns the new run, what was edited, and how far each result moved up.

        Parameters:
            run: the id of a run that /recommend or /what_if returned
            remove: ids of history items to leave out
            order: ids of history items in their new order; those not named follow as they were
            mask_pictures: ids of history items whose pictures are hidden
            mask_titles: ids of history items whose titles are hidden
            preference: a preference text to score by, in place of the model's
            block_size: history items that one preference step reads; 0 leaves it as it was
        """
        before = studio.runs.find(run, visitor_of(request))
        if before is None:
            raise InputProblem("That run is not kept here (any more). Run /recommend first and use the id it returns.")
        asked = {"remove": remove, "order": order, "mask_pictures": mask_pictures, "mask_titles": mask_titles}
        for name, ids in asked.items():
            _strings(name, ids or [], studio.limits.max_history)
            if len(set(ids or [])) < len(ids or []):
                raise InputProblem(f"{name} names an item twice.")
        if len(preference) > MAX_PREFERENCE:
            raise InputProblem(f"preference is too long: at most {MAX_PREFERENCE} characters are read.")
        items = _edited(before.run, remove or [], order or [], mask_pictures or [], mask_titles or [])
        settings = before.run.settings
        config = replace(
            studio.config,
            block_size=_whole("block_size", block_size, 0) or int(settings["block_size"]),
            top=int(settings["top"]),
            explain_top=min(int(settings["top"]), 20),
            adapter=settings.get("adapter") is not False,
        )
        edited, left_out = edited_text(preference, before.run), before.run.left_out
        after = _run(studio, before, items, config, request, edited, left_out).run
        moved = [{"id": m.item_id, "rank": m.rank, "before": m.before, "up": m.up} for m in
                 compare.moves(before.run, after.recommendations)]  # fmt: skip
        return {"run": after.to_json(), "edits": compare.edits(before.run, after), "moves": moved}

    whole = {"block_size": studio.config.block_size, "top": studio.config.top}
    _endpoint(recommend, [_words("story"), _files(studio.uploads), _list("titles"), *_numbers(**whole)], "run")
    _endpoint(describe, [_files(studio.uploads), _list("titles")], "items")
    lists = [_list(name) for name in ("remove", "order", "mask_pictures", "mask_titles")]
    _endpoint(what_if, [_words("run"), *lists, _words("preference"), *_numbers(block_size=0)], "edited")


def _endpoint(function: Callable[..., Any], inputs: list[Any], output: str) -> None:
    """Add one endpoint. Bad input is answered with one sentence."""

    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except (ValueError, TypeError, KeyError, BackboneError, StopRequested) as error:
            raise EndpointError(str(error) or "Stopped.", print_exception=False) from None

    trigger, result = gr.Button(visible=False), gr.JSON(visible=False, label=output)
    trigger.click(
        call, inputs, result, api_name=function.__name__, concurrency_id=MODEL, concurrency_limit=1, queue=True
    )  # fmt: skip


def _words(name: str) -> gr.Textbox:
    return gr.Textbox("", visible=False, label=name)


def _list(name: str) -> gr.JSON:
    """A list of strings. MCP clients refuse tools without types, and `gr.JSON` declares none."""
    field: Any = gr.JSON([], visible=False, label=name)
    field.api_info = lambda: {"type": "array", "items": {"type": "string"}}
    return field


def _files(uploads: Uploads) -> gr.File:
    return upload_input(uploads, visible=False, label="files")


def _numbers(**defaults: int) -> list[gr.Number]:
    return [gr.Number(value, visible=False, label=name) for name, value in defaults.items()]


def _history(
    studio: Studio, story: str, files: list[str], titles: list[str], request: gr.Request | None
) -> tuple[tuple[Item, ...], tuple[str, ...]]:
    """The history that a call sent or named, and a sentence for everything that is not used. Raises InputProblem."""
    if story:
        if files or titles:
            raise InputProblem("Send either a story, or files and titles, not both.")
        known = {s.id: items for s, items in studio.examples}
        if story not in known:
            raise InputProblem(f"There is no such story; choose one of {', '.join(known)}.")
        return known[story], ()
    with studio.reading(files, request) as (paths, budget):
        _strings("titles", titles, studio.limits.max_history)
        sent = [(path, path.name) for path in paths]
        # Titles belong to the files in the order in which these were sent.
        ordered = sent if titles else intake.in_natural_order(sent)
        brought, left_out = intake.uploads(ordered, studio.limits, budget=budget)
    # Where a file gave no item, the titles after it would belong to others.
    if left_out and (not brought or (titles and len(brought) < len(sent))):
        raise InputProblem(" ".join(left_out))
    cleaned = [intake.title(title, studio.limits) for title in titles]
    named = [replace(item, title=title) for item, title in zip(brought, cleaned, strict=False)]
    rest = [Item(history_editor.new_id(()), title) for title in cleaned[len(brought) :] if title]
    items, problems = history_editor.add((), [*named, *brought[len(named) :], *rest], studio.limits)
    return items, (*left_out, *problems)


def _edited(
    run: Run, remove: Sequence[str], order: Sequence[str], mask_pictures: Sequence[str], mask_titles: Sequence[str]
) -> tuple[Item, ...]:
    """The history of a run after the edits. Raises InputProblem for an id that is not in it."""
    items = {item.id: item for item in run.history}
    asked = {"remove": remove, "order": order, "mask_pictures": mask_pictures, "mask_titles": mask_titles}
    for name, ids in asked.items():
        if unknown := [i for i in ids if i not in items]:
            raise InputProblem(f"{name}: the history has no item {unknown[0][:60]}; it has {', '.join(items)}.")
    for item_id in mask_pictures:
        if not items[item_id].title or item_id in mask_titles:
            raise InputProblem(f"mask_pictures: nothing of item {item_id} would be left; remove it instead.")
        items[item_id] = replace(items[item_id], picture=None)
    for item_id in mask_titles:
        if items[item_id].picture is None:
            raise InputProblem(f"mask_titles: nothing of item {item_id} would be left; remove it instead.")
        items[item_id] = replace(items[item_id], title="")
    return tuple(items[i] for i in dict.fromkeys((*order, *items)) if i not in remove)


def _whole(name: str, value: Any, default: int) -> int:
    """A number that a call sent; `default` where it sent none. Raises InputProblem."""
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 10**6 or value != int(value):
        raise InputProblem(f"{name} must be a whole number of at most six digits.")
    return int(value)


def _strings(name: str, values: Any, most: int) -> None:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise InputProblem(f"{name} must be a list of strings.")
    if len(values) > most:
        raise InputProblem(f"{name} has {len(values)} entries; at most {most} are read.")


def _run(
    studio: Studio,
    before: Kept | None,
    items: tuple[Item, ...],
    config: PipelineConfig,
    request: gr.Request | None,
    edited: str | None = None,
    left_out: Sequence[str] = (),
) -> Kept:
    """Wait for the model, run to the end and keep the run. Stops when the caller disconnects.

    Raises InputProblem, BackboneError and StopRequested.
    """
    catalogue = before.catalogue if before else studio.catalogue
    name = f"{before.name}, edited" if before else (items[0].title if items else "")
    with _while_called(studio, request) as stop:
        events = studio.engine.pipeline.run(
            items,
            catalogue.items,
            config,
            stop,
            before.run.id if before else None,
            edited=edited,
            left_out=left_out if before else (*left_out, *catalogue.left_out),
        )
        run = next((event.run for event in events if isinstance(event, Finished)), None)
    if run is None:
        raise StopRequested
    kept = Kept(run, name, catalogue)
    studio.runs.put(kept, visitor_of(request))
    return kept


@contextmanager
def _while_called(studio: Studio, request: gr.Request | None) -> Iterator[threading.Event]:
    """Wait for the model and reserve it; the yielded event is set when the caller leaves. Raises StopRequested."""
    stop = threading.Event()
    with studio.callers.watching(request, stop):
        for _ in studio.engine.wait(stop):
            pass
        if stop.is_set():
            raise StopRequested
        with studio.engine.exclusive(stop):
            yield stop


def _describe(studio: Studio, items: tuple[Item, ...], request: gr.Request | None) -> list[dict[str, Any]]:
    with _while_called(studio, request) as stop:
        told = {e.summary.item_id: e.summary for e in studio.engine.pipeline.describe(items, stop=stop)}
    return [
        {
            "id": item.id,
            "title": item.title,
            "description": told[item.id].text,
            "confidence": told[item.id].sure,
            "familiar": told[item.id].familiar,
        }
        for item in items
    ]
