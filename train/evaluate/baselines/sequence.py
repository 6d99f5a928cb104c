"""Sequence models, GRU4Rec and SASRec: item vectors, sampled softmax over the next item, early stopping, scores.

At every place of a training history the next item is predicted against items that are drawn uniformly. So a score is
log p(next item) up to a constant, and popularity is included. Items are learned ids with a bias, or frozen features (of
titles, summaries or pictures) behind a linear layer.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import StandardScaler
from torch import nn
from tqdm import tqdm

from msr.backbones.protocol import even_batches
from msr.schema import InputProblem, Picture
from train.data.dataset import UserLog
from train.data.splits import Case

WIDTH = 128  # of text features
BLOCKS, HEADS = 2, 1  # of SASRec, as in the paper
_BATCH = 16  # pictures


def text_vectors(texts: Sequence[str], width: int = WIDTH, seed: int = 0) -> np.ndarray:
    """(I, W) features of texts by latent semantic analysis (TF-IDF, truncated SVD), with W <= width.

    Raises:
        InputProblem: the texts hold too few words.
    """
    counts = TfidfVectorizer(sublinear_tf=True).fit_transform(texts)
    width = min(width, counts.shape[1] - 1, counts.shape[0] - 1)
    if width < 1:
        raise InputProblem(f"{counts.shape[1]} words in {counts.shape[0]} texts are too few for text features.")
    return _of_one_length(TruncatedSVD(width, random_state=seed).fit_transform(counts))


def picture_vectors(
    pictures: Sequence[Picture | None], look: Callable[[Sequence[Picture]], Sequence[torch.Tensor]], width: int
) -> np.ndarray:
    """(I, 2 F) features of pictures: the frozen tower's CLS token and the mean of its cells; zeros without a picture.

    look: returns views (1 + cells, F + 6), such as `PocketBackbone.looked_at`; width: F.

    Raises:
        InputProblem: there is no picture.
    """
    there = np.array([picture is not None for picture in pictures])
    if not there.any():
        raise InputProblem("no item has a picture, so there are no picture features.")
    seen = []
    for some in tqdm(list(even_batches(np.flatnonzero(there).tolist(), _BATCH)), "looking at pictures", unit="batch"):
        views = torch.stack(list(look([pictures[n] for n in some])))[..., :width].float()  # (B, 1 + cells, F)
        seen.append(torch.cat([views[:, 0], views[:, 1:].mean(dim=1)], dim=1).numpy())
    rows = np.zeros((len(pictures), 2 * width))
    rows[there] = StandardScaler().fit_transform(np.concatenate(seen))  # the scales of the tower's features differ
    return _of_one_length(rows)


def _of_one_length(rows: np.ndarray) -> np.ndarray:
    """Scale rows (I, D) to length sqrt(D); rows of zeros stay."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(length > 0, length, 1.0) * rows.shape[1] ** 0.5


@dataclass(frozen=True)
class SequenceConfig:
    """Settings of one training run."""

    width: int = 64
    length: int = 50  # items of a history that are read, and items in a training row
    batch: int = 128  # rows
    negatives: int = 1024  # in a step, shared by its rows
    lr: float = 2e-3
    weight_decay: float = 1e-5
    dropout: float = 0.2
    epochs: int = 40  # at most
    patience: int = 2  # epochs without a better validation loss
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("width", "length", "batch", "negatives", "epochs", "patience"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}; it must be in [0, 1)")


class Items(nn.Module):
    """Look up vectors (..., D) and biases (...) of item ids of any shape, from 0 to I - 1; id I is padding."""

    def __init__(self, count: int, width: int, features: np.ndarray | None) -> None:
        super().__init__()
        self.features: torch.Tensor
        if features is None:
            self.table = nn.Embedding(count + 1, width, padding_idx=count)
            nn.init.normal_(self.table.weight, std=width**-0.5)
            self.bias = nn.Embedding(count + 1, 1)
            nn.init.zeros_(self.bias.weight)
        else:
            if len(features) != count:
                raise ValueError(f"{len(features)} rows of features for {count} items")
            padded = np.vstack([features, np.zeros((1, features.shape[1]))])
            self.register_buffer("features", torch.from_numpy(padded).float())
            self.project = nn.Linear(features.shape[1], width, bias=False)

    def forward(self, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if hasattr(self, "table"):
            return self.table(ids), self.bias(ids).squeeze(-1)
        vectors = self.project(self.features[ids])
        return vectors, vectors.new_zeros(ids.shape)


class SequenceRecommender:
    """A model of the next item in a log. A subclass defines a causal `encoder`: (B, T, D) -> (B, T, D)."""

    def __init__(self, name: str, features: np.ndarray | None = None, config: SequenceConfig | None = None) -> None:
        """`features` (I, F) are in the order of the items given to `fit`; None: learn ids."""
        self.name = name
        self.config = config or SequenceConfig()
        self._features = features

    def encoder(self) -> nn.Module:
        raise NotImplementedError

    def fit(
        self, train: Sequence[UserLog], items: Sequence[str], validation: Sequence[UserLog] = ()
    ) -> SequenceRecommender:
        """Train until the validation loss stops falling; without validation users, for all epochs."""
        torch.manual_seed(self.config.seed)
        self._column = {item: n for n, item in enumerate(items)}
        self._items = Items(len(items), self.config.width, self._features)
        self._encoder = self.encoder()
        modules = nn.ModuleList([self._items, self._encoder])
        optimiser = torch.optim.AdamW(modules.parameters(), lr=self.config.lr, weight_decay=self.config.weight_decay)
        rows, held_out = self._rows(train), self._rows(validation)
        best, kept, waited = float("inf"), copy.deepcopy(modules.state_dict()), 0
        with tqdm(range(self.config.epochs), desc=f"training {self.name}", unit="epoch") as bar:
            for epoch in bar:
                modules.train()
                for batch in self._batches(rows, random.Random(f"{self.config.seed}/{epoch}")):
                    loss = self._loss(batch)
                    optimiser.zero_grad()
                    loss.backward()
                    optimiser.step()
                if not held_out:
                    continue
                now = self._validation_loss(modules, held_out)
                bar.set_postfix(validation=f"{now:.4f}")
                if now < best:
                    best, kept, waited = now, copy.deepcopy(modules.state_dict()), 0
                else:
                    waited += 1
                if waited >= self.config.patience:
                    break
        if held_out:
            modules.load_state_dict(kept)
        modules.eval()
        return self

    @torch.inference_mode()
    def scores(self, case: Case) -> np.ndarray:
        """(candidates,) dot products of the encoded history with each candidate, plus its bias."""
        column, padding = self._column, len(self._column)
        known = [column[item] for item in case.history if item in column][-self.config.length :] or [padding]
        ids = torch.tensor([known])
        state = self._encoder(self._items(ids)[0])[0, -1]
        vectors, biases = self._items(torch.tensor([column.get(item, padding) for item in case.candidates]))
        return (vectors @ state + biases).double().numpy()

    def _rows(self, logs: Sequence[UserLog]) -> list[list[int]]:
        """Convert logs to rows of ids that overlap by one item."""
        size, rows = self.config.length, []
        for log in logs:
            ids = [self._column[item] for item in log.items if item in self._column]
            rows += [ids[start : start + size + 1] for start in range(0, len(ids) - 1, size)]
        return rows

    def _batches(self, rows: list[list[int]], rng: random.Random) -> Iterator[torch.Tensor]:
        """(B, T + 1) ids, right-padded; rows of like length share a batch."""
        order = sorted(range(len(rows)), key=lambda n: (len(rows[n]), rng.random()))
        starts = list(range(0, len(order), self.config.batch))
        rng.shuffle(starts)
        for start in starts:
            part = [torch.tensor(rows[n]) for n in order[start : start + self.config.batch]]
            yield nn.utils.rnn.pad_sequence(part, batch_first=True, padding_value=len(self._column))

    def _loss(self, batch: torch.Tensor) -> torch.Tensor:
        """Mean cross-entropy of the next item against uniform negatives, in nats."""
        padding = len(self._column)
        shown, wanted = batch[:, :-1], batch[:, 1:]
        there = wanted != padding
        states = self._encoder(self._items(shown)[0])[there]  # (N, D)
        vectors, biases = self._items(wanted[there])
        others = torch.randint(padding, (self.config.negatives,))
        other_vectors, other_biases = self._items(others)
        right = (states * vectors).sum(-1) + biases
        wrong = states @ other_vectors.T + other_biases
        wrong = wrong.masked_fill(others == wanted[there].unsqueeze(1), float("-inf"))
        logits = torch.cat([right.unsqueeze(1), wrong], dim=1)
        return nn.functional.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long))

    @torch.inference_mode()
    def _validation_loss(self, modules: nn.Module, rows: list[list[int]]) -> float:
        modules.eval()
        state = torch.get_rng_state()
        torch.manual_seed(self.config.seed)  # the same negatives every time
        losses = [(float(self._loss(batch)), len(batch)) for batch in self._batches(rows, random.Random(0))]
        torch.set_rng_state(state)
        return sum(loss * count for loss, count in losses) / sum(count for _, count in losses)


class _Gru(nn.Module):
    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.gru = nn.GRU(width, width, batch_first=True)

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """(B, T, D), right-padded -> (B, T, D); padding comes last, so it cannot influence earlier states."""
        return self.dropout(self.gru(self.dropout(vectors))[0])


class Gru4Rec(SequenceRecommender):
    """GRU4Rec: a recurrent network over the history (Hidasi et al., ICLR 2016, arXiv 1511.06939).

    Over image summaries it is the first experiment of MLLM-MSR (arXiv 2408.09698, section 2.2).
    """

    def encoder(self) -> nn.Module:
        return _Gru(self.config.width, self.config.dropout)


class _SelfAttention(nn.Module):
    def __init__(self, width: int, length: int, dropout: float) -> None:
        super().__init__()
        self.places = nn.Embedding(length, width)
        nn.init.normal_(self.places.weight, std=0.02)
        self.dropout = nn.Dropout(dropout)
        layer = nn.TransformerEncoderLayer(width, HEADS, width, dropout, batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(layer, BLOCKS, nn.LayerNorm(width), enable_nested_tensor=False)

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """(B, T, D), right-padded -> (B, T, D); an item attends to itself and earlier ones, never to padding."""
        size = vectors.shape[1]
        causal = torch.ones(size, size, dtype=torch.bool).triu(1)
        scaled = vectors * vectors.shape[-1] ** 0.5 + self.places(torch.arange(size))
        return self.blocks(self.dropout(scaled), mask=causal)


class SasRec(SequenceRecommender):
    """SASRec: causal self-attention over the history (Kang and McAuley, ICDM 2018, arXiv 1808.09781)."""

    def encoder(self) -> nn.Module:
        return _SelfAttention(self.config.width, self.config.length, self.config.dropout)
