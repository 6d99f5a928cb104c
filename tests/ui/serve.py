"""Serves the page on the fake model: `python -m tests.ui.serve --port 7861 --delay 0.05`."""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from msr.catalogue import Catalogue, Example, demo, stories, story_items
from msr.pipeline import Pipeline
from msr.storage import assets
from msr.ui import Kept, build_app
from msr.ui.serving import Server
from tests import fakes


def app(delay: float = 0.0, candidates: int = 24, load: Callable[..., Pipeline] | None = None, **more: Any) -> FastAPI:
    """The real page with the bundled stories and catalogue, and a model that answers from the prompts' words."""
    examples = [(story, story_items(story.id)) for story in stories()]
    unknown = [examples[0][1][1].picture.digest]
    backbone = fakes.OpenBackbone(delay=delay, unknown=unknown)
    catalogue = Catalogue("demo", demo().items[:candidates])
    more = {"recorded": recordings(catalogue, examples), **more}
    return build_app(load or (lambda report: Pipeline(backbone)), catalogue, examples, **more)


def recordings(catalogue: Catalogue, examples: Sequence[Example], count: int = 3) -> list[Kept]:
    """Runs of the first stories on a fake model, as if they had been recorded."""
    kept = []
    for story, items in examples[:count]:
        *_, last = Pipeline(fakes.OpenBackbone()).run(items, catalogue.items, top=6)
        kept.append(Kept(last.run, story.name, catalogue, recorded=True))
    return kept


@contextmanager
def serving(served: FastAPI) -> Iterator[str]:
    """Serves in a thread on a free port; yields the address."""
    server = uvicorn.Server(uvicorn.Config(served, host="127.0.0.1", port=0, log_level="error", proxy_headers=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not (server.started and server.servers):
        if not thread.is_alive():
            raise RuntimeError("the server did not start")
        time.sleep(0.02)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    httpx.get(f"{url}/healthz").raise_for_status()
    try:
        yield url
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join(5)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=7861)
    parser.add_argument("--delay", type=float, default=0.03)
    parser.add_argument("--mcp", action="store_true")
    args = parser.parse_args()
    served = app(args.delay, results=[assets() / "pocket"], mcp=args.mcp)
    sys.exit(Server(served, "127.0.0.1", args.port).until_ended())
