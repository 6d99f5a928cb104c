"""`python -m train sft --dataset KIND`: a recommender from any interaction data; resumable.

In the manner of TALLREC (arXiv 2305.00447): recent titles stand in place of a preference text. Only the LoRA learns.
The pocket model learns on titles alone, and its connector stays as it is in the run that it starts
from. A checkpoint (`--backbone NAME`) sees the candidates' pictures where the data have some. With `--validate-every`,
the weights that are kept are those of the highest AUC on slates of validation users. What is tested is in neither
(`train.data.splits`).
"""

from __future__ import annotations

import argparse
import random
from functools import partial

import torch

from msr import backbones
from msr.backbones.pocket import assemble
from msr.backbones.transformers.backbone import LocalBackbone
from msr.config import BackboneConfig
from msr.schema import InputProblem
from train.data import readers, splits
from train.learn import artifacts
from train.learn.distributed import joined
from train.learn.loop import LoopConfig, fit
from train.learn.model import CheckpointLearner, Learner
from train.learn.pocket_training import frozen_dtype
from train.learn.validation import slate_auc
from train.names import POCKET
from train.teach.examples import LogSlates, Slate

SLATES = 3  # users a step
VALIDATION_SLATES = 200  # the same ones each time


def run(args: argparse.Namespace) -> None:
    """Trains, or goes on, and leaves an adapter in `args.out`.

    Raises:
        IntakeError: the data are not in their format.
        BackboneError: the checkpoint cannot be had.
        InputProblem: a bad setting, or too little data.
    """
    config = LoopConfig(
        args.steps,
        lora_lr=args.lora_lr,
        seed=args.seed,
        accumulate=args.accumulate,
        precision=args.precision,
        validate_every=args.validate_every,
        patience=args.patience,
        workers=args.workers,
        shard=args.shard,
    )
    if args.workers and args.backbone != POCKET:
        raise InputProblem(
            "--workers is for the pocket model: a checkpoint looks at pictures while it reads a step. Leave it out."
        )
    data = readers.read(args.dataset, args.data)
    who = splits.roles(data, split=args.split)
    pictured = args.backbone != POCKET
    slates = LogSlates(data.items, who.train, pictured)
    torch.manual_seed(args.seed)
    with joined().main_process_first():
        learner, store = _checkpoint(args) if pictured else (_pocket(args), {})
    args.out.mkdir(parents=True, exist_ok=True)
    if args.start:
        artifacts.load_into(learner, args.start, connector=not pictured)

    def draw(rng: random.Random) -> tuple[str, list[Slate]]:
        return "recommend", [slates(rng) for _ in range(args.batch * SLATES)]

    validate = None
    if config.validate_every:
        unseen, rng = LogSlates(data.items, who.validation, pictured), random.Random("validation")
        validate = partial(slate_auc, slates=[unseen(rng) for _ in range(VALIDATION_SLATES)], store=store)
    started_from = args.start and artifacts.adapter_hash(args.start)
    made_from = {
        "stage": f"sft on {data.kind}",
        "data": dict(data.hashes),
        "split": args.split,
        "seed": args.seed,
        "batch": args.batch,
        "start": started_from,
    }
    done = fit(learner, config, draw, store, args.out, validate, made_from)
    if pictured:
        artifacts.save_lora(learner, args.out, args.backbone)
    else:
        artifacts.save(learner, args.out)
    if not joined().is_main_process:
        return
    artifacts.update_record(
        args.out,
        sft={
            "config": {
                **done["config"],
                "rank": args.rank,
                "rows": args.batch * SLATES,
                "mix": {"recommend": [1.0, SLATES]},
            },
            "dataset": data.kind,
            "split": args.split,
            "backbone": args.backbone,
            "started_from": started_from,
            **artifacts.loop(done),
            "users": len(who.train),
        },
        versions=artifacts.versions(),
        data=dict(data.hashes),
        seed=args.seed,
        adapter_sha256=artifacts.adapter_hash(args.out),
    )


def _pocket(args: argparse.Namespace) -> Learner:
    if not args.start:
        raise InputProblem("--start is missing. Name the folder of a run whose connector the pocket model is to use.")
    checkpoint = str(assemble.fetch(lambda message, fraction: None))
    return Learner(checkpoint, args.rank, 2 * args.rank, False, frozen_dtype(args.precision))


def _checkpoint(args: argparse.Namespace):
    """The learner, and the store of the pictures that it has read."""
    backbone = backbones.load(BackboneConfig(args.backbone, "none", offline=args.offline))
    if not isinstance(backbone, LocalBackbone):
        raise InputProblem(f"--backbone {args.backbone} cannot be trained. Name a checkpoint that is loaded here.")
    learner = CheckpointLearner(backbone, args.rank, 2 * args.rank)
    return learner, learner.store
