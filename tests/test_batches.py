from __future__ import annotations

import pytest

from msr.backbones.protocol import at_once, even_batches


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


def test_only_the_pocket_model_on_a_gpu_takes_more_at_once():
    assert at_once({"name": "pocket", "device": "cpu"}, 24) == 24
    assert at_once({"name": "some/model", "device": "cuda"}, 24) == 24
    assert at_once({}, 24) == 24, "a server says neither"
    assert at_once({"name": "pocket", "device": "cuda"}, 24) > 100
