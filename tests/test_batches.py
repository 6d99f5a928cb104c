from __future__ import annotations

import pytest

from msr.batches import even_batches


@pytest.mark.parametrize(
    ("count", "most", "sizes"),
    [
        (0, 8, []),
        (1, 8, [1]),
        (8, 8, [8]),
        (9, 8, [4, 5]),
        (40, 24, [20, 20]),
        (10, 3, [2, 3, 2, 3]),
        (3, 1, [1, 1, 1]),
    ],
)
def test_batches_are_few_even_and_in_order(count, most, sizes):
    batches = list(even_batches(list(range(count)), most))
    assert [len(batch) for batch in batches] == sizes
    assert [n for batch in batches for n in batch] == list(range(count))
