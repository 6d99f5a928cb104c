"""The command line: `msr {app,run,describe,index,bench,fetch}`, also as `python -m msr`.

Results go to files, progress and errors to stderr. Torch is imported only after the input was accepted.
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
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from msr import backbones, intake, shards
from msr.backbones.protocol import Backbone, BackboneError
from msr.catalogue import DEMO, demo, stories, story_items
from msr.config import ALONE, BESIDE_A_BROWSER, LIMITS, PipelineConfig, set_spin_count
from msr.events import Finished, ItemDescribed, StageProgress
from msr.options import go_offline, model_config, parser
from msr.pipeline import Pipeline
from msr.retrieval import index as retrieval
from msr.retrieval.index import Index
from msr.retrieval.shortlist import tower
from msr.schema import InputProblem, Item
from msr.storage import TextCache, cache_home

DONE, FAILED, BAD_INPUT, NO_MODEL, INTERRUPTED = 0, 1, 2, 3, 130
_PAUSE = 2.0  # seconds between two lines of a log


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Raises SystemExit(2) for bad usage, as argparse does."""
    work: dict[str, Callable[..., object]] = {
        "app": _app, "run": _run, "describe": _describe, "index": _index, "bench": _bench, "fetch": _fetch
    }  # fmt: skip
    words = list(sys.argv[1:] if argv is None else argv)
    set_spin_count(BESIDE_A_BROWSER if words[:1] == ["app"] else ALONE)
    args = parser(work).parse_args(words)
    if getattr(args, "offline", False):
        go_offline()
    progress = Progress(sys.stderr, args.quiet)
    try:
        if args.command is _app:
            return _app(args)
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


def _app(args: argparse.Namespace) -> int:
    """Serve the page until it is interrupted; return the exit code."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # Gradio reads this when it is imported
    from msr.ui import launch

    return launch.run(args)


def _run(args: argparse.Namespace, progress: Progress) -> Path:
    """Rank a catalogue for a history and write `run.json`."""
    try:
        config = PipelineConfig(block_size=args.block_size, top=args.top, shortlist=args.shortlist)
    except ValueError as error:
        raise InputProblem(str(error)) from None
    out = _writable(args.out)
    history, not_in_history = _items(args.history, LIMITS.max_history)
    catalogue, not_offered = _items(args.catalogue, args.most)
    index = Index.open(args.index) if args.index else None
    pipeline = Pipeline(_backbone(args, progress), config, _cache(), index)
    with _stopping() as stop:
        for event in pipeline.run(history, catalogue, stop=stop, left_out=(*not_in_history, *not_offered)):
            if isinstance(event, StageProgress):
                progress(f"{event.stage} {event.done}/{event.total}", event.done / max(event.total, 1))
            elif isinstance(event, Finished):
                record = event.run.to_json(pictures=args.pictures)
                _write(out, json.dumps(record, ensure_ascii=False, indent=1) + "\n")
    return args.out


def _describe(args: argparse.Namespace, progress: Progress) -> Path:
    """Write one described item a line, in the order of the items. Processes of one torchrun share the items."""
    out, shard = _writable(args.out), shards.joined()
    items = shard.part(_items(args.items, args.most)[0])
    pipeline = Pipeline(_backbone(args, progress), cache=_cache())
    with _stopping() as stop:
        _write(shard.file(out), _lines(items, pipeline.describe(items, stop=stop), progress))
    shard.wait()
    if shard.main and shard.count > 1:
        _write(out, shard.merged(out))
        shard.clear(out)
    return args.out


def _index(args: argparse.Namespace, progress: Progress) -> str:
    """Build or update an index; with `--check`, report how much of the full ranking its shortlist finds."""
    items, _ = _items(args.catalogue, args.most)
    if args.check:
        from msr.bench import recall

        index = Index.open(args.out)
        histories = [_items(source, LIMITS.max_history)[0] for source in args.history or _all_stories()]
        found = recall.check(_backbone(args, progress), index, items, histories, _cache(), progress)
        return recall.markdown(found, len(items))
    before = Index.at(args.out)
    descriptions = _descriptions(args.descriptions) if args.descriptions else {}
    backbone = _backbone(args, progress)

    def report(done: int, total: int) -> None:
        progress(f"pictures {done}/{total}", done / total)

    made = retrieval.build(items, backbone.views, tower(backbone), descriptions, before, args.out, report)
    made.save(args.out)
    return f"{len(items)} items in {args.out}"


def _bench(args: argparse.Namespace, progress: Progress) -> str:
    """Time every job; return the table and write all figures to `--json`."""
    from msr import bench

    out = _writable(args.json) if args.json else None
    sizes = {name: getattr(args, name) for name in ("score", "describe", "histories", "baselines", "index")}
    chosen = {name: size for name, size in sizes.items() if size is not None}
    result = bench.run(lambda: _backbone(args, progress), chosen, args.quick, args.include, progress)
    if out:
        _write(out, json.dumps(result.to_json(), ensure_ascii=False, indent=1) + "\n")
    return result.markdown()


def _all_stories() -> list[str]:
    """The PATH of every bundled story."""
    return [f"{DEMO}:{story.id}" for story in stories()]


def _descriptions(path: Path) -> dict[str, str]:
    """The descriptions that `python -m msr describe` wrote, by item id. Raises InputProblem."""
    try:
        lines = [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]
        return {str(line["id"]): str(line["description"]) for line in lines}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise InputProblem(f"--descriptions {path}: not a file that python -m msr describe wrote.") from None


def _fetch(args: argparse.Namespace, progress: Progress) -> Path:
    """Download and convert the weights of the pocket model, so that later commands need no network."""
    from msr.backbones.pocket import assemble

    return assemble.fetch(progress)


@contextlib.contextmanager
def _stopping() -> Iterator[threading.Event]:
    """An event that is set when the block is left for any reason, so that the backbone's threads stop as well."""
    stop = threading.Event()
    try:
        yield stop
    finally:
        stop.set()


def _lines(items: Sequence[Item], described: Iterable[ItemDescribed], progress: Progress) -> str:
    """The described items as JSON lines."""
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


def _items(source: str, most: int) -> tuple[tuple[Item, ...], tuple[str, ...]]:
    """The items that a PATH names, at most `most` of them, and what is not used there, which is also printed.

    Raises InputProblem.
    """
    name, _, story = source.partition(":")
    if name != DEMO:
        items, left_out = intake.read_items(source, most=most)
        for sentence in left_out:
            print(f"note: {sentence}", file=sys.stderr)
        return items, left_out
    items = story_items(story) if story else demo().items
    if len(items) > most:
        raise InputProblem(
            f"{source} has {len(items)} items; at most {most} are read here. Name fewer, such as demo:STORY."
        )
    return items, ()


def _backbone(args: argparse.Namespace, progress: Progress) -> Backbone:
    """The model that the options name."""
    return backbones.load(model_config(args), progress)


def _cache() -> TextCache:
    """The cache of texts that models wrote, on disk."""
    return TextCache(cache_home() / "texts")


def _writable(out: Path) -> Path:
    """The file to write, with links followed. Raises InputProblem now for what would fail after minutes of work."""
    path = out.resolve()
    if not path.parent.is_dir():
        raise InputProblem(f"--out {out}: the folder {path.parent} does not exist. Create it first.")
    if path.exists() and not path.is_file():
        raise InputProblem(f"--out {out} exists and is not a file. Name a file.")
    if not os.access(path.parent, os.W_OK):
        raise InputProblem(f"--out {out}: the folder {path.parent} cannot be written.")
    return path


def _write(path: Path, text: str) -> None:
    """Replace the file as a whole, or leave everything as it was."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        draft.write_text(text, "utf-8")
        os.replace(draft, path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise


class Progress:
    """Print the progress of a job; call it with a message and the fraction done, in [0, 1].

    A terminal shows one line that is overwritten. A log gets a line every few seconds, and one when a stage is done
    (fraction 1). With `quiet`, nothing is printed.
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
        """Clear the line on a terminal, so that something else can be printed."""
        if self._terminal and not self._quiet:
            self._stream.write("\r\033[K")
            self._stream.flush()
