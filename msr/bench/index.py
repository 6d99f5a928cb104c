"""The shortlist's search on random vectors: its time does not depend on what they mean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from msr.bench.measure import Row, measured
from msr.retrieval.index import WIDTH, top

_ASKED = 20  # searches that are timed together
_FOUND = 100


def searching(sizes: Sequence[int]) -> Iterator[Row]:
    """Seconds of one search for 100 items among n."""
    draw = np.random.default_rng(0)
    query = draw.standard_normal(WIDTH, dtype=np.float32)
    for n in sizes:
        vectors = draw.standard_normal((n, WIDTH), dtype=np.float32)
        took = measured(lambda vectors=vectors: [top(vectors, query, _FOUND) for _ in range(_ASKED)])
        note = f"{_FOUND} of n random vectors, {WIDTH} wide"
        yield Row("shortlist", n, took.seconds / _ASKED, peak_mb=took.peak_mb, note=note)
