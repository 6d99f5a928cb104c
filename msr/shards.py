"""Work on items that several processes share, on one machine or on many with a folder in common.

    torchrun --nproc_per_node 2 -m msr describe --items big/ --out items.jsonl

Each process takes every so many'th item and leaves a part beside the result; the main one puts the parts together in
the order of the items. What a machine wrote stays in its cache of texts, so an interrupted run goes on with the same
command.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from accelerate import PartialState

T = TypeVar("T")
_PATIENCE = timedelta(hours=12)  # the quick wait for the slow, all of them for whoever looks at all pictures first


@dataclass(frozen=True)
class Shard:
    """One of `count` processes; number 0 is the main one. Raises ValueError for a number that is not among them."""

    number: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.number < self.count:
            raise ValueError(f"number is {self.number}; it must be from 0 to {self.count - 1}")

    @property
    def main(self) -> bool:
        return self.number == 0

    def part(self, items: Sequence[T]) -> Sequence[T]:
        """What this process works on."""
        return items[self.number :: self.count]

    def file(self, out: Path) -> Path:
        """Where this process leaves its part of `out`: there, if it is alone."""
        return out if self.count == 1 else out.with_name(f"{out.name}.part-{self.number + 1}-of-{self.count}")

    def wait(self) -> None:
        """Until all processes are here."""
        if self.count > 1:
            met().wait_for_everyone()

    def merged(self, out: Path) -> str:
        """The lines of all parts of `out`, each part's n'th lines before the (n + 1)'th: the items' own order."""
        parts = [Shard(n, self.count).file(out).read_text("utf-8").split("\n")[:-1] for n in range(self.count)]
        return "".join(f"{line}\n" for n in range(max(map(len, parts))) for part in parts for line in part[n : n + 1])

    def clear(self, out: Path) -> None:
        """Removes the parts of `out`."""
        for number in range(self.count):
            Shard(number, self.count).file(out).unlink(missing_ok=True)


def joined() -> Shard:
    """This process among those that `torchrun` or `accelerate launch` started; alone, if none did."""
    if int(os.environ.get("WORLD_SIZE", 1)) == 1:
        return Shard()
    return Shard(met().process_index, met().num_processes)


def met() -> PartialState:
    """This process among the others; the first call meets them."""
    import torch
    from accelerate import PartialState

    return PartialState(cpu=not torch.cuda.is_available(), timeout=_PATIENCE)
