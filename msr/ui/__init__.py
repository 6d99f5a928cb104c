"""The page, on Gradio; no model code in here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fastapi import FastAPI

from msr.catalogue import Catalogue, Example
from msr.config import LIMITS, Limits, PipelineConfig
from msr.reviews import ReviewLog
from msr.ui.engine import Engine, Loader
from msr.ui.hosts import Hosts
from msr.ui.server import Auth, build_server
from msr.ui.stores import Kept, RunStore
from msr.ui.studio import Studio


def build_app(
    load: Loader,
    catalogue: Catalogue,
    examples: Sequence[Example] = (),
    config: PipelineConfig = PipelineConfig(),  # noqa: B008 (frozen)
    limits: Limits = LIMITS,
    recorded: Sequence[Kept] = (),
    reviews: ReviewLog | None = None,
    results: Sequence[Path] = (),
    auth: Auth = None,
    mcp: bool = False,
    hosts: Hosts = Hosts(),  # noqa: B008 (frozen)
) -> FastAPI:
    """The app, ready for uvicorn; `load` is called at once in a thread, pages are served meanwhile.

    `load` is given a function to call with what is being done and how much of it, in [0, 1], and returns a Pipeline.
    `recorded` runs are shown to everybody, judgements go to `reviews`, `results` are folders of evaluations.
    Requests must name one of `hosts`.
    """
    engine = Engine(load)
    engine.start()
    store, log = RunStore(recorded, catalogue), reviews or ReviewLog()
    studio = Studio(engine, catalogue, tuple(examples), config, limits, store, log, tuple(results))
    return build_server(studio, auth, mcp, hosts)


__all__ = ["Engine", "Kept", "build_app"]
