"""How the processor is shared with other programs."""

from __future__ import annotations

import os


def share() -> None:
    """Lets threads that wait for each other sleep soon; call it before torch is imported, which reads this once.

    OpenMP's threads otherwise keep a core busy while they wait. Beside one other busy program, a browser say, each then
    holds up the one it waits for: on two cores decoding took 25 times as long. A value that the user set stays.
    """
    os.environ.setdefault("GOMP_SPINCOUNT", "5000")
