"""Cuts work into even batches: a lonely last item would cost a model almost as much as a full batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

T = TypeVar("T")

_ON_A_GPU = 16  # times what is made for a laptop


def at_once(identity: Mapping[str, Any], most: int) -> int:
    """How many a backbone takes at a time of what a laptop takes `most` of.

    A GPU waits for whoever launches its work, so there the pocket model takes more; how much of a GPU's memory a larger
    model needs is not known.
    """
    small = identity.get("name") == "pocket" and identity.get("device") == "cuda"
    return most * _ON_A_GPU if small else most


def even_batches(work: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    """Consecutive batches of at most `most`, as few as possible, their sizes differing by at most one."""
    count = -(-len(work) // most)
    for n in range(count):
        yield work[len(work) * n // count : len(work) * (n + 1) // count]
