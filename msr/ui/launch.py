"""Start the web page from the options of `msr app`."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from msr import backbones
from msr.catalogue import load as load_catalogue
from msr.catalogue import stories, story_items
from msr.config import LIMITS, BackboneConfig, Limits
from msr.options import CHANGEABLE_LIMITS, model_config
from msr.pipeline import Pipeline
from msr.reviews import ReviewLog
from msr.schema import InputProblem, Item
from msr.storage import TextCache, assets, cache_home, data_home
from msr.ui import build_app
from msr.ui.hosts import LOCAL, Hosts
from msr.ui.serving import Server
from msr.ui.stores import recorded

_ENCODED_FIRST = 400  # catalogue pictures whose views are computed before the first run, and kept on disk


def run(args: argparse.Namespace) -> int:
    """Serve the page until it is interrupted; return the exit code. Raises InputProblem for a bad option."""
    if args.mcp and importlib.util.find_spec("mcp") is None:
        raise InputProblem('--mcp needs another package: pip install "gradio[mcp]"')
    if args.mcp and args.auth:
        raise InputProblem("--mcp cannot be used with --auth: MCP clients have no way to sign in here.")
    limits = changed_limits(args.limit)
    catalogue = load_catalogue(args.catalogue, limits)
    model = model_config(args)
    auth = accounts(args.auth)
    hosts = allowed_hosts(args.host, args.allow_host, args.proxy)
    reviews = ReviewLog(args.reviews or data_home() / "reviews.jsonl")
    examples = [(story, story_items(story.id)) for story in stories()]
    runs, problems = recorded(args.runs or assets() / "demo" / "runs", catalogue, examples)
    for sentence in catalogue.left_out:
        print(f"note: {sentence}", file=sys.stderr)
    for problem in problems:
        print(f"left out: {problem}", file=sys.stderr)
    server = build_app(
        _loader(model, catalogue.items),
        catalogue,
        examples,
        limits=limits,
        recorded=runs,
        reviews=reviews,
        results=(args.results, assets() / "results", assets() / "pocket"),
        auth=auth,
        mcp=args.mcp,
        hosts=hosts,
    )
    if args.host not in LOCAL and not auth:
        print("note: without --auth everybody who reaches this address can use it (docs/security.md)", file=sys.stderr)
    host = f"[{args.host}]" if ":" in args.host else args.host
    print(f"MSR Studio: http://{host}:{args.port}  (Ctrl+C ends it)", flush=True)
    return Server(server, args.host, args.port, hosts.proxies).until_ended()


def _loader(config: BackboneConfig, catalogue: Sequence[Item]) -> Callable[..., Pipeline]:
    """A function that loads the model. Only its call imports torch, so the page is there before the model."""
    pictures = [item.picture for item in catalogue if item.picture][:_ENCODED_FIRST]

    def load(report: Callable[[str, float], None]) -> Pipeline:
        backbone = backbones.load(config, report)
        for start in range(0, len(pictures), 8):
            report("Looking at the catalogue", start / len(pictures))
            backbone.certainty(pictures[start : start + 8])
        return Pipeline(backbone, cache=TextCache(cache_home() / "texts"))

    return load


def changed_limits(options: Sequence[str]) -> Limits:
    """The default limits with the changes of `--limit NAME=NUMBER`. Raises InputProblem."""
    changes = {}
    for option in options:
        name, _, number = option.partition("=")
        if name not in CHANGEABLE_LIMITS or not number.isdecimal():
            raise InputProblem(f"--limit {option}: write NAME=NUMBER; NAME is one of {', '.join(CHANGEABLE_LIMITS)}.")
        changes[name] = int(number)
    try:
        return replace(LIMITS, **changes)
    except ValueError as error:
        raise InputProblem(f"--limit: {error}.") from None


def allowed_hosts(host: str, names: Sequence[str], proxies: Sequence[str] = ()) -> Hosts:
    """The hosts that requests may name: those of `--allow-host` and the address served on; and the proxies believed.

    Raises InputProblem.
    """
    option = "--allow-host"
    try:
        hosts = Hosts(frozenset([*names, *({host.lower()} - {"0.0.0.0", "::"})]))
        option = "--proxy"
        return replace(hosts, proxies=frozenset(proxies))
    except ValueError as error:
        raise InputProblem(f"{option}: {error}.") from None


def accounts(file: Path | None) -> list[tuple[str, str]] | None:
    """The names and passwords in a file; None without a file. Raises InputProblem.

    They come from a file because other users of the computer can see command lines.
    """
    if file is None:
        return None
    try:
        lines = [line for line in file.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError):
        raise InputProblem(f"--auth {file}: the file cannot be read.") from None
    pairs = [line.partition(":") for line in lines]
    if not pairs or not all(name and password for name, _, password in pairs):
        raise InputProblem(f"--auth {file}: write one NAME:PASSWORD on each line.")
    return [(name.strip(), password.strip()) for name, _, password in pairs]
