"""MSR Studio in the browser: `python app.py`, then open http://127.0.0.1:7860."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from msr import cores

if TYPE_CHECKING:
    from msr.config import BackboneConfig, Limits
    from msr.pipeline import Pipeline
    from msr.schema import Item

LOOK_AHEAD = 400  # catalogue pictures that are looked at before the first run, once; their views stay on disk
LIMITS = ("max_history", "max_catalogue", "max_image_bytes", "max_zip_bytes")  # those that the command line can move


def main(argv: Sequence[str] | None = None) -> int:
    """Serves the page until interrupted; returns 2 where an option or what it names cannot be used."""
    cores.share(cores.BESIDE_A_BROWSER)
    args = _parser().parse_args(argv)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported
    if args.offline:
        os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "PIP_NO_INDEX": "1"}

    if args.mcp and importlib.util.find_spec("mcp") is None:
        print('error: --mcp needs a further package: pip install "gradio[mcp]"', file=sys.stderr)
        return 2

    import uvicorn

    from msr import catalog, intake
    from msr.config import BackboneConfig
    from msr.paths import data_home
    from msr.reviews import ReviewLog
    from msr.schema import InputProblem
    from msr.ui import build_app
    from msr.ui.shelf import recorded

    try:
        limits = _limits(args.limit)
        catalogue = catalog.load(args.catalogue, limits)
        adapter = args.adapter if args.adapter in ("bundled", "none") else str(intake.adapter_folder(args.adapter))
        auth = _accounts(args.auth)
        reviews = ReviewLog(args.reviews or data_home() / "reviews.jsonl")
    except InputProblem as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    examples = [(story, catalog.story_items(story.id)) for story in catalog.stories()]
    runs, problems = recorded(args.runs or catalog.assets() / "demo" / "runs", catalogue, examples)
    for problem in problems:
        print(f"left out: {problem}", file=sys.stderr)
    model = BackboneConfig(args.backbone, adapter, weights=args.weights, engine=args.engine, offline=args.offline)
    server = build_app(
        _loader(model, catalogue.items),
        catalogue,
        examples,
        limits=limits,
        recorded=runs,
        reviews=reviews,
        results=(args.results, catalog.assets() / "results", catalog.assets() / "pocket"),
        auth=auth,
        mcp=args.mcp,
    )
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
            backbone.certainty(pictures[start : start + 8])
        return Pipeline(backbone, cache=TextCache(cache_home() / "texts"))

    return load


def _limits(options: Sequence[str]) -> Limits:
    """`NAME=NUMBER` options as limits. Raises InputProblem."""
    from msr.config import LIMITS as DEFAULTS
    from msr.schema import InputProblem

    moved = {}
    for option in options:
        name, _, number = option.partition("=")
        if name not in LIMITS or not number.isdecimal():
            raise InputProblem(f"--limit {option}: write NAME=NUMBER; NAME is one of {', '.join(LIMITS)}.")
        moved[name] = int(number)
    try:
        return replace(DEFAULTS, **moved)
    except ValueError as error:
        raise InputProblem(f"--limit: {error}.") from None


def _accounts(file: Path | None) -> list[tuple[str, str]] | None:
    """The names and passwords of a file; it is a file because a command line is seen by others. Raises InputProblem."""
    from msr.schema import InputProblem

    if file is None:
        return None
    try:
        lines = [line for line in file.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError):
        raise InputProblem(f"--auth {file}: the file cannot be read.") from None
    pairs = [line.partition(":") for line in lines]
    if not pairs or not all(name and password for name, _, password in pairs):
        raise InputProblem(f"--auth {file}: write NAME:PASSWORD, one a line.")
    return [(name.strip(), password.strip()) for name, _, password in pairs]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python app.py", description=__doc__)
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to serve on (%(default)s: this computer only)")
    add("--port", type=int, default=7860, help="port to serve on (%(default)s)")
    add("--auth", type=Path, metavar="FILE", help="ask for a name and a password; FILE holds NAME:PASSWORD, one a line")
    add(
        "--backbone", default="pocket", metavar="NAME",
        help='"pocket" (default), a checkpoint, or openai:http://HOST:PORT/v1#MODEL (key: MSR_API_KEY)',
    )  # fmt: skip
    add(
        "--weights", default="full", choices=("full", "4bit"),
        help="4bit: a checkpoint's weights in a quarter of the memory; needs a GPU and bitsandbytes",
    )  # fmt: skip
    add(
        "--engine", default="torch", choices=("torch", "llama.cpp"),
        help="llama.cpp: writes the pocket model's texts faster on a CPU; needs xllamacpp",
    )  # fmt: skip
    add("--adapter", default="bundled", metavar="PATH", help='a LoRA folder, "none", or "bundled" (default)')
    add(
        "--catalogue", default="demo", metavar="PATH",
        help='what can be recommended: a folder, ZIP or CSV with items.csv, or "demo" (default)',
    )  # fmt: skip
    add("--runs", type=Path, metavar="FOLDER", help="run.json files to present and review (the bundled ones)")
    add(
        "--results", type=Path, default=Path("runs"), metavar="FOLDER",
        help="where evaluations written by train/ are looked for (%(default)s)",
    )  # fmt: skip
    add("--reviews", type=Path, metavar="FILE", help="judgements are appended here (reviews.jsonl in the data folder)")
    add(
        "--limit", action="append", default=[], metavar="NAME=NUMBER",
        help=f"move a limit of what visitors may bring, as often as wanted: {', '.join(LIMITS)}",
    )  # fmt: skip
    add("--offline", action="store_true", help="fetch nothing, ever; a model that is not on this computer is an error")
    add("--mcp", action="store_true", help='offer recommend, describe and what_if as MCP tools (needs "gradio[mcp]")')
    return parser


if __name__ == "__main__":
    sys.exit(main())
