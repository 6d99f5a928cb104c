"""Serve MSR Studio in the browser: `python app.py` is the same as `python -m msr app`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from msr import cli


def main(argv: Sequence[str] | None = None) -> int:
    """Serve the page until it is interrupted; return the exit code."""
    return cli.main(["app", *(sys.argv[1:] if argv is None else argv)])


if __name__ == "__main__":
    sys.exit(main())
