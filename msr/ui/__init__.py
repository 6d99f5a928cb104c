"""The page, on Gradio; no model code in here."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI

from msr.catalog import Catalogue
from msr.config import LIMITS, Limits, PipelineConfig
from msr.ui.engine import Engine, Loader
from msr.ui.history import Example
from msr.ui.server import build_server
from msr.ui.studio import Studio


def build_app(
    load: Loader,
    catalogue: Catalogue,
    examples: Sequence[Example] = (),
    config: PipelineConfig = PipelineConfig(),  # noqa: B008 (frozen)
    limits: Limits = LIMITS,
) -> FastAPI:
    """The app, ready for uvicorn; `load` is called at once in a thread, pages are served meanwhile.

    `load` is given a function to call with what is being done and how much of it, in [0, 1], and returns a Pipeline.
    """
    engine = Engine(load)
    engine.start()
    return build_server(Studio(engine, catalogue, tuple(examples), config, limits))


__all__ = ["Engine", "build_app"]
