"""`python -m train experiment`: run an experiment; write JSON, tables and a plot.

Every answer is stored as one line, so an interrupted run goes on with the same command.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from msr.backbones.protocol import Backbone
from msr.backbones.wrappers import CachedBackbone, model_key
from msr.schema import InputProblem
from msr.storage import TextCache, cache_home
from train.data import readers
from train.evaluate.command import load_backbone
from train.evaluate.experiments import faithfulness, grid, planted, plots, questions, stuffing, users
from train.evaluate.experiments.grid import Plan, UserLines
from train.evaluate.experiments.questions import Study
from train.learn import artifacts
from train.teach import pictures
from train.teach.pictures import Shot

DRAWN_WORDS = 400  # drawn things, enough for every attribute word to occur


def run(args: argparse.Namespace) -> None:
    """Run an experiment, write its files and print its tables. Raises InputProblem and BackboneError."""
    args.json.parent.mkdir(parents=True, exist_ok=True)
    work = {"planted": _planted, "faithfulness": _faithfulness, "stuffing": _stuffing}.get(args.experiment, _grid)
    print(work(args))


def _planted(args: argparse.Namespace) -> str:
    whole, pool = _pools(args)
    people = list(users.planted(args.catalogue, pool, args.users, args.seed))
    backbone = CachedBackbone(load_backbone(args), TextCache(cache_home() / "texts"))
    log, settings = _log(args, backbone, catalogue=args.catalogue)
    started = time.monotonic()
    planted.run(backbone, people, planted.vocabulary_of(people, whole), log)
    found = planted.summary([log.known[user.name] for user in people], args.catalogue)
    args.json.with_suffix(".svg").write_text(planted.plot(found), encoding="utf-8")
    return _written(args, f"planted, {args.catalogue}", found, planted.markdown(found), settings, started)


def _faithfulness(args: argparse.Namespace) -> str:
    people = list(users.planted("drawn", (), args.users, args.seed, faithfulness.BLOCKS))
    backbone = CachedBackbone(load_backbone(args), TextCache(cache_home() / "texts"))
    log, settings = _log(args, backbone, reading=args.reading, pictures=args.pictures)
    started = time.monotonic()
    faithfulness.run(backbone, people, args.reading, args.pictures, args.seed, log)
    found = faithfulness.summary([log.known[user.name] for user in people])
    return _written(args, "faithfulness", found, faithfulness.markdown(found), settings, started)


def _stuffing(args: argparse.Namespace) -> str:
    backbone = CachedBackbone(load_backbone(args), TextCache(cache_home() / "texts"))
    settings = {"experiment": args.experiment, "candidates": args.candidates, "model": model_key(backbone.identity())}
    started = time.monotonic()
    records = stuffing.run(backbone, args.candidates)
    found = stuffing.summary(records) | {"records": records}
    return _written(args, "demo", found, stuffing.markdown(found), settings, started)


def _grid(args: argparse.Namespace) -> str:
    """Run one of the experiments on recommending; write JSON, Markdown, CSV and PNG."""
    data = readers.read(args.dataset, args.data)
    if args.experiment == "image-summary":
        data = questions.narrowed(data, args.items)
    backbone = load_backbone(args)
    varied = {name: getattr(args, name) for name in ("history", "items") if hasattr(args, name)}
    log, settings = _log(args, backbone, data=dict(data.hashes), **varied)
    started = time.monotonic()
    study = Study(data, backbone, TextCache(cache_home() / "texts"), args.users, args.seed)
    plan = _PLANS[args.experiment](study, args, log)
    grid.run(plan, log)
    found = grid.summary(plan, log)
    args.json.with_suffix(".csv").write_text(grid.as_csv(found), encoding="utf-8")
    args.json.with_suffix(".png").write_bytes(plots.png(plots.intervals(grid.plot(plan, found))))
    return _written(args, data.kind, found, grid.markdown(plan, found), settings, started)


_PLANS: Mapping[str, Callable[[Study, argparse.Namespace, UserLines], Plan]] = {
    "image-summary": lambda study, args, log: questions.image_summary(study),
    "block-size": lambda study, args, log: questions.block_size(study, args.history),
    "ablation": lambda study, args, log: questions.ablation(study, args.history),
    "context-length": lambda study, args, log: questions.context_length(study),
    "negatives": lambda study, args, log: questions.negatives(study, args.history, log),
}


def _pools(args: argparse.Namespace) -> tuple[list[Shot], list[Shot]]:
    """The shots whose attribute words are known, and those that users may be given."""
    if args.catalogue == "drawn":
        return list(itertools.islice(pictures.drawn(DRAWN_WORDS, users.DRAWN_SEED), DRAWN_WORDS)), []
    if args.data is None:
        raise InputProblem("--catalogue fashion needs --data, a folder with fashion-products/.")
    whole = list(pictures.fashion(args.data / "fashion-products"))
    return whole, [shot for shot in whole if shot.split == "test"]


def _log(args: argparse.Namespace, backbone: Backbone, **more: Any) -> tuple[UserLines, dict[str, Any]]:
    settings = {"experiment": args.experiment, "seed": args.seed, "model": model_key(backbone.identity()), **more}
    return UserLines(args.json.with_suffix(".users.jsonl"), settings), settings


def _written(
    args: argparse.Namespace, dataset: str, found: Mapping[str, Any], table: str, settings: dict, started: float
) -> str:
    """Write the JSON and the Markdown beside it; return the Markdown."""
    whole = {"dataset": dataset, **found, "settings": settings, "versions": artifacts.versions()}
    whole["seconds"] = round(time.monotonic() - started, 1)
    args.json.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    args.json.with_suffix(".md").write_text(table + "\n", encoding="utf-8")
    return table
