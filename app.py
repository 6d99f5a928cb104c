"""MSR Studio in the browser: `python app.py`, then open http://127.0.0.1:7860."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from msr.config import BackboneConfig
    from msr.pipeline import Pipeline
    from msr.schema import Item

LOOK_AHEAD = 400  # catalogue pictures that are looked at before the first run, once; their views stay on disk


def main(argv: Sequence[str] | None = None) -> int:
    """Serves the page until interrupted; returns 2 where the catalogue or the adapter cannot be used."""
    args = _parser().parse_args(argv)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported

    import uvicorn

    from msr import catalog, intake
    from msr.config import BackboneConfig
    from msr.schema import InputProblem
    from msr.ui import build_app

    try:
        catalogue = catalog.load(args.catalogue)
        adapter = args.adapter if args.adapter in ("bundled", "none") else str(intake.adapter_folder(args.adapter))
    except InputProblem as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    examples = [(story, catalog.story_items(story.id)) for story in catalog.stories()]
    load = _loader(BackboneConfig(name=args.backbone, adapter=adapter), catalogue.items)
    server = build_app(load, catalogue, examples)
    host = f"[{args.host}]" if ":" in args.host else args.host
    print(f"MSR Studio: http://{host}:{args.port}  (Ctrl+C ends it)", flush=True)
    uvicorn.run(server, host=args.host, port=args.port, log_level="warning")
    return 0


def _loader(config: BackboneConfig, catalogue: Sequence[Item]) -> Callable[..., Pipeline]:
    """Loads the model when called; torch is imported only then, so that the page need not wait for it."""
    pictures = [item.picture for item in catalogue if item.picture][:LOOK_AHEAD]

    def load(report: Callable[[str, float], None]) -> Pipeline:
        from msr import backbones
        from msr.cache import TextCache
        from msr.paths import cache_home
        from msr.pipeline import Pipeline

        backbone = backbones.load(config, report)
        for start in range(0, len(pictures), 8):
            report("Looking at the catalogue", start / len(pictures))
            backbone.familiarity(pictures[start : start + 8])
        return Pipeline(backbone, cache=TextCache(cache_home() / "texts"))

    return load


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python app.py", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to serve on (%(default)s: this computer only)")
    parser.add_argument("--port", type=int, default=7860, help="port to serve on (%(default)s)")
    parser.add_argument("--backbone", default="pocket", metavar="NAME", help='"pocket" (default) or a checkpoint')
    parser.add_argument(
        "--adapter", default="bundled", metavar="PATH", help='a LoRA folder, "none", or "bundled" (default)'
    )
    parser.add_argument(
        "--catalogue", default="demo", metavar="PATH",
        help='what can be recommended: a folder or ZIP with items.csv, or "demo" (default)',
    )  # fmt: skip
    return parser


if __name__ == "__main__":
    sys.exit(main())
