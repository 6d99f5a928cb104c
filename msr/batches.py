"""Cuts work into even batches: a lonely last item would cost a model almost as much as a full batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def even_batches(work: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    """Consecutive batches of at most `most`, as few as possible, their sizes differing by at most one."""
    count = -(-len(work) // most)
    for n in range(count):
        yield work[len(work) * n // count : len(work) * (n + 1) // count]
