"""Training from the command line.

python -m train align --data DATA --out runs/align
python -m train sft --data DATA --start runs/align --out runs/sft
"""

from __future__ import annotations

import argparse
from pathlib import Path


def parser() -> argparse.ArgumentParser:
    main = argparse.ArgumentParser(
        prog="python -m train", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = main.add_subparsers(dest="command", required=True)
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
            one.add_argument("--warmup-epochs", type=int, default=30)
        else:
            one.add_argument("--start", type=Path, required=True, help="folder of an aligned model")
    return main


def main() -> None:
    args = parser().parse_args()
    from train import stages

    {"align": stages.align, "sft": stages.sft}[args.command](args)


if __name__ == "__main__":
    main()
