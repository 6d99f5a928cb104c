"""Train with several processes: they start with equal weights and add up their gradients.

`torchrun --nproc_per_node 2 -m train sft ...` starts them. With a single process these functions change nothing.

A model that is too large for one device can be sharded over the processes by fully sharded data parallelism (FSDP,
arXiv 2304.11277): each process holds a part of every decoder layer, and a layer is put together while it runs.

    torchrun --nproc_per_node 8 -m train sft --backbone NAME --dataset folder --data DATA --out runs/large --shard

Everything outside the layers (embeddings, tower, connector) is whole in every process. Gradients of sharded weights are
added up by PyTorch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from accelerate import Accelerator, PartialState
from accelerate.utils import broadcast
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.utils import clip_grads_with_norm_, get_total_norm
from torch.utils._pytree import tree_map

from msr import shards
from msr.schema import InputProblem


def joined() -> PartialState:
    """Join the process group of the run; further calls return it."""
    return shards.process_group()


def accelerator(precision: str, **options: Any) -> Accelerator:
    """The run's accelerator: a GPU where there is one, with activations in `precision` ("no" is 32 bits).

    Raises:
        InputProblem: the device does not have this precision.
    """
    try:
        return Accelerator(cpu=not torch.cuda.is_available(), mixed_precision=precision, **options)
    except ValueError as error:
        raise InputProblem(f"--precision {precision} does not work here: {error}") from None


@torch.no_grad()
def start_alike(parameters: Sequence[torch.Tensor]) -> None:
    """Copy the main process's values to every process, in place."""
    for parameter in parameters:
        broadcast(parameter.data)


def sum_gradients(accelerator: Accelerator, parameters: Sequence[torch.Tensor]) -> None:
    """Add up the processes' gradients, in place and in one exchange.

    DistributedDataParallel cannot do this: it needs every parameter in every backward pass, but text alone does not use
    the connector, and a process may have no part of a small step. A parameter that no process used has no gradient.
    """
    parameters = [p for p in parameters if not isinstance(p, DTensor)]  # sharded ones are added up already
    if accelerator.num_processes == 1 or not parameters:
        return
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    used = gradients[0].new_tensor([p.grad is not None for p in parameters])
    total = accelerator.reduce(torch.cat([*(g.flatten() for g in gradients), used]), "sum")
    *summed, used = total.split([*(p.numel() for p in parameters), len(parameters)])
    for parameter, gradient, processes in zip(parameters, summed, used.tolist(), strict=True):
        parameter.grad = gradient.view_as(parameter) if processes else None


def shard(layers: Sequence[torch.nn.Module], processes: int) -> None:
    """Shard the layers over `processes`; before, they must be equal in all of them."""
    mesh = init_device_mesh(next(layers[0].parameters()).device.type, (processes,))
    for layer in layers:
        sharded = fully_shard(layer, mesh=mesh, reshard_after_forward=True)
        sharded.set_force_sum_reduction_for_comms(True)  # a process's loss is its share of the step's loss
        sharded.set_gradient_divide_factor(1.0)


@torch.no_grad()
def load(parameters: Mapping[str, torch.Tensor], weights: Mapping[str, torch.Tensor]) -> None:
    """Load whole weights into the parameters of the same names, in place."""
    for name, weight in weights.items():
        parameters[name].copy_(_alike(weight, parameters[name]))


def whole(state):
    """Put the sharded tensors of a nested dict or list together. All processes must call it."""
    return tree_map(lambda value: value.full_tensor() if isinstance(value, DTensor) else value, state)


def divided(state: dict, parameters: Sequence[torch.Tensor]) -> dict:
    """Shard the whole tensors of an optimiser's state as its `parameters` are sharded."""

    parts = {
        number: {name: _alike(value, parameters[number]) for name, value in values.items()}
        for number, values in state["state"].items()
    }
    return {**state, "state": parts}


def _alike(value, parameter: torch.Tensor):
    """Shard a whole tensor like a parameter of the same shape; return anything else unchanged."""
    if not isinstance(parameter, DTensor) or not torch.is_tensor(value) or value.shape != parameter.shape:
        return value
    return distribute_tensor(value.to(parameter.device), parameter.device_mesh, parameter.placements)


def clip(parameters: Sequence[torch.Tensor], most: float) -> None:
    """Clip the norm of all gradients together, sharded and whole ones, to `most`."""
    kinds = [[p for p in parameters if p.grad is not None and isinstance(p, DTensor) is kind] for kind in (True, False)]
    norms = [whole(get_total_norm([p.grad for p in some if p.grad is not None])) for some in kinds if some]
    norm = torch.linalg.vector_norm(torch.stack(norms))
    for some in kinds:
        if some:
            clip_grads_with_norm_(some, most, norm)
