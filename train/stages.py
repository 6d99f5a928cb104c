"""`python -m train align` and `python -m train sft`: the two stages of pocket training, resumable.

*align* teaches the connector and a LoRA to say what a picture shows (image to text). *sft* goes on with all four
tasks behind one adapter (arXiv 2408.09698, section 3.4; DESIGN, section 6).
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable

import torch

from msr.backbones import pocket
from train import artifacts, data, report
from train.encode import Example
from train.features import FeatureStore
from train.loop import LoopConfig, fit
from train.model import Learner, views_of
from train.tasks import Tasks
from train.warmup import warm_up

CONNECTOR_LR = 5e-5  # the warm-up taught it more pictures than the language model ever reads
# How often a kind of picture is described.
ALIGN_KINDS = {"fashion": 0.4, "object": 0.28, "drawn": 0.2, "scene": 0.04, "movie": 0.08}
SFT_KINDS = {"fashion": 0.38, "object": 0.22, "drawn": 0.24, "scene": 0.04, "movie": 0.12}
# Task: (share of the steps, rows a step). Rows are chosen so that every task's step costs about the same.
SFT_MIX = {
    "describe": (0.15, 14),
    "preference": (0.12, 5),
    "explain": (0.1, 8),
    "simulated": (0.25, 3),
    "movies": (0.38, 2),
}


def prepare(args: argparse.Namespace, train_connector: bool = True) -> tuple[Learner, data.Material, FeatureStore]:
    """Model, data and stored tower views for a run in `args.out`."""
    torch.manual_seed(args.seed)
    checkpoint = pocket.fetch(lambda message, fraction: None)
    learner = Learner(str(checkpoint), args.rank, 2 * args.rank, train_connector)
    material = data.load(args.data, drawn=args.drawn)
    store = FeatureStore(args.views)
    if not args.no_new_views:
        learner.inner.eval()
        store.ensure(material.part("train", "validation"), learner.inner, learner.processor.image_processor)
    return learner, material, store


def align(args: argparse.Namespace) -> None:
    learner, material, store = prepare(args)
    tasks = Tasks(material.part("train"), material.users("train"), store)
    args.out.mkdir(parents=True, exist_ok=True)
    if not (args.out / "checkpoint.pt").exists():
        if args.start:
            artifacts.load_into(learner, args.start, connector=False)
        known = [s for s in material.part("train", "validation") if s.key in store]
        warmed = warm_up(
            learner.connector,
            learner.inner.get_input_embeddings().weight.detach(),
            learner.tokens.tokenizer,
            [s for s in known if s.kind == "movie" or s.split == "train"],
            [s for s in known if s.kind != "movie" and s.split == "validation"],
            store,
            args.warmup_epochs,
            args.seed,
        )
        report.update(args.out / "run.json", warm_up=warmed)
    encoder = learner.encoder()

    def step(learner: Learner, rng: random.Random):
        batch = encoder.answers([tasks.describe(rng, _present(ALIGN_KINDS, tasks)) for _ in range(args.rows)])
        return "describe", learner.answer_loss(batch, views_of(store, batch)), batch.tokens

    done = fit(learner, LoopConfig(args.steps, connector_lr=CONNECTOR_LR, seed=args.seed), step, args.out)
    _finish(args, learner, material, tasks, done, "align", args.start and artifacts.adapter_hash(args.start))


def sft(args: argparse.Namespace) -> None:
    learner, material, store = prepare(args)
    tasks = Tasks(material.part("train"), material.users("train"), store)
    args.out.mkdir(parents=True, exist_ok=True)
    if not (args.out / "checkpoint.pt").exists():
        artifacts.load_into(learner, args.start)
    encoder = learner.encoder()
    kinds = _present(SFT_KINDS, tasks)
    makers: dict[str, Callable[[random.Random], Example]] = {
        "describe": lambda rng: tasks.describe(rng, kinds),
        "preference": tasks.preference,
        "explain": tasks.explain,
    }
    mix = {name: part for name, part in SFT_MIX.items() if name != "movies" or tasks.logs}

    def step(learner: Learner, rng: random.Random):
        name = rng.choices(list(mix), [share for share, _ in mix.values()])[0]
        rows = mix[name][1]
        if name in makers:
            batch = encoder.answers([makers[name](rng) for _ in range(rows)])
            return name, learner.answer_loss(batch, views_of(store, batch)), batch.tokens
        make = tasks.simulated_slate if name == "simulated" else tasks.movie_slate
        batch = encoder.slates([make(rng) for _ in range(rows)])
        return name, learner.slate_loss(batch, views_of(store, batch)), batch.tokens

    started_from = artifacts.adapter_hash(args.start)
    done = fit(learner, LoopConfig(args.steps, lora_lr=5e-4, connector_lr=CONNECTOR_LR, seed=args.seed), step, args.out)
    _finish(args, learner, material, tasks, done, "sft", started_from)


def _present(kinds: dict[str, float], tasks: Tasks) -> dict[str, float]:
    return {k: w for k, w in kinds.items() if tasks.shots.get(k)}


def _finish(
    args, learner: Learner, material: data.Material, tasks: Tasks, done: dict, stage: str, start: str | None = None
) -> None:
    """Saves adapter, connector and familiarity, and writes the stage's part of run.json."""
    width = learner.connector.vision_dim
    known = tasks.store.whole(material.part("train"), width)
    unseen = tasks.store.whole([s for s in material.shots if s.kind != "movie" and s.split == "validation"], width)
    artifacts.save(learner, args.out, known, unseen)
    losses = done.pop("losses")
    curve: dict[str, list[float]] = {}
    for _, name, value in losses:
        curve.setdefault(name, []).append(value)
    tenth = {n: [round(sum(p) / len(p), 4) for p in _tenths(v)] for n, v in curve.items()}
    part = {
        "config": {
            **done["config"],
            "warm_up_epochs": getattr(args, "warmup_epochs", None),
            "rank": args.rank,
            "rows": getattr(args, "rows", None),
            "mix": SFT_MIX if stage == "sft" else ALIGN_KINDS,
        },
        "started_from": start,
        "steps": done["step"],
        "seconds": round(done["seconds"], 1),
        "tokens": done["tokens"],
        "mean_loss_by_tenth": tenth,
        "pictures": {k: n for k, v in tasks.shots.items() if (n := sum(s.key in tasks.store for s in v))},
        "titles_without_picture": {
            k: n for k, v in tasks.shots.items() if (n := sum(s.key not in tasks.store for s in v))
        },
        "users": len(tasks.logs),
    }
    report.update(
        args.out / "run.json",
        **{stage: part},
        versions=report.versions(),
        data=material.hashes,
        seed=args.seed,
        adapter_sha256=artifacts.adapter_hash(args.out),
    )


def _tenths(values: list[float]) -> list[list[float]]:
    size = max(1, len(values) // 10)
    return [values[i : i + size] for i in range(0, len(values), size)][:10]
