"""The steps of a run, drawn and encoded: by the loop itself, or ahead of it by worker processes.

A GPU learns from a step faster than one process can write its prompts and read them into tokens. A step follows from
the seed and its number alone, so whoever makes it makes the same.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

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
    """Makes step k from `Random(seed, k)`. parts: as many as its examples are dealt out to, if there are enough."""

    draw: Draw
    encoder: Encoder
    seed: int
    parts: int

    def __getitem__(self, number: int) -> Step:
        task, examples = self.draw(random.Random(f"{self.seed}/{number}"))
        count = min(self.parts, len(examples))
        return Step(task, [self.encoder.encode(examples[first::count]) for first in range(count)])

    def ahead(self, numbers: range, workers: int) -> Iterator[Step]:
        """The steps of these numbers in order; `workers` 0 makes each when it is asked for.

        Workers are forks, which share what the samplers hold, and leave a GPU alone.
        """
        context = "fork" if workers else None
        loader = DataLoader(
            self, batch_size=None, sampler=numbers, num_workers=workers, collate_fn=_as_it_is,
            multiprocessing_context=context,
        )  # fmt: skip
        return iter(loader)


def _as_it_is(step: Step) -> Step:
    return step
