"""What training with several processes adds: they start alike, and add up their gradients.

`torchrun --nproc_per_node 2 -m train sft ...` starts them; alone, a process finds nothing to do here.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from accelerate import Accelerator, PartialState
from accelerate.utils import broadcast
from torch.distributed.tensor import DTensor

from msr import shards


def joined() -> PartialState:
    """This process among the others of the run; the first call meets them."""
    return shards.met()


@torch.no_grad()
def start_alike(parameters: Sequence[torch.Tensor]) -> None:
    """Gives every process the main one's values, in place."""
    for parameter in parameters:
        broadcast(parameter.data)


def sum_gradients(accelerator: Accelerator, parameters: Sequence[torch.Tensor]) -> None:
    """Adds up the processes' gradients, in place and in one exchange.

    Not by DistributedDataParallel, which wants every parameter in every backward pass: text alone does not reach the
    connector, and a process may have no part of a small step. What no process used keeps no gradient.
    """
    parameters = [p for p in parameters if not isinstance(p, DTensor)]  # sharded ones have been added up
    if accelerator.num_processes == 1 or not parameters:
        return
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    used = gradients[0].new_tensor([p.grad is not None for p in parameters])
    total = accelerator.reduce(torch.cat([*(g.flatten() for g in gradients), used]), "sum")
    *summed, used = total.split([*(p.numel() for p in parameters), len(parameters)])
    for parameter, gradient, processes in zip(parameters, summed, used.tolist(), strict=True):
        parameter.grad = gradient.view_as(parameter) if processes else None
