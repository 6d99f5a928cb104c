"""`python -m train eval`: figures that can be believed, as JSON and as a Markdown table.

    python -m train eval --dataset movielens --data DIR --adapter runs/sft --users 100 --json out.json

The model is asked through `msr` as the app asks it. An interrupted run goes on with the same command: what the model
scored is kept beside the JSON (`out.scores.jsonl`), what it wrote in the cache of texts.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from msr import backbones
from msr.backbones.protocol import Backbone, BackboneError
from msr.backbones.wrappers import model_key
from msr.options import model_config
from msr.schema import InputProblem
from msr.storage import TextCache, cache_home
from train.data import splits
from train.data.dataset import Dataset
from train.evaluate import comparison, fusion, preferences, tables
from train.evaluate.comparison import EvalConfig
from train.evaluate.model_system import ScoreLog
from train.evaluate.systems import Builder
from train.learn import artifacts
from train.names import ASK_MODEL, DEFAULT_SYSTEMS, NEED_BACKBONE, OPEN, PICTURES, POPULARITY, SYMBOLIC, UNIFORM

BAD_INPUT, NO_MODEL, INTERRUPTED = 2, 3, 130
_TOLD = 10  # pictures that cannot be read, of which it is said why


def run(args: argparse.Namespace) -> int:
    """The command; returns its exit code: 0 done, 2 bad input, 3 no model, 130 interrupted."""
    return finish({PICTURES: _pictures, OPEN: _open}.get(args.dataset, _data_set), args)


def finish(work: Callable[[argparse.Namespace], str], args: argparse.Namespace) -> int:
    """Prints what the work returns, or one line on why there is nothing; returns the exit code."""
    try:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        print(work(args))
        return 0
    except (InputProblem, FileNotFoundError, NotADirectoryError) as error:
        code, message = BAD_INPUT, str(error)
    except BackboneError as error:
        code, message = NO_MODEL, str(error)
    except KeyboardInterrupt:
        code, message = INTERRUPTED, "interrupted; the same command goes on"
    print(f"error: {message}", file=sys.stderr)
    return code


def _pictures(args: argparse.Namespace) -> str:
    """Descriptions of held-out pictures, unseen users and preference quality, merged into the JSON.

    What none are asked for is not measured, and what the JSON says of it stays.
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
    """What the model makes of everyday pictures and titles, written to the JSON and as tables."""
    from train.evaluate.open import benchmark

    return benchmark.run(args, load_backbone(args))


def _data_set(args: argparse.Namespace) -> str:
    """All systems on one data set; the JSON is written anew."""
    config = _config(args)
    data, eval_data = _read(args)
    # A kind of preference that needs what the items lack would silently be empty.
    kind = args.preference or preferences.default(data)
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
    return tables.render(figures)


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
    """The training data, and the data whose users are all test users."""
    from train.data import readers

    data = readers.read(args.dataset, args.data)
    return data, readers.read(args.dataset, args.eval_data, fallback=args.data) if args.eval_data else None


def load_backbone(args: argparse.Namespace) -> Backbone:
    """The one that --backbone and --adapter name. Raises InputProblem and BackboneError."""
    return backbones.load(model_config(args))


def _save_fusion(adapter: Path, figures: dict) -> None:
    """The fused weights beside the adapter, of the first kind of negatives."""
    kind = figures["protocol"]["negatives"][0]
    weights = figures["fusion"][kind]
    fits = [weights[name] for name in ("mllm+popularity", "fused") if name in weights]
    if fits:
        fusion.save(
            adapter,
            fits,
            dataset=figures["dataset"],
            negatives=kind,
            validation_users=figures["protocol"]["fusion_users"],
            preference=figures["protocol"]["preference"],
            adapter_sha256=figures["model"]["adapter_sha256"],
            seed=figures["seed"],
        )
