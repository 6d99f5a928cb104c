"""The same job without a browser: `python -m msr {run,describe,fetch}`.

Results go to files, progress and errors to stderr. torch is imported only once the input has been accepted.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from msr import backbones, catalog, intake
from msr.backbones.base import Backbone, BackboneError
from msr.cache import TextCache
from msr.config import LIMITS, BackboneConfig, PipelineConfig
from msr.events import Finished, ItemDescribed, StageProgress
from msr.paths import cache_home
from msr.pipeline import Pipeline
from msr.progress import Progress
from msr.schema import InputProblem, Item

DONE, FAILED, BAD_INPUT, NO_MODEL, INTERRUPTED = 0, 1, 2, 3, 130

_PATHS = """\
PATH is a folder or a ZIP with items.csv (columns id,title,image and, if wanted, timestamp; image is a file name
relative to the table and may be empty) and its pictures, a folder or a ZIP of pictures alone, or a CSV of titles
alone. "demo" is the bundled catalogue, "demo:STORY" the history of one of its stories.
"""
_CODES = """\
exit codes: 0 done, 1 unexpected failure (the result cannot be written, for instance), 2 bad usage or input,
3 the model cannot be had or used, 130 interrupted. Nothing is written unless the code is 0.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code; bad usage raises SystemExit(2), as argparse does."""
    args = _parser().parse_args(argv)
    progress = Progress(sys.stderr, args.quiet)
    try:
        print(args.command(args, progress))
        return DONE
    except InputProblem as error:
        code, message = BAD_INPUT, str(error)
    except BackboneError as error:
        code, message = NO_MODEL, str(error)
    except OSError as error:
        code, message = FAILED, str(error)
    except KeyboardInterrupt:
        code, message = INTERRUPTED, "interrupted; nothing was written"
    finally:
        progress.clear()
    print(f"error: {message}", file=sys.stderr)
    return code


def _run(args: argparse.Namespace, progress: Progress) -> Path:
    """History and catalogue in, `run.json` out."""
    try:
        config = PipelineConfig(block_size=args.block_size, top=args.top)
    except ValueError as error:
        raise InputProblem(str(error)) from None
    out = _writable(args.out)
    history = _items(args.history, LIMITS.max_history)
    catalogue = _items(args.catalogue, LIMITS.max_catalogue)
    pipeline = Pipeline(_backbone(args, progress), config, _cache())
    with _stopping() as stop:
        for event in pipeline.run(history, catalogue, stop=stop):
            if isinstance(event, StageProgress):
                progress(f"{event.stage} {event.done}/{event.total}", event.done / max(event.total, 1))
            elif isinstance(event, Finished):
                record = event.run.to_json(pictures=args.pictures)
                _write(out, json.dumps(record, ensure_ascii=False, indent=1) + "\n")
    return args.out


def _describe(args: argparse.Namespace, progress: Progress) -> Path:
    """Items in, one described item a line out, in the order of the items."""
    out = _writable(args.out)
    items = _items(args.items, LIMITS.max_catalogue)
    pipeline = Pipeline(_backbone(args, progress), cache=_cache())
    with _stopping() as stop:
        _write(out, _lines(items, pipeline.describe(items, stop=stop), progress))
    return args.out


def _fetch(args: argparse.Namespace, progress: Progress) -> Path:
    """Gets the bundled model's weights and converts them, so that later commands need no network."""
    from msr.backbones import pocket

    return pocket.fetch(progress)


@contextlib.contextmanager
def _stopping() -> Iterator[threading.Event]:
    """An event that is set when the work ends, however it ends, so that no thread of a backbone outlives it."""
    stop = threading.Event()
    try:
        yield stop
    finally:
        stop.set()


def _lines(items: Sequence[Item], described: Iterable[ItemDescribed], progress: Progress) -> str:
    texts = {}
    for event in described:
        texts[event.summary.item_id] = event.summary
        progress(f"describe {len(texts)}/{len(items)}", len(texts) / len(items))
    lines = [
        {
            "id": item.id,
            "title": item.title,
            "description": texts[item.id].text,
            "confidence": round(texts[item.id].confidence, 4),
            "familiar": texts[item.id].familiar,
        }
        for item in items
    ]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def _items(source: str, most: int) -> tuple[Item, ...]:
    """The items that a PATH names."""
    name, _, story = source.partition(":")
    if name != catalog.DEMO:
        return intake.load_items(source, most=most)
    items = catalog.story_items(story) if story else catalog.demo().items
    if len(items) > most:
        raise InputProblem(f"{source} has {len(items)} items; a history has at most {most}. Name a story: demo:STORY.")
    return items


def _backbone(args: argparse.Namespace, progress: Progress) -> Backbone:
    adapter = args.adapter
    if adapter not in ("bundled", "none"):
        adapter = str(intake.adapter_folder(adapter))
    return backbones.load(BackboneConfig(name=args.backbone, adapter=adapter), progress)


def _cache() -> TextCache:
    return TextCache(cache_home() / "texts")


def _writable(out: Path) -> Path:
    """The file to write, links followed; refuses at once what would fail after minutes of work."""
    path = out.resolve()
    if not path.parent.is_dir():
        raise InputProblem(f"--out {out}: the folder {path.parent} does not exist. Create it first.")
    if path.exists() and not path.is_file():
        raise InputProblem(f"--out {out} exists and is not a file. Name a file.")
    if not os.access(path.parent, os.W_OK):
        raise InputProblem(f"--out {out}: the folder {path.parent} cannot be written.")
    return path


def _write(path: Path, text: str) -> None:
    """Replaces the file as a whole, or leaves everything as it was."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        draft.write_text(text, "utf-8")
        os.replace(draft, path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--quiet", action="store_true", help="no progress on stderr; errors still appear there")
    model = argparse.ArgumentParser(add_help=False)
    model.add_argument("--backbone", default="pocket", metavar="NAME", help='"pocket" (default) or a checkpoint')
    model.add_argument(
        "--adapter", default="bundled", metavar="PATH", help='a LoRA folder, "none", or "bundled" (default)'
    )
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        "python -m msr",
        description="Describe items, write a preference out of a history, and rank a catalogue by it.",
        epilog=f"{_PATHS}\n{_CODES}",
        formatter_class=shape,
    )
    commands = parser.add_subparsers(required=True, metavar="{run,describe,fetch}")

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
    run.add_argument("--out", required=True, type=Path, metavar="FILE", help="run.json to write")
    run.add_argument("--pictures", action="store_true", help="put the pictures into the file: it can be shown anywhere")
    run.set_defaults(command=_run)

    describe = commands.add_parser(
        "describe", parents=[common, model], help="items to short factual descriptions",
        epilog=f"{_PATHS}\n{_CODES}", formatter_class=shape,
    )  # fmt: skip
    describe.add_argument("--items", required=True, metavar="PATH", help="items to describe")
    describe.add_argument("--out", required=True, type=Path, metavar="FILE", help="JSON lines to write")
    describe.set_defaults(command=_describe)

    fetch = commands.add_parser(
        "fetch", parents=[common], help="get the pocket model now, so that nothing is downloaded later",
        epilog=_CODES, formatter_class=shape,
    )  # fmt: skip
    fetch.set_defaults(command=_fetch)
    return parser
