"""`python -m train align` and `python -m train sft`: the two stages of pocket training, resumable.

*align* teaches the connector and a LoRA to say what a picture shows (image to text). *sft* goes on with all four
tasks behind one adapter (arXiv 2408.09698, section 3.4; docs/training.md).

With `--validate-every`, the weights that are kept are those of the best validation: the lowest loss of answers about
validation pictures (align), the highest AUC of validation users' slates (sft). Without it, the last weights.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from msr.backbones.pocket import assemble
from msr.schema import InputProblem
from train.learn import artifacts
from train.learn.distributed import joined
from train.learn.loop import LoopConfig, fit
from train.learn.model import Learner
from train.learn.validation import mean_answer_loss, slate_auc
from train.learn.warmup import warm_up
from train.names import POCKET
from train.teach import material as data
from train.teach.examples import Example, Slate
from train.teach.tasks import Tasks
from train.teach.things import CALIBRATION
from train.teach.views import FeatureStore

CONNECTOR_LR = 5e-5  # the warm-up taught it more pictures than the language model ever reads
# How often a kind of thing is described, in parts of their sum.
ALIGN_KINDS = {
    "picture": 0.4, "fashion": 0.24, "object": 0.14, "drawn": 0.14, "scene": 0.04, "movie": 0.08, "title": 0.5
}  # fmt: skip
SFT_KINDS = {
    "picture": 0.36, "fashion": 0.24, "object": 0.12, "drawn": 0.16, "scene": 0.04, "movie": 0.12, "title": 0.5
}  # fmt: skip
# Task: (share of the steps, rows a step). Rows are chosen so that every task's step costs about the same.
SFT_MIX = {
    "describe": (0.45, 14),
    "preference": (0.1, 5),
    "explain": (0.1, 8),
    "simulated": (0.15, 3),
    "movies": (0.2, 2),
}
VALIDATION_ANSWERS, VALIDATION_SLATES = 200, 60  # the same ones each time


def prepare(args: argparse.Namespace, train_connector: bool = True) -> tuple[Learner, data.Material, FeatureStore]:
    """Model, data and stored tower views for a run in `args.out`; what is missing is fetched and computed once."""
    torch.manual_seed(args.seed)
    with joined().main_process_first():
        checkpoint = assemble.fetch(lambda message, fraction: None)
        learner = Learner(str(checkpoint), args.rank, 2 * args.rank, train_connector, frozen_dtype(args.precision))
        material = data.load(args.data, drawn=args.drawn)
        store = FeatureStore(args.views, learner.view)
        if not args.no_new_views:
            learner.inner.eval()
            wanted = [*material.titled("train", "validation"), *material.part("train", "validation", CALIBRATION)]
            once = list({shot.key: shot for shot in wanted}.values())
            store.ensure(once, learner.inner, learner.processor.image_processor)
    return learner, material, store


def frozen_dtype(precision: str) -> torch.dtype:
    """Of the weights that do not learn: in 16 bits, as they are stored, where the activations are in such bits too."""
    return torch.bfloat16 if precision == "bf16" else torch.float32


def _config(args: argparse.Namespace, **rates: Any) -> LoopConfig:
    return LoopConfig(
        args.steps,
        seed=args.seed,
        accumulate=args.accumulate,
        precision=args.precision,
        validate_every=args.validate_every,
        patience=args.patience,
        workers=args.workers,
        shard=args.shard,
        **rates,
    )


def align(args: argparse.Namespace) -> None:
    """Image to text.

    Raises:
        InputProblem: a bad setting, no picture to warm up with, or validations without a validation picture.
    """
    config = _config(args, lora_lr=args.lora_lr, connector_lr=CONNECTOR_LR)
    learner, material, store = prepare(args)
    tasks = Tasks([*material.part("train"), *material.titled("train")], material.users("train"), store)
    args.out.mkdir(parents=True, exist_ok=True)
    if not (args.out / "checkpoint.pt").exists():
        if args.start:
            artifacts.load_into(learner, args.start, connector=False)
        known = [s for s in material.part("train", "validation", CALIBRATION) if s.key in store]
        if not known:
            raise InputProblem("No picture has a stored view. Leave --no-new-views out, so that views are computed.")
        warmed = warm_up(
            learner.connector,
            learner.inner.get_input_embeddings().weight.detach(),
            learner.tokens.tokenizer,
            [s for s in known if s.kind == "movie" or s.split == "train"],
            [s for s in known if s.kind != "movie" and s.split in ("validation", CALIBRATION)],
            store,
            args.warmup_epochs,
            args.seed,
        )
        artifacts.save_connector(learner, args.out)
        if joined().is_main_process:
            artifacts.update_record(args.out, warm_up=warmed)
    with joined().main_process_first():
        artifacts.load_connector(learner, args.out)  # a checkpoint holds only what goes on learning
    kinds = _present(ALIGN_KINDS, tasks)

    def draw(rng: random.Random) -> tuple[str, list[Example]]:
        return "describe", [tasks.describe(rng, kinds) for _ in range(args.rows)]

    validate = None
    if config.validate_every:
        validate = partial(mean_answer_loss, examples=_unseen_answers(material, store), store=store, rows=args.rows)
    started_from = args.start and artifacts.adapter_hash(args.start)
    done = fit(learner, config, draw, store, args.out, validate, _made_from("align", material, args, started_from))
    _finish(args, learner, material, tasks, done, "align", started_from)


def sft(args: argparse.Namespace) -> None:
    """All four tasks.

    Raises:
        InputProblem: a bad setting, or validations without a validation user.
    """
    config = _config(args, lora_lr=args.lora_lr, connector_lr=CONNECTOR_LR)
    if args.backbone != POCKET or not args.start:
        raise InputProblem(
            "All four tasks are for the pocket model and need --start. To train another checkpoint, give --dataset."
        )
    learner, material, store = prepare(args)
    tasks = Tasks([*material.part("train"), *material.titled("train")], material.users("train"), store)
    args.out.mkdir(parents=True, exist_ok=True)
    artifacts.load_into(learner, args.start)
    kinds = _present(SFT_KINDS, tasks)
    makers: dict[str, Callable[[random.Random], Example | Slate]] = {
        "describe": lambda rng: tasks.describe(rng, kinds),
        "preference": tasks.preference,
        "explain": tasks.explain,
        "simulated": tasks.simulated_slate,
        "movies": tasks.movie_slate,
    }
    mix = {name: part for name, part in SFT_MIX.items() if name != "movies" or tasks.logs}

    def draw(rng: random.Random) -> tuple[str, list[Any]]:
        name = rng.choices(list(mix), [share for share, _ in mix.values()])[0]
        return name, [makers[name](rng) for _ in range(args.batch * mix[name][1])]

    validate = None
    if config.validate_every:
        validate = partial(slate_auc, slates=_unseen_slates(material, store), store=store)
    started_from = artifacts.adapter_hash(args.start)
    done = fit(learner, config, draw, store, args.out, validate, _made_from("sft", material, args, started_from))
    _finish(args, learner, material, tasks, done, "sft", started_from)


def _made_from(stage: str, material: data.Material, args: argparse.Namespace, start: str | None) -> dict[str, Any]:
    rows = {name: getattr(args, name) for name in ("rows", "batch") if hasattr(args, name)}
    made = {"stage": stage, "data": dict(material.hashes), "drawn": args.drawn, "seed": args.seed, "start": start}
    return made | rows


def _unseen_answers(material: data.Material, store: FeatureStore) -> list[Example]:
    """Descriptions of validation pictures and titles; films are left out, since all of them are trained on."""
    pictured = [s for s in material.part("validation") if s.kind != "movie"]
    tasks = Tasks([*pictured, *material.titled("validation")], [], store)
    kinds = _present(ALIGN_KINDS, tasks)
    if not kinds:
        raise InputProblem(
            "No validation picture has a stored view, and there are no titles. Leave --validate-every out, or "
            "--no-new-views."
        )
    rng = random.Random("validation")
    return [tasks.describe(rng, kinds) for _ in range(VALIDATION_ANSWERS)]


def _unseen_slates(material: data.Material, store: FeatureStore) -> list[Slate]:
    """Slates of validation users, whose logs are not trained on."""
    tasks = Tasks(material.part("validation"), material.users("validation"), store)
    if not tasks.logs:
        raise InputProblem("No validation user of the data has 12 items. Leave --validate-every out.")
    rng = random.Random("validation")
    return [tasks.movie_slate(rng) for _ in range(VALIDATION_SLATES)]


def _present(kinds: dict[str, float], tasks: Tasks) -> dict[str, float]:
    return {k: w for k, w in kinds.items() if tasks.shots.get(k)}


def _finish(
    args, learner: Learner, material: data.Material, tasks: Tasks, done: dict, stage: str, start: str | None = None
) -> None:
    """Save the weights and write the stage's part of the training record; every process must call it."""
    artifacts.save(learner, args.out)
    if not joined().is_main_process:
        return
    part = {
        "config": {
            **done["config"],
            "warm_up_epochs": getattr(args, "warmup_epochs", None),
            "rank": args.rank,
            "rows": getattr(args, "rows", None),
            "batch": getattr(args, "batch", 1),
            "mix": SFT_MIX if stage == "sft" else ALIGN_KINDS,
        },
        "started_from": start,
        **artifacts.loop(done),
        "pictures": {k: n for k, v in tasks.shots.items() if (n := sum(s.key in tasks.store for s in v))},
        "titles_without_picture": {
            k: n for k, v in tasks.shots.items() if (n := sum(s.key not in tasks.store for s in v))
        },
        "users": len(tasks.logs),
    }
    artifacts.update_record(
        args.out,
        **{stage: part},
        versions=artifacts.versions(),
        data=material.hashes,
        seed=args.seed,
        adapter_sha256=artifacts.adapter_hash(args.out),
    )
