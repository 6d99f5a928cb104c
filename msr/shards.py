"""Shares the work on items among several processes, on one machine or on many with a common folder.

    torchrun --nproc_per_node 2 -m msr describe --items big/ --out items.jsonl

Process k of N takes items k, k + N, ... and writes a part beside the result; the main process joins the parts in the
order of the items. Each machine keeps its texts in its cache, so an interrupted run goes on with the same command.
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
_PATIENCE = timedelta(hours=12)  # that processes wait for each other


@dataclass(frozen=True)
class Shard:
    """One of `count` processes; number 0 is the main one. Raises ValueError for a number out of range."""

    number: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.number < self.count:
            raise ValueError(f"number is {self.number}; it must be from 0 to {self.count - 1}")

    @property
    def main(self) -> bool:
        return self.number == 0

    def part(self, items: Sequence[T]) -> Sequence[T]:
        """The items of this process."""
        return items[self.number :: self.count]

    def file(self, out: Path) -> Path:
        """The file of this process's part of `out`; `out` itself if there is one process."""
        return out if self.count == 1 else out.with_name(f"{out.name}.part-{self.number + 1}-of-{self.count}")

    def wait(self) -> None:
        """Wait until all processes have called this."""
        if self.count > 1:
            process_group().wait_for_everyone()

    def merged(self, out: Path) -> str:
        """The lines of all parts of `out`, in the order of the items: all first lines, then all second lines."""
        parts = [Shard(n, self.count).file(out).read_text("utf-8").split("\n")[:-1] for n in range(self.count)]
        return "".join(f"{line}\n" for n in range(max(map(len, parts))) for part in parts for line in part[n : n + 1])

    def clear(self, out: Path) -> None:
        """Remove the parts of `out`."""
        for number in range(self.count):
            Shard(number, self.count).file(out).unlink(missing_ok=True)


def joined() -> Shard:
    """The shard of this process, where `torchrun` or `accelerate launch` started several; else the only one."""
    if int(os.environ.get("WORLD_SIZE", 1)) == 1:
        return Shard()
    return Shard(process_group().process_index, process_group().num_processes)


def process_group() -> PartialState:
    """Join the process group; further calls return it."""
    import torch
    from accelerate import PartialState

    return PartialState(cpu=not torch.cuda.is_available(), timeout=_PATIENCE)
