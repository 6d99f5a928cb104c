"""`python -m train eval`: evaluate systems on a data set, as JSON and as a Markdown table.

    python -m train eval --dataset movielens --data DIR --adapter runs/sft --users 100 --json out.json

The model runs through `msr`, as in the app. An interrupted run goes on with the same command: scores are kept beside
the JSON (`out.scores.jsonl`), and texts in the cache of texts.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from msr import backbones
from msr.backbones.protocol import Backbone
from msr.backbones.wrappers import model_key
from msr.options import model_config
from msr.schema import InputProblem
from msr.storage import TextCache, cache_home
from train.data import splits
from train.data.dataset import Dataset
from train.evaluate import comparison, model_system, systems
from train.evaluate.comparison import EvalConfig
from train.evaluate.model_system import ScoreLog
from train.evaluate.systems import Builder
from train.learn import artifacts
from train.names import ASK_MODEL, DEFAULT_SYSTEMS, NEED_BACKBONE, OPEN, PICTURES, POPULARITY, SYMBOLIC, UNIFORM

_TOLD = 10  # at most this many unreadable pictures are named


def run(args: argparse.Namespace) -> None:
    """Evaluate, write the JSON and print where it is or its tables.

    Raises:
        InputProblem: bad options or data.
        BackboneError: the model cannot be loaded.
    """
    args.json.parent.mkdir(parents=True, exist_ok=True)
    print({PICTURES: _pictures, OPEN: _open}.get(args.dataset, _data_set)(args))


def _pictures(args: argparse.Namespace) -> str:
    """Evaluate descriptions of held-out pictures, unseen users and preference quality, and merge them into the JSON.

    A part for which 0 pictures or users are asked is left out, and its earlier figures in the JSON stay.
    """
    from train.evaluate import held_out, preference_quality
    from train.teach import material as data

    simulated = args.users // 2 if args.quality_users is None else args.quality_users
    material = data.load(args.data, drawn=args.drawn)
    backbone = load_backbone(args)
    if args.pictures or args.users:
        figures = held_out.evaluate(backbone, material, args.pictures, args.users, args.seed)
        artifacts.update(args.json, evaluated=dict(backbone.identity()), **figures)
    if simulated:
        texts = TextCache(cache_home() / "texts")
        supported = preference_quality.of_simulated_users(backbone, material, simulated, args.seed, texts)
        artifacts.update(args.json, preference_quality={"model": model_key(backbone.identity()), **supported})
    return str(args.json)


def _open(args: argparse.Namespace) -> str:
    """Evaluate descriptions of everyday pictures and titles; write the JSON and return the tables."""
    from train.evaluate.open import benchmark

    return benchmark.run(args, load_backbone(args))


def _data_set(args: argparse.Namespace) -> str:
    """Compare systems on one data set; write the JSON and return the tables."""
    config = _config(args)
    data, eval_data = _read(args)
    # For items without genres, symbolic preferences would be empty texts.
    kind = args.preference or model_system.default_preference(data)
    if kind == SYMBOLIC and data.kind != "movielens":
        raise InputProblem("--preference symbolic knows films with genres only; use generated or titles.")
    backbone = load_backbone(args) if NEED_BACKBONE & set(config.systems) else None
    builder = Builder(
        {**data.items, **(eval_data.items if eval_data else {})},
        backbone,
        TextCache(cache_home() / "texts"),
        ScoreLog(args.json.with_suffix(".scores.jsonl")),
        kind,
    )
    figures = {"dataset": data.kind} | comparison.compare(builder, splits.roles(data, eval_data, args.split), config)
    figures |= {
        "model": dict(backbone.identity()) if backbone else None,
        "data": {"train": dict(data.hashes), "eval": dict(eval_data.hashes) if eval_data else None},
        "dropped": {"train": dict(data.dropped), "eval": dict(eval_data.dropped) if eval_data else None},
        "pictures_refused": {"count": len(builder.refused), "first": list(builder.refused.values())[:_TOLD]},
        "split": args.split,
        "seed": args.seed,
        "versions": artifacts.versions(),
    }
    args.json.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    _tell(list(builder.refused.values()))
    if args.adapter not in ("bundled", "none"):
        _save_fusion(Path(args.adapter), figures)
    return comparison.render(figures)


def _tell(refused: list[str]) -> None:
    """Print why pictures could not be read; their items were asked about by their titles."""
    if refused:
        print(f"note: {len(refused)} pictures cannot be read; titles alone were used.", file=sys.stderr)
    for sentence in refused[:_TOLD]:
        print(f"note: {sentence}", file=sys.stderr)


def _config(args: argparse.Namespace) -> EvalConfig:
    tuned = args.adapter != "none"
    asked = args.systems or [n for n in DEFAULT_SYSTEMS if tuned or n == "untuned" or n not in ASK_MODEL]
    if not tuned and (wrong := [name for name in asked if name in ASK_MODEL and name != "untuned"]):
        raise InputProblem(f"{wrong[0]} needs an adapter; give --adapter, or leave it out of --systems.")
    both = (UNIFORM, POPULARITY)
    return EvalConfig(
        args.users,
        args.validation_users,
        both if args.negatives == "both" else (args.negatives,),
        tuple(asked),
        args.full_catalogue,
        args.full_model_users,
        args.seed,
    )


def _read(args: argparse.Namespace) -> tuple[Dataset, Dataset | None]:
    """The training data, and the evaluation data, whose users are all test users."""
    from train.data import readers

    data = readers.read(args.dataset, args.data)
    return data, readers.read(args.dataset, args.eval_data, fallback=args.data) if args.eval_data else None


def load_backbone(args: argparse.Namespace) -> Backbone:
    """Load the model that --backbone and --adapter name. Raises InputProblem and BackboneError."""
    return backbones.load(model_config(args))


def _save_fusion(adapter: Path, figures: dict) -> None:
    """Save the weights of fusion beside the adapter, those for the first kind of negatives."""
    kind = figures["protocol"]["negatives"][0]
    weights = figures["fusion"][kind]
    fits = [weights[name] for name in ("mllm+popularity", "fused") if name in weights]
    if fits:
        systems.save_fusion(
            adapter,
            fits,
            dataset=figures["dataset"],
            negatives=kind,
            validation_users=figures["protocol"]["fusion_users"],
            preference=figures["protocol"]["preference"],
            adapter_sha256=figures["model"]["adapter_sha256"],
            seed=figures["seed"],
        )
