"""SASRec: causal self-attention over the history (Kang and McAuley, ICDM 2018, arXiv 1808.09781)."""

from __future__ import annotations

import torch
from torch import nn

from train.baselines.sequence import SequenceRecommender

BLOCKS, HEADS = 2, 1  # as in the paper


class _SelfAttention(nn.Module):
    def __init__(self, width: int, length: int, dropout: float) -> None:
        super().__init__()
        self.places = nn.Embedding(length, width)
        nn.init.normal_(self.places.weight, std=0.02)
        self.dropout = nn.Dropout(dropout)
        layer = nn.TransformerEncoderLayer(width, HEADS, width, dropout, batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(layer, BLOCKS, nn.LayerNorm(width), enable_nested_tensor=False)

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """(B, T, D), right-padded -> (B, T, D); an item sees itself and earlier ones, so padding is never seen."""
        size = vectors.shape[1]
        causal = torch.ones(size, size, dtype=torch.bool).triu(1)
        scaled = vectors * vectors.shape[-1] ** 0.5 + self.places(torch.arange(size))
        return self.blocks(self.dropout(scaled), mask=causal)


class SasRec(SequenceRecommender):
    def encoder(self) -> nn.Module:
        return _SelfAttention(self.config.width, self.config.length, self.config.dropout)
