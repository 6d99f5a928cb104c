"""Read and check the checkpoint of an interrupted run, so that it resumes only with the same data and weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from msr.schema import InputProblem
from train.learn.validation import Progress

_PARTS = {"weights": dict, "optimiser": dict, "state": dict}


def read(path: Path) -> dict[str, Any]:
    """The parts of a checkpoint; raises InputProblem if it is damaged."""
    try:
        kept = torch.load(path, map_location="cpu", weights_only=True)
        if not all(isinstance(kept[name], kind) for name, kind in _PARTS.items()):
            raise TypeError("a part is of another kind")
        Progress(**kept["state"])
        return kept
    except Exception as error:  # torch, zipfile and pickle complain of damage in a dozen kinds
        raise InputProblem(
            f"{path} cannot be read ({type(error).__name__}): it is damaged. Delete it to begin anew, or name another "
            "--out."
        ) from None


def check(
    path: Path, kept: Mapping[str, Any], made_from: Mapping[str, Any], weights: Mapping[str, torch.Tensor]
) -> None:
    """Raise InputProblem for a checkpoint of other data or settings, or that has other weights than these.

    An older checkpoint does not say what it was made from; its origin is not checked.
    """
    before = kept.get("made_from") or {}
    others = [name for name in before if name in made_from and before[name] != made_from[name]]
    if others:
        told = "; ".join(f"{name}: {_told(before[name])} then, {_told(made_from[name])} now" for name in others)
        raise InputProblem(
            f"{path.parent} holds a run of other data or other settings ({told}). Go on with those that it began with, "
            "or name another --out."
        )
    shapes = {name: tuple(weight.shape) for name, weight in kept["weights"].items()}
    if shapes != {name: tuple(weight.shape) for name, weight in weights.items()}:
        raise InputProblem(
            f"{path} holds other weights than this model learns: it was made with another --rank or --backbone, or by "
            "another stage. Give the same ones, or name another --out."
        )


def _told(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {inner}" for name, inner in value.items()) or "none"
    return str(value)
