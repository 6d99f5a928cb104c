"""LoRA training of any checkpoint that `--backbone` names (LLaVA, LLaVA-NeXT, Idefics3, SmolVLM, Qwen-VL).

Tower and projector stay as they are, so a picture is looked at once, by the very backbone that answers later.
"""

from __future__ import annotations

import torch

from msr.backbones.local import LocalBackbone
from msr.prompts import Prompt
from train.model import LoraLearner


class CheckpointLearner(LoraLearner):
    """Learns on the model of `backbone`, which answers with the LoRA as it is at that time."""

    def __init__(self, backbone: LocalBackbone, rank: int, alpha: int) -> None:
        super().__init__(backbone.model, backbone.tokens, rank, alpha, backbone.identity()["name"])
        self.backbone = backbone

    @property
    def store(self) -> _Pictures:
        """Where `views_of` finds the tokens of pictures that were read."""
        return _Pictures(self.backbone)

    def read(self, prompt: Prompt) -> tuple[list[int], torch.Tensor]:
        (row,) = self.backbone.rows([prompt])
        return row.ids, row.positions.cpu()

    def shown(self, views) -> torch.Tensor:
        return torch.cat(list(views))

    def train(self, mode: bool = True) -> CheckpointLearner:
        super().train(mode)
        self.backbone.model.get_encoder("image").eval()  # pictures look as they will at inference
        return self


class _Pictures:
    """Tokens (N, D) by digest."""

    def __init__(self, backbone: LocalBackbone) -> None:
        self._backbone = backbone

    def __getitem__(self, digest: str) -> torch.Tensor:
        return self._backbone.seen(digest).tokens
