"""How the processor is shared with other programs."""

from __future__ import annotations

import os

ALONE, BESIDE_A_BROWSER = 5000, 1000  # how often a waiting thread looks again before it sleeps


def share(looks: int = ALONE) -> None:
    """Lets threads that wait for each other sleep soon; call it before torch is imported, which reads this once.

    OpenMP's threads otherwise keep a core busy while they wait. Beside one other busy program each then holds up the
    one it waits for: on two cores decoding took 25 times as long. The fewer `looks`, the better beside others, and the
    slower alone, since waking a thread takes time. A value that the user set stays.
    """
    os.environ.setdefault("GOMP_SPINCOUNT", str(looks))
