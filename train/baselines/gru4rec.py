"""GRU4Rec: a recurrent net over the history (Hidasi et al., ICLR 2016, arXiv 1511.06939).

Over ids, or over frozen features of the items: pictures, titles, or the model's image summaries, which is the first
experiment of MLLM-MSR (arXiv 2408.09698, section 2.2).
"""

from __future__ import annotations

import torch
from torch import nn

from train.baselines.sequence import SequenceRecommender


class _Gru(nn.Module):
    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.gru = nn.GRU(width, width, batch_first=True)

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """(B, T, D), right-padded -> (B, T, D); padding comes last, so no real state sees it."""
        return self.dropout(self.gru(self.dropout(vectors))[0])


class Gru4Rec(SequenceRecommender):
    def encoder(self) -> nn.Module:
        return _Gru(self.config.width, self.config.dropout)
