"""Run the command line: `python -m msr` is the same as `msr`. See `msr.cli`."""

from __future__ import annotations

import sys

from msr.cli import main

if __name__ == "__main__":
    sys.exit(main())
