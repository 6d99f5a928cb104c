"""The web page, made with Gradio. It holds no model code."""

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
    """The web app for uvicorn. It starts to load the model in a thread, and serves pages meanwhile.

    Args:
        load: returns the Pipeline; called with a function that reports progress (a message, a fraction in [0, 1])
        recorded: runs that every visitor can see
        reviews: where judgements are kept; in memory by default
        results: folders of evaluations for the Evaluate tab
        hosts: the host names that requests may use
    """
    engine = Engine(load)
    engine.start()
    store, log = RunStore(recorded, catalogue), reviews or ReviewLog()
    studio = Studio(engine, catalogue, tuple(examples), config, limits, store, log, tuple(results))
    return build_server(studio, auth, mcp, hosts)


__all__ = ["Engine", "Kept", "build_app"]
