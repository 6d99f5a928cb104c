"""`python -m msr`: the main job from a shell; see `msr.cli`."""

from __future__ import annotations

import sys

from msr.cli import main

if __name__ == "__main__":
    sys.exit(main())
