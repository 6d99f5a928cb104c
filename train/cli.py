"""Training from the command line.

python -m train prepare --dataset movielens --data ml-latest-small --out data/movies
python -m train align --data DATA --out runs/align
python -m train sft --data DATA --start runs/align --out runs/sft
torchrun --nproc_per_node 2 -m train sft --data DATA --start runs/align --out runs/sft
python -m train speed --json speed.json
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from msr import options
from msr.config import set_spin_count
from msr.schema import InputProblem
from train.data.readers import KINDS
from train.names import BY_USER, DATASETS, OPEN, PICTURES, POCKET, PRECISIONS, PREFERENCES, SPLITS, SYSTEMS

DONE, BAD_INPUT, NO_MODEL, INTERRUPTED = 0, 2, 3, 130  # exit codes
_SPLIT = "who is held out: some users (default), or what everybody chose last, from one moment on (docs/evaluation.md)"


def parser() -> argparse.ArgumentParser:
    main = argparse.ArgumentParser(
        prog="python -m train", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = main.add_subparsers(dest="command", required=True)
    one = commands.add_parser("prepare", help="interaction logs in an official format -> one plain folder")
    one.add_argument("--dataset", choices=KINDS, required=True)
    one.add_argument("--data", type=Path, required=True, help="folder with the files of that format (docs/datasets.md)")
    one.add_argument("--out", type=Path, required=True, help="new folder")
    one.add_argument("--fallback", type=Path, help="folder that has the titles and pictures which --data lacks")
    amazon = one.add_argument_group("amazon only")
    amazon.add_argument("--k-core", type=int, help="fewest interactions of a user and of an item (default 5)")
    amazon.add_argument("--images", type=Path, help="folder of pictures (default: images/ in --data)")
    amazon.add_argument(
        "--download-images", action="store_true", default=None, help="download the pictures that --images lacks"
    )
    for name, steps, text in (
        ("align", 1500, "train the connector and a LoRA to describe pictures"),
        ("sft", 2500, "train all four tasks, from an aligned model"),
    ):
        one = commands.add_parser(name, help=text)
        one.add_argument("--data", type=Path, required=True, help="folder that holds the data sets (docs/datasets.md)")
        one.add_argument("--out", type=Path, required=True, help="run folder; an unfinished run in it is resumed")
        one.add_argument(
            "--views", type=Path, default=Path("runs/features"), help="folder of the vision tower's stored views"
        )
        one.add_argument("--no-new-views", action="store_true", help="train only on pictures whose views are stored")
        one.add_argument("--steps", type=int, default=steps)
        one.add_argument("--rank", type=_positive, default=16, help="LoRA rank")
        one.add_argument("--drawn", type=int, default=1500, help="pictures drawn for training")
        one.add_argument("--seed", type=int, default=7)
        options.add_offline(one)
        some = one.add_argument_group("loop")
        some.add_argument(
            "--accumulate", type=int, default=1, help="gradient accumulation: forward passes per optimiser step"
        )
        some.add_argument("--precision", choices=PRECISIONS, default="no", help="mixed precision (default %(default)s)")
        some.add_argument(
            "--workers", type=int, default=0, help="worker processes that prepare steps, to keep a GPU busy"
        )
        some.add_argument("--shard", action="store_true", help="spread every layer over the processes (torchrun, FSDP)")
        some.add_argument(
            "--validate-every",
            type=int,
            default=0,
            help="steps between validations; the best weights are kept (0: none)",
        )
        some.add_argument(
            "--patience", type=int, default=0, help="stop after this many validations without a gain (0: do not)"
        )
        some.add_argument("--lora-lr", type=float, default=5e-4, help="highest learning rate (default %(default)s)")
        if name == "align":
            one.add_argument("--rows", type=_positive, default=12, help="pictures a step")
            one.add_argument(
                "--warmup-epochs", type=_positive, default=12, help="passes over the pictures (default %(default)s)"
            )
            one.add_argument("--start", type=Path, help="folder of an earlier run; its LoRA is continued")
        else:
            some.add_argument(
                "--batch", type=_positive, default=1, help="multiply the rows of a step by this number, for a GPU"
            )
            one.add_argument("--start", type=Path, help="folder of an aligned model; the pocket model needs one")
            one.add_argument(
                "--backbone", default=POCKET,
                help='"pocket" (default), or with --dataset a checkpoint, which sees the candidates\' pictures too',
            )  # fmt: skip
            one.add_argument(
                "--dataset", choices=DATASETS, default=DATASETS[0],
                help="pictures (default): all tasks; else a recommender, from that data set in --data",
            )  # fmt: skip
            one.add_argument("--split", choices=SPLITS, default=BY_USER, help=_SPLIT)
    one = commands.add_parser(
        "eval", help="figures of a data set, or of held-out pictures merged into a training record"
    )
    one.add_argument(
        "--dataset", choices=(*DATASETS, OPEN), default=DATASETS[0],
        help=f"pictures (default) merges held-out figures into a training record; {OPEN}: everyday pictures and titles",
    )  # fmt: skip
    one.add_argument("--data", type=Path, required=True, help="folder of the data set; its users are the training data")
    one.add_argument("--eval-data", type=Path, help="folder in the same format, all of whose users are test users")
    options.add_model(one)
    one.add_argument("--json", type=Path, required=True, help="file that gets the figures")
    one.add_argument("--users", type=int, default=100, help="test users (default %(default)s)")
    one.add_argument("--seed", type=int, default=1)
    some = one.add_argument_group("data sets")
    some.add_argument("--split", choices=SPLITS, default=BY_USER, help=_SPLIT)
    some.add_argument("--negatives", choices=("uniform", "popularity", "both"), default="both")
    some.add_argument("--preference", choices=PREFERENCES, help="default: generated if there are pictures, else titles")
    some.add_argument("--systems", nargs="+", choices=SYSTEMS, metavar="NAME", help=f"any of {', '.join(SYSTEMS)}")
    some.add_argument("--validation-users", type=int, default=200, help="to fit the fusion on (default %(default)s)")
    some.add_argument("--full-catalogue", action="store_true", help="rank all items too, by the cheap systems")
    some.add_argument("--full-model-users", type=int, default=0, help="users whose full catalogue the model ranks")
    some = one.add_argument_group("pictures and open")
    some.add_argument(
        "--pictures", type=int, default=200,
        help="unseen pictures of each source; of open: in all, and half as many of common things and unseen classes",
    )  # fmt: skip
    some.add_argument("--titles", type=int, default=200, help="unseen titles, open only (default %(default)s)")
    some.add_argument("--drawn", type=int, default=1500, help="pictures drawn, the same number as in training")
    some.add_argument("--quality-users", type=int, help="simulated users of each kind (default: half of --users)")
    one = commands.add_parser("speed", help="compare packed slates with one pair a row: pairs/s and memory")
    one.add_argument("--json", type=Path, required=True, help="file that gets the figures")
    one.add_argument("--checkpoint", type=Path, help="folder of a pocket-shaped model (default: the pocket model)")
    one.add_argument("--slates", type=int, default=2, help="users a step")
    one.add_argument("--candidates", type=int, default=16, help="pairs of a user")
    one.add_argument("--steps", type=int, default=5, help="timed steps of each loop (default %(default)s)")
    one.add_argument("--rank", type=_positive, default=16, help="LoRA rank")
    one.add_argument("--precision", choices=PRECISIONS, default="no")
    one.add_argument("--seed", type=int, default=7)
    one = commands.add_parser("experiment", help="the paper's questions on real users; explanations on simulated ones")
    kinds = one.add_subparsers(dest="experiment", required=True)
    for name, text in (
        ("planted", "does the preference text find a hidden taste and follow its switch?"),
        ("faithfulness", "does the measured influence point to what carries the score?"),
    ):
        asked = kinds.add_parser(name, help=text)
        _experiment(asked, 200, "simulated users")
        if name == "planted":
            asked.add_argument("--catalogue", choices=("drawn", "fashion"), default="drawn")
            asked.add_argument("--data", type=Path, help="folder that holds fashion-products/")
        else:
            asked.add_argument("--reading", choices=("direct", "regenerated"), default="regenerated")
            asked.add_argument("--no-pictures", dest="pictures", action="store_false", help="history items only")
    asked = kinds.add_parser("stuffing", help="what do words in a title do that are not true of the thing?")
    _measured(asked)
    asked.add_argument("--candidates", type=_positive, default=12, help="things of each story (default %(default)s)")
    for name, text in (
        ("image-summary", "does a summary in words keep what the image said?"),
        ("block-size", "how many items should one step of the recurrent preference read?"),
        ("ablation", "what do image summaries, recurrence and fine-tuning add?"),
        ("context-length", "does a longer history help, and what does it cost?"),
        ("negatives", "how much does a figure depend on the way its negatives were drawn?"),
    ):
        asked = kinds.add_parser(name, help=text)
        _experiment(asked, 60, "test users")
        asked.add_argument("--dataset", choices=DATASETS[1:], default="movielens")
        asked.add_argument("--data", type=Path, required=True, help="folder of the data set")
        if name == "image-summary":
            asked.add_argument(
                "--items",
                type=_positive,
                default=1000,
                help="the pictured items chosen most often (default %(default)s)",
            )
        elif name != "context-length":
            asked.add_argument("--history", type=_positive, default=9, help="latest items read (default %(default)s)")
    one = commands.add_parser("card", help="publish a run: its weights, training record and model card")
    one.add_argument("--run", type=Path, required=True)
    one.add_argument("--out", type=Path, default=Path("assets/pocket"))
    one.add_argument(
        "--experiments", type=Path, nargs="+", default=(), metavar="JSON",
        help="results of planted and faithfulness that go into the training record and the card",
    )  # fmt: skip
    one = commands.add_parser("tables", help="write the tables of README.md and docs/ from the JSON of recorded runs")
    one.add_argument("--root", type=Path, default=Path(), help="folder of the repository (default: this one)")
    return main


def _experiment(one: argparse.ArgumentParser, users: int, whom: str) -> None:
    """The options of an experiment on users."""
    one.add_argument("--users", type=_positive, default=users, help=f"{whom} (default %(default)s)")
    one.add_argument("--seed", type=int, default=1)
    _measured(one)


def _measured(one: argparse.ArgumentParser) -> None:
    one.add_argument("--json", type=Path, required=True, help="file that gets the figures; .md and more beside it")
    options.add_model(one)


def _positive(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return int(text)


def main() -> None:
    set_spin_count()
    args = parser().parse_args()
    if getattr(args, "offline", False):
        options.go_offline()
    sys.exit(_reported(_commands()[args.command], args))


def _commands() -> Mapping[str, Callable[[argparse.Namespace], None]]:
    """Each command's function. Modules are imported when their command runs."""

    def imported(module: str) -> Callable[[argparse.Namespace], None]:
        return lambda args: importlib.import_module(module).run(args)

    return {
        "prepare": imported("train.data.prepare"),
        "card": imported("train.card"),
        "tables": imported("train.doc_tables"),
        "experiment": imported("train.evaluate.experiments.command"),
        "eval": imported("train.evaluate.command"),
        "speed": imported("train.learn.speed"),
        "align": _train,
        "sft": _train,
    }


def _reported(work: Callable[[argparse.Namespace], None], args: argparse.Namespace) -> int:
    """Run a command and return its exit code.

    Bad input is one line. Any other error is a fault of this program and keeps its traceback.
    """
    from msr.backbones.protocol import BackboneError

    try:
        work(args)
        return DONE
    except KeyboardInterrupt:
        code, message = INTERRUPTED, "interrupted; the same command continues the run."
    except BackboneError as error:
        code, message = NO_MODEL, str(error)
    except (InputProblem, FileNotFoundError, NotADirectoryError) as error:
        code, message = BAD_INPUT, str(error)
    print(f"error: {message}", file=sys.stderr)
    return code


def _train(args: argparse.Namespace) -> None:
    from train.learn import pocket_training, recommender_training

    if getattr(args, "dataset", PICTURES) != PICTURES:
        recommender_training.run(args)
        return
    if getattr(args, "split", BY_USER) != BY_USER:
        raise InputProblem("Pictures are split by their keys and films by user; give --split with another --dataset.")
    {"align": pocket_training.align, "sft": pocket_training.sft}[args.command](args)
