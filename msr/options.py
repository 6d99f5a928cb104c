"""The options of the command line: those of the model, shared by `msr` and `train`, and all others of `msr`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from msr import intake
from msr.config import LIMITS, BackboneConfig, PipelineConfig

CHANGEABLE_LIMITS = ("max_history", "max_catalogue", "max_image_bytes", "max_zip_bytes")

_PATHS = """\
PATH is a folder or a ZIP with pictures and items.csv (columns id, title, image and, if wanted, timestamp; image is a
file name relative to the table and may be empty), a folder or a ZIP of pictures alone, or a table of titles alone.
What is there and cannot be used is named on stderr. "demo" is the bundled catalogue, and "demo:STORY" is the history
of one of its stories.
"""
_CODES = """\
exit codes: 0 done, 1 unexpected failure (for instance, the result cannot be written), 2 bad usage or input,
3 the model cannot be loaded or used, 130 interrupted. Nothing is written unless the code is 0.
"""


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose the model; `model_config` reads them."""
    add = parser.add_argument
    add(
        "--backbone", default="pocket", metavar="NAME",
        help='"pocket" (default), a checkpoint, or openai:http://HOST:PORT/v1#MODEL (key: MSR_API_KEY)',
    )  # fmt: skip
    add(
        "--weights", default="full", choices=("full", "4bit"),
        help="4bit: load a checkpoint's weights in a quarter of the memory; needs a GPU and bitsandbytes",
    )  # fmt: skip
    add("--adapter", default="bundled", metavar="PATH", help='a LoRA folder, "none", or "bundled" (default)')
    add_offline(parser)


def add_offline(parser: argparse.ArgumentParser) -> None:
    """Add `--offline`; `go_offline` and `model_config` obey it."""
    parser.add_argument(
        "--offline",
        action="store_true",
        help="never download anything; a model that is not on this computer is an error",
    )


def go_offline() -> None:
    """Forbid downloads by Hugging Face libraries and pip. Call it before they or Gradio are imported."""
    os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "PIP_NO_INDEX": "1"}


def model_config(args: argparse.Namespace) -> BackboneConfig:
    """The model that the options of `add_model` name. Raises IntakeError for an adapter that cannot be used."""
    adapter = args.adapter
    if adapter not in ("bundled", "none"):
        adapter = str(intake.adapter_folder(adapter))
    return BackboneConfig(name=args.backbone, adapter=adapter, weights=args.weights, offline=args.offline)


def parser(work: Mapping[str, Callable[..., object]]) -> argparse.ArgumentParser:
    """The parser of `msr`. Of the parsed arguments, `command` is the value of `work` under the command's name."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--quiet", action="store_true", help="print no progress; errors are still printed")
    model = argparse.ArgumentParser(add_help=False)
    add_model(model)
    shape = argparse.RawDescriptionHelpFormatter
    made = argparse.ArgumentParser(
        "python -m msr",
        description="Describe items, summarise a history as a preference text, and rank a catalogue by it.",
        epilog=f"{_PATHS}\n{_CODES}",
        formatter_class=shape,
    )
    commands = made.add_subparsers(required=True, metavar="{app,run,describe,index,bench,fetch}")

    app = commands.add_parser("app", parents=[model], help="serve the page, then open http://127.0.0.1:7860")
    _add_app(app)
    app.set_defaults(command=work["app"], quiet=False)

    run = commands.add_parser(
        "run", parents=[common, model], help="rank a catalogue for a history and explain the best items",
        epilog=f"{_PATHS}\n{_CODES}", formatter_class=shape,
    )  # fmt: skip
    run.add_argument("--history", required=True, metavar="PATH", help="items that the user chose, oldest first")
    run.add_argument("--catalogue", required=True, metavar="PATH", help="what can be recommended")
    run.add_argument("--top", type=int, default=PipelineConfig.top, help="number of recommendations (%(default)s)")
    run.add_argument(
        "--block-size",
        type=int,
        default=PipelineConfig.block_size,
        help="history items that one preference step reads (%(default)s)",
    )
    run.add_argument(
        "--shortlist", type=int, default=PipelineConfig.shortlist, metavar="N",
        help="candidates to score; a larger catalogue is first cut down to this number (%(default)s)",
    )  # fmt: skip
    run.add_argument(
        "--index", type=Path, metavar="DIR", help="folder of an index that msr index built; makes the shortlist faster"
    )
    _most(run)
    run.add_argument("--out", required=True, type=Path, metavar="FILE", help="run.json to write")
    run.add_argument(
        "--pictures", action="store_true", help="store the pictures in the file, so that it can be shown anywhere"
    )
    run.set_defaults(command=work["run"])

    describe = commands.add_parser(
        "describe", parents=[common, model], help="describe each item in one factual sentence",
        epilog=f"To share the work: torchrun --nproc_per_node 2 -m msr describe ...\n\n{_PATHS}\n{_CODES}",
        formatter_class=shape,
    )  # fmt: skip
    describe.add_argument("--items", required=True, metavar="PATH", help="items to describe")
    _most(describe)
    describe.add_argument(
        "--out", required=True, type=Path, metavar="FILE", help="file to write, one JSON object a line"
    )
    describe.set_defaults(command=work["describe"])

    index = commands.add_parser(
        "index", parents=[common, model], help="build or update the index that shortlists a large catalogue",
        epilog=f"Run the same command again to continue an interrupted build.\n\n{_PATHS}\n{_CODES}",
        formatter_class=shape,
    )  # fmt: skip
    index.add_argument("--catalogue", required=True, metavar="PATH", help="what can be recommended")
    index.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder of the index")
    index.add_argument(
        "--descriptions",
        type=Path,
        metavar="FILE",
        help="descriptions written by python -m msr describe, to index as well",
    )
    _most(index)
    index.add_argument(
        "--check", action="store_true",
        help="build nothing; score the whole catalogue and report how many of its top 10 the shortlist holds",
    )  # fmt: skip
    index.add_argument(
        "--history",
        action="append",
        metavar="PATH",
        help="history to check with; may be repeated (all stories of the demo)",
    )
    index.set_defaults(command=work["index"])

    bench = commands.add_parser(
        "bench", parents=[common, model], help="time every job and compare it with baselines and with a lower bound",
        epilog=_CODES, formatter_class=shape,
    )  # fmt: skip
    bench.add_argument("--json", type=Path, metavar="FILE", help="file to write all figures to")
    bench.add_argument("--quick", action="store_true", help="use small sizes, to check that everything works")
    bench.add_argument("--score", type=_sizes, metavar="N,N", help="numbers of candidates (21,100,1000)")
    bench.add_argument("--describe", type=_sizes, metavar="N,N", help="numbers of items to describe (24,96,240)")
    bench.add_argument("--histories", type=_sizes, metavar="N,N", help="numbers of history items (3,9,30)")
    bench.add_argument(
        "--index", type=_sizes, metavar="N,N", help="sizes of the catalogue to shortlist from (5000,50000)"
    )
    bench.add_argument("--baselines", type=int, metavar="N", help="run baselines on at most this many items (100)")
    bench.add_argument(
        "--include",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="JSON file of python -m train speed whose rows join the table; may be repeated",
    )
    bench.set_defaults(command=work["bench"])

    fetch = commands.add_parser(
        "fetch", parents=[common], help="download the pocket model now, so that later commands need no network",
        epilog=_CODES, formatter_class=shape,
    )  # fmt: skip
    fetch.set_defaults(command=work["fetch"])
    return made


def _add_app(app: argparse.ArgumentParser) -> None:
    """Add the options of the web page."""
    add = app.add_argument
    add("--host", default="127.0.0.1", help="address to serve on (%(default)s: this computer only)")
    add("--port", type=int, default=7860, help="port to serve on (%(default)s)")
    add(
        "--allow-host", action="append", default=[], metavar="NAME",
        help="another host name that requests may use, such as the name of a proxy; may be repeated",
    )  # fmt: skip
    add(
        "--proxy", action="append", default=[], metavar="ADDRESS",
        help="IP address of a proxy in front, such as 127.0.0.1; its X-Forwarded headers are believed; may be repeated",
    )  # fmt: skip
    add(
        "--auth", type=Path, metavar="FILE",
        help="ask visitors for a name and a password; FILE holds one NAME:PASSWORD on each line",
    )  # fmt: skip
    add(
        "--catalogue", default="demo", metavar="PATH",
        help='what can be recommended: a folder, ZIP or CSV with items.csv, or "demo" (default)',
    )  # fmt: skip
    add("--runs", type=Path, metavar="FOLDER", help="folder of run.json files to present and review (the bundled ones)")
    add(
        "--results", type=Path, default=Path("runs"), metavar="FOLDER",
        help="folder of the evaluations that python -m train wrote (%(default)s)",
    )  # fmt: skip
    add("--reviews", type=Path, metavar="FILE", help="file to append judgements to (reviews.jsonl in the data folder)")
    add(
        "--limit", action="append", default=[], metavar="NAME=NUMBER",
        help=f"change a limit of uploads; may be repeated; NAME is one of {', '.join(CHANGEABLE_LIMITS)}",
    )  # fmt: skip
    add("--mcp", action="store_true", help='offer recommend, describe and what_if as MCP tools (needs "gradio[mcp]")')


def _most(command: argparse.ArgumentParser) -> None:
    """Add the option that limits how many items are read."""
    command.add_argument(
        "--most", type=int, default=LIMITS.max_catalogue, metavar="N",
        help="refuse more items than this (%(default)s); all their pictures are held in memory",
    )  # fmt: skip


def _sizes(text: str) -> tuple[int, ...]:
    """`21,100` as numbers."""
    return tuple(int(part) for part in text.split(","))
