"""The options of `python -m msr`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

from msr.config import LIMITS, PipelineConfig

_PATHS = """\
PATH is a folder or a ZIP with items.csv (columns id,title,image and, if wanted, timestamp; image is a file name
relative to the table and may be empty) and its pictures, a folder or a ZIP of pictures alone, or a CSV of titles
alone. "demo" is the bundled catalogue, "demo:STORY" the history of one of its stories.
"""
_CODES = """\
exit codes: 0 done, 1 unexpected failure (the result cannot be written, for instance), 2 bad usage or input,
3 the model cannot be had or used, 130 interrupted. Nothing is written unless the code is 0.
"""


def parser(work: Mapping[str, Callable[..., object]]) -> argparse.ArgumentParser:
    """The parser; `command` of what it parsed is `work` by the command's name."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--quiet", action="store_true", help="no progress on stderr; errors still appear there")
    model = argparse.ArgumentParser(add_help=False)
    model.add_argument(
        "--backbone", default="pocket", metavar="NAME",
        help='"pocket" (default), a checkpoint, or openai:http://HOST:PORT/v1#MODEL (key: MSR_API_KEY)',
    )  # fmt: skip
    model.add_argument(
        "--weights", default="full", choices=("full", "4bit"),
        help="4bit: a checkpoint's weights in a quarter of the memory; needs a GPU and bitsandbytes",
    )  # fmt: skip
    model.add_argument(
        "--adapter", default="bundled", metavar="PATH", help='a LoRA folder, "none", or "bundled" (default)'
    )
    shape = argparse.RawDescriptionHelpFormatter
    made = argparse.ArgumentParser(
        "python -m msr",
        description="Describe items, write a preference out of a history, and rank a catalogue by it.",
        epilog=f"{_PATHS}\n{_CODES}",
        formatter_class=shape,
    )
    commands = made.add_subparsers(required=True, metavar="{run,describe,index,bench,fetch}")

    run = commands.add_parser(
        "run", parents=[common, model], help="history and catalogue to ranked, explained recommendations",
        epilog=f"{_PATHS}\n{_CODES}", formatter_class=shape,
    )  # fmt: skip
    run.add_argument("--history", required=True, metavar="PATH", help="what the user had, oldest first")
    run.add_argument("--catalogue", required=True, metavar="PATH", help="what can be recommended")
    run.add_argument("--top", type=int, default=PipelineConfig.top, help="recommendations to list (%(default)s)")
    run.add_argument(
        "--block-size", type=int, default=PipelineConfig.block_size, help="items a preference step reads (%(default)s)"
    )
    run.add_argument(
        "--shortlist", type=int, default=PipelineConfig.shortlist, metavar="N",
        help="candidates to score; a larger catalogue is shortlisted first (%(default)s)",
    )  # fmt: skip
    run.add_argument("--index", type=Path, metavar="DIR", help="shortlist by an index that was built ahead")
    _most(run)
    run.add_argument("--out", required=True, type=Path, metavar="FILE", help="run.json to write")
    run.add_argument("--pictures", action="store_true", help="put the pictures into the file: it can be shown anywhere")
    run.set_defaults(command=work["run"])

    describe = commands.add_parser(
        "describe", parents=[common, model], help="items to short factual descriptions",
        epilog=f"Processes share the work: torchrun --nproc_per_node 2 -m msr describe ...\n\n{_PATHS}\n{_CODES}",
        formatter_class=shape,
    )  # fmt: skip
    describe.add_argument("--items", required=True, metavar="PATH", help="items to describe")
    _most(describe)
    describe.add_argument("--out", required=True, type=Path, metavar="FILE", help="JSON lines to write")
    describe.set_defaults(command=work["describe"])

    index = commands.add_parser(
        "index", parents=[common, model], help="build what shortlists a large catalogue, or bring it up to date",
        epilog=f"An interrupted build goes on with the same command.\n\n{_PATHS}\n{_CODES}", formatter_class=shape,
    )  # fmt: skip
    index.add_argument("--catalogue", required=True, metavar="PATH", help="what can be recommended")
    index.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder of the index")
    index.add_argument(
        "--descriptions", type=Path, metavar="FILE", help="also read these, written by python -m msr describe"
    )
    _most(index)
    index.add_argument(
        "--check", action="store_true",
        help="build nothing: score the whole catalogue and tell how much of its top 10 the shortlist holds",
    )  # fmt: skip
    index.add_argument(
        "--history", action="append", metavar="PATH", help="histories to check with (all stories of the demo)"
    )
    index.set_defaults(command=work["index"])

    bench = commands.add_parser(
        "bench", parents=[common, model], help="time every job beside the published way, a plain pass and the floor",
        epilog=_CODES, formatter_class=shape,
    )  # fmt: skip
    bench.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    bench.add_argument("--quick", action="store_true", help="small sizes: is everything as it should be?")
    bench.add_argument("--score", type=_sizes, metavar="N,N", help="numbers of candidates (21,100,1000)")
    bench.add_argument("--describe", type=_sizes, metavar="N,N", help="sizes of a catalogue (24,96,240)")
    bench.add_argument("--histories", type=_sizes, metavar="N,N", help="lengths of a history (3,9,30)")
    bench.add_argument("--index", type=_sizes, metavar="N,N", help="items to shortlist from (5000,50000)")
    bench.add_argument("--baselines", type=int, metavar="N", help="most items that a baseline runs on (100)")
    bench.add_argument(
        "--include", type=Path, action="append", default=[], metavar="FILE", help="rows that train/ measured"
    )
    bench.set_defaults(command=work["bench"])

    fetch = commands.add_parser(
        "fetch", parents=[common], help="get the pocket model now, so that nothing is downloaded later",
        epilog=_CODES, formatter_class=shape,
    )  # fmt: skip
    fetch.set_defaults(command=work["fetch"])
    return made


def _most(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--most", type=int, default=LIMITS.max_catalogue, metavar="N",
        help="refuse a catalogue of more items (%(default)s); all its pictures are held in memory",
    )  # fmt: skip


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))
