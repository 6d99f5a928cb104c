"""Draw the demo catalogue.

.venv/bin/python -m train.draw --out assets/demo --seed 7 --items 288
"""

from __future__ import annotations

import argparse
from pathlib import Path

from train.draw.catalogue import write


def main() -> None:
    """Read the command line, draw, and say what was drawn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("assets/demo"), help="folder to write")
    parser.add_argument("--seed", type=int, default=7, help="the same seed always draws the same catalogue")
    parser.add_argument("--items", type=int, default=288, help="how many items")
    args = parser.parse_args()
    items = write(args.out, args.seed, args.items)
    size = sum(path.stat().st_size for path in args.out.rglob("*") if path.is_file())
    print(f"{len(items)} items in {args.out}, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
