"""Training from the command line.

python -m train prepare --dataset movielens --data ml-latest-small --out data/movies
python -m train align --data DATA --out runs/align
python -m train sft --data DATA --start runs/align --out runs/sft
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from train.readers import KINDS


def parser() -> argparse.ArgumentParser:
    main = argparse.ArgumentParser(
        prog="python -m train", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = main.add_subparsers(dest="command", required=True)
    one = commands.add_parser("prepare", help="interaction logs in an official format -> one plain folder")
    one.add_argument("--dataset", choices=KINDS, required=True)
    one.add_argument("--data", type=Path, required=True, help="folder with the files of that format (train/readers)")
    one.add_argument("--out", type=Path, required=True, help="new folder")
    one.add_argument("--fallback", type=Path, help="folder that has the titles and pictures which --data lacks")
    amazon = one.add_argument_group("amazon only")
    amazon.add_argument("--k-core", type=int, help="fewest interactions of a user and of an item (default 5)")
    amazon.add_argument("--images", type=Path, help="folder of pictures (default: images/ in --data)")
    amazon.add_argument("--download-images", action="store_true", default=None, help="fetch what --images lacks")
    for name, steps, text in (
        ("align", 1500, "connector and LoRA on image to text"),
        ("sft", 2500, "all four tasks, starting from an aligned model"),
    ):
        one = commands.add_parser(name, help=text)
        one.add_argument("--data", type=Path, required=True, help="folder that holds the data sets (README, Data)")
        one.add_argument("--out", type=Path, required=True, help="run folder; a run that is there is resumed")
        one.add_argument("--views", type=Path, default=Path("runs/features"), help="where the tower's views are kept")
        one.add_argument("--no-new-views", action="store_true", help="train on the pictures whose views are there")
        one.add_argument("--steps", type=int, default=steps)
        one.add_argument("--rank", type=int, default=16, help="LoRA rank")
        one.add_argument("--drawn", type=int, default=1500, help="pictures drawn for training")
        one.add_argument("--seed", type=int, default=7)
        if name == "align":
            one.add_argument("--rows", type=int, default=12, help="pictures a step")
            one.add_argument("--warmup-epochs", type=int, default=12)
            one.add_argument("--start", type=Path, help="folder of an earlier run whose LoRA is taken over")
        else:
            one.add_argument("--start", type=Path, required=True, help="folder of an aligned model")
    one = commands.add_parser("eval", help="held-out figures, merged into a run.json")
    one.add_argument("--data", type=Path, required=True, help="folder that holds the data sets (README, Data)")
    one.add_argument("--adapter", default="bundled", help="run folder, bundled or none")
    one.add_argument("--json", type=Path, required=True, help="file that gets the figures")
    one.add_argument("--pictures", type=int, default=200, help="unseen pictures of each source")
    one.add_argument("--users", type=int, default=100, help="unseen users")
    one.add_argument("--drawn", type=int, default=1500, help="as in training")
    one.add_argument("--seed", type=int, default=1)
    one = commands.add_parser("card", help="publish a run: its weights, run.json and the model card")
    one.add_argument("--run", type=Path, required=True)
    one.add_argument("--out", type=Path, default=Path("assets/pocket"))
    return main


def main() -> None:
    args = parser().parse_args()
    if args.command == "prepare":
        from train import prepare

        sys.exit(prepare.run(args))
    elif args.command == "card":
        from train import card

        card.publish(args.run, args.out)
    elif args.command == "eval":
        from msr import backbones
        from msr.config import BackboneConfig
        from train import data, heldout, report

        backbone = backbones.load(BackboneConfig(adapter=args.adapter))
        material = data.load(args.data, drawn=args.drawn)
        figures = heldout.evaluate(backbone, material, args.pictures, args.users, args.seed)
        report.update(args.json, evaluated=dict(backbone.identity()), **figures)
    else:
        from train import stages

        {"align": stages.align, "sft": stages.sft}[args.command](args)


if __name__ == "__main__":
    main()
