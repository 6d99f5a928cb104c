"""Run the benchmark on everyday pictures and titles that training never saw; write JSON and tables.

    python -m train eval --dataset open --data DATA --adapter runs/sft --json runs/sft/open.json

The model's texts stay in the cache of texts, so the same command resumes an interrupted run.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from msr.backbones.protocol import Backbone
from msr.backbones.wrappers import CachedBackbone, model_key
from msr.schema import InputProblem
from msr.storage import TextCache, cache_home
from train.evaluate.comparison import interval_text, markdown_table
from train.evaluate.open import naming, tastes, titles
from train.learn import artifacts
from train.teach import labelled_pictures
from train.teach.pictures import Shot
from train.teach.things import REPORT
from train.teach.titles import readers

_SHOWN = ("right", "narrower", "group", "hedged", "nothing", "wrong")


def run(args: argparse.Namespace, backbone: Backbone) -> str:
    """Measure what the options ask for, write the JSON and return the tables."""
    figures = evaluate(backbone, args)
    args.json.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return render(figures)


def evaluate(backbone: Backbone, args: argparse.Namespace) -> dict:
    """Measure everything that the options ask for. Raises InputProblem if the data lack `pictures/`."""
    folder = args.data / "pictures"
    if not (folder / "labels.csv").exists():
        raise InputProblem(f"{args.data} has no pictures/labels.csv; --dataset open reads it (docs/datasets.md).")
    started = time.monotonic()
    shots, titled = unseen(args.data)
    cached = CachedBackbone(backbone, TextCache(cache_home() / "texts"))
    found: dict = {"dataset": "open", "model": model_key(backbone.identity()), "seed": args.seed}
    picked = naming.samples(shots, args.pictures, args.seed)
    told = {what: naming.name(cached, some) for what, some in picked.items() if some}
    found |= {what: {"all": naming.shares(named), "samples": naming.told(named)} for what, named in told.items()}
    if "names" in told:
        found["names"]["domains"] = naming.by_domain(told["names"])
    if "unseen classes" in told:
        found["unseen classes"]["group or not sure"] = naming.honest(told["unseen classes"])
    known = {one.shot.key: one for what in ("names", "unseen classes") for one in told.get(what, ())}
    found["confidence"] = naming.confidence(known.values())
    if args.titles:
        found["titles"] = titles.evaluate(cached, titled, args.titles, args.seed)
    if args.users:
        found["tastes"] = tastes.evaluate(cached, [s for s in shots if s.split == "test"], args.users, args.seed)
    return found | {"seconds": round(time.monotonic() - started, 1), "versions": artifacts.versions()}


def unseen(root: Path) -> tuple[list[Shot], list[Shot]]:
    """The labelled pictures and the titled items of `root` that training never saw.

    A picture can have both a label and a title. Two readers then assign it to splits, one by product and one by the
    words of the title. It is unseen only if neither uses it to train, to validate or to calibrate.
    """
    pictures, titled = list(labelled_pictures.read(root / "pictures")), list(readers.load(root))
    seen = {shot.key for shot in (*pictures, *titled) if shot.split not in ("test", REPORT)}
    return [s for s in pictures if s.key not in seen], [s for s in titled if s.key not in seen]


def render(figures: Mapping) -> str:
    """Tables of all shares; brackets are 95 % intervals."""
    parts = [f"open: {figures['seconds']:.0f} s"]
    rows = [
        [what, *(interval_text(shares[each]) for each in _SHOWN), str(shares["right"]["n"])]
        for what, shares in _named(figures)
    ]
    if rows:
        parts.append(markdown_table(["pictures", *_SHOWN, "n"], rows))
    if "unseen classes" in figures:
        parts.append(
            f"unseen classes, group or not sure: {interval_text(figures['unseen classes']['group or not sure'])}"
        )
    if (sure := figures["confidence"]).get("n"):
        rows = [["expected calibration error", interval_text(sure["expected calibration error"])]]
        rows += [[f"risk of the surest {float(c):.0%}", interval_text(value)] for c, value in sure["risk"].items()]
        parts.append(markdown_table(["stated confidence", f"{sure['n']} claims"], rows))
    if domains := figures.get("titles"):
        heads = (*titles.OUTCOMES, titles.INVENTED, titles.KIND)
        some = {**domains["domains"], "all": domains["all"]} if domains["domains"] else {}
        rows = [
            [d, *(interval_text(s[head]) if head in s else "" for head in heads), str(s[heads[0]]["n"])]
            for d, s in some.items()
        ]
        parts.append(markdown_table(["titles", *heads, "n"], rows))
    if liked := figures.get("tastes"):
        names = [name for name in next(iter(liked.values())) if name != "samples"]
        rows = [[what, *(interval_text(s[name]) for name in names), str(s[names[0]]["n"])] for what, s in liked.items()]
        parts.append(markdown_table(["taste", *names, "users"], rows))
    return "\n\n".join(parts)


def _named(figures: Mapping) -> Iterator[tuple[str, Mapping]]:
    for what in ("names", "commonest", "unseen classes"):
        if what in figures:
            yield what, figures[what]["all"]
            yield from ((f"{what}: {domain}", shares) for domain, shares in figures[what].get("domains", {}).items())
