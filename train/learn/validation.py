"""Validate during training on data that is not trained on, and check the checkpoint of an interrupted run.

The figure is the AUC of slates (sft) or the loss of answers (align). A run resumes only with the same data and weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from msr.schema import InputProblem
from train.learn.encode import Counts
from train.learn.model import Learner, views_of
from train.metrics import auc, midrank
from train.teach.examples import Example, Slate

_PARTS = {"weights": dict, "optimiser": dict, "state": dict}


def slate_auc(learner: Learner, slates: Sequence[Slate], store, rows: int = 8) -> dict[str, float]:
    """{"auc"}: how often a liked candidate scores above a disliked one of its slate; ties count half.

    It is averaged over liked candidates. Every slate needs liked and disliked ones. rows: slates in a forward pass.
    """
    encoder, found = learner.encoder(), []
    for first in range(0, len(slates), rows):
        batch = encoder.slates(slates[first : first + rows]).to(learner.device)
        logits = learner.answer_logits(batch, views_of(store, batch))
        for place in batch.liked.nonzero().flatten().tolist():
            others = logits[(batch.slate == batch.slate[place]) & ~batch.liked].tolist()
            found.append(auc(midrank(logits[place].item(), others), len(others)))
    return {"auc": sum(found) / len(found)}


def mean_answer_loss(learner: Learner, examples: Sequence[Example], store, rows: int = 12) -> dict[str, float]:
    """{"loss"}: mean cross-entropy of the answers' tokens, in nats. rows: examples in a forward pass."""
    encoder = learner.encoder()
    batches = [
        encoder.answers(examples[first : first + rows]).to(learner.device) for first in range(0, len(examples), rows)
    ]
    whole = sum((batch.counts for batch in batches), Counts())
    return {"loss": sum(learner.answer_loss(batch, views_of(store, batch), whole).item() for batch in batches)}


def merit(figures: Mapping[str, float]) -> float:
    """The figure to maximise: AUC or, without one, minus the loss; minus infinity for NaN."""
    value = figures["auc"] if "auc" in figures else -figures["loss"]
    return -math.inf if math.isnan(value) else value


@dataclass
class Progress:
    """The progress of a run, which the checkpoint keeps; sums include the time before interruptions.

    step: steps done; seconds: wall-clock time; tokens: with padding; pairs: rows and candidates with a label; losses:
    [step, task, loss]; validations: [steps done, figures].
    """

    step: int = 0
    seconds: float = 0.0
    tokens: int = 0
    pairs: int = 0
    losses: list = field(default_factory=list)
    validations: list = field(default_factory=list)

    @property
    def best(self) -> int | None:
        """Index of the best validation, the earliest of equal ones; None if no figure is finite."""
        merits = [merit(figures) for _, figures in self.validations]
        return merits.index(max(merits)) if any(map(math.isfinite, merits)) else None

    @property
    def without_gain(self) -> int:
        """Number of validations since the best one."""
        return len(self.validations) - (0 if self.best is None else self.best + 1)


def read(path: Path) -> dict[str, Any]:
    """Read a checkpoint. Raises InputProblem if it is damaged."""
    try:
        kept = torch.load(path, map_location="cpu", weights_only=True)
        if not all(isinstance(kept[name], kind) for name, kind in _PARTS.items()):
            raise TypeError("a part is of another kind")
        Progress(**kept["state"])
        return kept
    except Exception as error:  # torch, zipfile and pickle report damage with many kinds of exceptions
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
