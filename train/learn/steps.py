"""Draw and encode the steps of a run, in the loop's own process or in worker processes.

A GPU finishes a step faster than one process can write and tokenise the prompts of the next one. A step depends on the
seed and its number alone, so every process makes the same one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch.utils.data import DataLoader, Dataset

from train.learn.encode import Batch, Encoder
from train.teach.examples import Example, Slate

Draw = Callable[[random.Random], tuple[str, Sequence[Example] | Sequence[Slate]]]


@dataclass(frozen=True)
class Step:
    """A task's name, and the step's examples as the batches of its parts."""

    task: str
    parts: list[Batch]


@dataclass(frozen=True)
class Steps(Dataset):
    """Step k is made from `Random(seed, k)`; its examples are dealt out to up to `parts` batches."""

    draw: Draw
    encoder: Encoder
    seed: int
    parts: int

    def __getitem__(self, number: int) -> Step:
        task, examples = self.draw(random.Random(f"{self.seed}/{number}"))
        count = min(self.parts, len(examples))
        return Step(task, [self.encoder.encode(examples[first::count]) for first in range(count)])

    def iterate(self, numbers: range, workers: int) -> Iterator[Step]:
        """The steps with these numbers, in order; with 0 workers each is made when it is needed.

        Workers are forked, so they share the memory of the samplers. They do not use the GPU.
        """
        context = "fork" if workers else None
        loader = DataLoader(
            self, batch_size=None, sampler=numbers, num_workers=workers, collate_fn=_as_it_is,
            multiprocessing_context=context,
        )  # fmt: skip
        return iter(loader)


def _as_it_is(step: Any) -> Any:
    return step
