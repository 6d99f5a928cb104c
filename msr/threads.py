"""OpenMP's spin count, which decides how well this program shares a processor with others."""

from __future__ import annotations

import os

ALONE, BESIDE_A_BROWSER = 5000, 1000  # how often a waiting thread checks again before it sleeps


def share(looks: int = ALONE) -> None:
    """Set OpenMP's spin count, unless the user has set it. Call it before torch is imported, which reads it once.

    By default a waiting thread keeps its core busy. Beside another busy program it then delays the very thread that it
    waits for: on two cores decoding took 25 times as long. A small count helps beside other programs; alone it costs
    time, because a thread that sleeps has to be woken.
    """
    os.environ.setdefault("GOMP_SPINCOUNT", str(looks))
