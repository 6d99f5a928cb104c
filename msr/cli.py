"""The same job without a browser: `python -m msr {run,describe,index,bench,fetch}`.

Results go to files, progress and errors to stderr. torch is imported only once the input has been accepted.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from msr import backbones, intake, shards, threads
from msr import catalogue as catalog
from msr.backbones.protocol import Backbone, BackboneError
from msr.config import LIMITS, BackboneConfig, PipelineConfig
from msr.events import Finished, ItemDescribed, StageProgress
from msr.options import parser
from msr.pipeline import Pipeline
from msr.retrieval import index as retrieval
from msr.retrieval.index import Index
from msr.retrieval.shortlist import tower
from msr.schema import InputProblem, Item
from msr.storage import TextCache, cache_home

DONE, FAILED, BAD_INPUT, NO_MODEL, INTERRUPTED = 0, 1, 2, 3, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code; bad usage raises SystemExit(2), as argparse does."""
    threads.share()
    args = parser({"run": _run, "describe": _describe, "index": _index, "bench": _bench, "fetch": _fetch}).parse_args(
        argv
    )
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
        config = PipelineConfig(block_size=args.block_size, top=args.top, shortlist=args.shortlist)
    except ValueError as error:
        raise InputProblem(str(error)) from None
    out = _writable(args.out)
    history = _items(args.history, LIMITS.max_history)
    catalogue = _items(args.catalogue, args.most)
    index = Index.open(args.index) if args.index else None
    pipeline = Pipeline(_backbone(args, progress), config, _cache(), index)
    with _stopping() as stop:
        for event in pipeline.run(history, catalogue, stop=stop):
            if isinstance(event, StageProgress):
                progress(f"{event.stage} {event.done}/{event.total}", event.done / max(event.total, 1))
            elif isinstance(event, Finished):
                record = event.run.to_json(pictures=args.pictures)
                _write(out, json.dumps(record, ensure_ascii=False, indent=1) + "\n")
    return args.out


def _describe(args: argparse.Namespace, progress: Progress) -> Path:
    """Items in, one described item a line out, in the order of the items; several processes share them."""
    out, shard = _writable(args.out), shards.joined()
    items = shard.part(_items(args.items, args.most))
    pipeline = Pipeline(_backbone(args, progress), cache=_cache())
    with _stopping() as stop:
        _write(shard.file(out), _lines(items, pipeline.describe(items, stop=stop), progress))
    shard.wait()
    if shard.main and shard.count > 1:
        _write(out, shard.merged(out))
        shard.clear(out)
    return args.out


def _index(args: argparse.Namespace, progress: Progress) -> str:
    """Builds an index or brings it up to date; with --check, asks how much of the full ranking its shortlist finds."""
    items = _items(args.catalogue, args.most)
    if args.check:
        from msr.bench import recall

        index = Index.open(args.out)
        histories = [_items(source, LIMITS.max_history) for source in args.history or _all_stories()]
        found = recall.check(_backbone(args, progress), index, items, histories, _cache(), progress)
        return recall.markdown(found, len(items))
    before = Index.at(args.out)
    told = _descriptions(args.descriptions) if args.descriptions else {}
    backbone = _backbone(args, progress)

    def report(done: int, total: int) -> None:
        progress(f"pictures {done}/{total}", done / total)

    made = retrieval.build(items, backbone.views, tower(backbone), told, before, args.out, report)
    made.save(args.out)
    return f"{len(items)} items in {args.out}"


def _bench(args: argparse.Namespace, progress: Progress) -> str:
    """The table on stdout, everything into the JSON."""
    from msr import bench

    out = _writable(args.json) if args.json else None
    sizes = {name: getattr(args, name) for name in ("score", "describe", "histories", "baselines", "index")}
    chosen = {name: size for name, size in sizes.items() if size is not None}
    result = bench.run(lambda: _backbone(args, progress), chosen, args.quick, args.include, progress)
    if out:
        _write(out, json.dumps(result.to_json(), ensure_ascii=False, indent=1) + "\n")
    return result.markdown()


def _all_stories() -> list[str]:
    return [f"{catalog.DEMO}:{story.id}" for story in catalog.stories()]


def _descriptions(path: Path) -> dict[str, str]:
    """What `python -m msr describe` wrote, by item id. Raises InputProblem."""
    try:
        lines = [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]
        return {str(line["id"]): str(line["description"]) for line in lines}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise InputProblem(f"--descriptions {path}: not a file that python -m msr describe wrote.") from None


def _fetch(args: argparse.Namespace, progress: Progress) -> Path:
    """Gets the bundled model's weights and converts them, so that later commands need no network."""
    from msr.backbones.pocket import assemble

    return assemble.fetch(progress)


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
            "confidence": texts[item.id].sure,
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
    config = BackboneConfig(name=args.backbone, adapter=adapter, weights=args.weights)
    return backbones.load(config, progress)


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


# ---- How far a job is, on a terminal or in a log.


_PAUSE = 2.0  # seconds between two lines of a log


class Progress:
    """Call it with a message and a fraction in [0, 1].

    A terminal shows one line that is written over; anything else gets a line now and then and one at the end of
    each stage (fraction 1). A quiet one writes nothing.
    """

    def __init__(self, stream: TextIO, quiet: bool = False) -> None:
        self._stream = stream
        self._quiet = quiet
        self._terminal = stream.isatty()
        self._last = ("", -_PAUSE)  # the line and when it was written

    def __call__(self, message: str, fraction: float) -> None:
        line = f"{message} {min(max(fraction, 0.0), 1.0):.0%}"
        said, when = self._last
        now = time.monotonic()
        if self._quiet or line == said or not (self._terminal or fraction >= 1 or now - when >= _PAUSE):
            return
        self._last = (line, now)
        if self._terminal:
            self._stream.write(f"\r\033[K{line[: shutil.get_terminal_size().columns - 1]}")
        else:
            self._stream.write(f"{line}\n")
        self._stream.flush()

    def clear(self) -> None:
        """Makes room for another line on a terminal."""
        if self._terminal and not self._quiet:
            self._stream.write("\r\033[K")
            self._stream.flush()
