"""Encode examples as tensors, and the steps of a run as batches.

Only answers have labels, and the candidates of a user are packed behind one shared prefix. Prompts come from
`msr.prompts` and ids from `msr.backbones.transformers.tokens`, exactly as at inference.

Steps can be encoded in worker processes, because a GPU finishes a step faster than one process can write and tokenise
the prompts of the next. A step depends on the seed and its number only, so every process makes the same one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields, replace
from typing import Any

import torch
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from msr.backbones.transformers.batching import common
from msr.backbones.transformers.tokens import ChatTokens
from msr.prompts import Prompt
from train.learn.attention import PADDING, PREFIX
from train.teach.examples import Example, Slate

IGNORE = -100
OtherKind = Any  # a tensor in a batch of answers or of slates, None in the other
Draw = Callable[[random.Random], tuple[str, Sequence[Example] | Sequence[Slate]]]


@dataclass(frozen=True)
class Counts:
    """Numbers of labels in one batch, or in all batches of a step.

    answers: rows with an answer; tokens: their answer tokens; liked, disliked: candidates of slates.
    """

    answers: int = 0
    tokens: int = 0
    liked: int = 0
    disliked: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*map(sum, zip(astuple(self), astuple(other), strict=True)))

    @property
    def pairs(self) -> int:
        """Prompts with a label, the unit of training speed."""
        return self.answers + self.liked + self.disliked


@dataclass
class Batch:
    """Tensors of one forward pass.

    ids: (B, T); positions: (B, T) or (3, B, T); pictures: keys in reading order.
    A batch of answers has mask and labels, both (B, T). A batch of slates has segments (B, T), see
    `train.learn.attention`; reads (N, 2), row and column of each answer position; liked (N,); slate (N,).
    """

    ids: torch.Tensor
    positions: torch.Tensor
    pictures: list[str]
    mask: OtherKind = None
    labels: OtherKind = None
    segments: OtherKind = None
    reads: OtherKind = None
    liked: OtherKind = None
    slate: OtherKind = None

    @property
    def tokens(self) -> int:
        return int(self.ids.numel())

    @property
    def counts(self) -> Counts:
        if self.labels is not None:
            return Counts(answers=len(self.labels), tokens=int((self.labels != IGNORE).sum()))
        liked = int(self.liked.sum())
        return Counts(liked=liked, disliked=len(self.liked) - liked)

    def to(self, device: torch.device) -> Batch:
        """The batch with its tensors on `device`."""
        tensors: dict[str, Any] = {
            f.name: v for f in fields(self) if isinstance(v := getattr(self, f.name), torch.Tensor)
        }
        return replace(self, **{name: tensor.to(device) for name, tensor in tensors.items()})


class Encoder:
    """Encodes examples as batches.

    read: returns a prompt's ids and positions, (T,) or (3, T), as `msr.backbones.transformers.batching.positions`.
    """

    def __init__(self, tokens: ChatTokens, read: Callable[[Prompt], tuple[list[int], torch.Tensor]]) -> None:
        self.tokens = tokens
        self.read = read

    def prompt_ids(self, prompt: Prompt) -> list[int]:
        return self.read(prompt)[0]

    def encode(self, examples: Sequence[Example] | Sequence[Slate]) -> Batch:
        """Encode examples, all answers or all slates, and at least one."""
        slates = [one for one in examples if isinstance(one, Slate)]
        return self.slates(slates) if slates else self.answers([one for one in examples if isinstance(one, Example)])

    def answers(self, examples: Sequence[Example]) -> Batch:
        """Encode answers as right-padded rows; only answer tokens have a label."""
        rows, labels, places, pictures = [], [], [], []
        for example in examples:
            prompt, position = self.read(example.prompt)
            answer = self.tokens.answer_ids(example.answer)
            rows.append(prompt + answer)
            labels.append([IGNORE] * len(prompt) + answer)
            places.append(torch.cat([position, position[..., -1:] + torch.arange(1, len(answer) + 1)], dim=-1))
            pictures += [p.digest for p in example.prompt.pictures]
        width = max(map(len, rows))
        ids = torch.tensor([r + [self.tokens.pad] * (width - len(r)) for r in rows])
        mask = torch.tensor([[1] * len(r) + [0] * (width - len(r)) for r in rows])
        label = torch.tensor([r + [IGNORE] * (width - len(r)) for r in labels])
        return Batch(ids, _stacked(places), pictures, mask, label)

    def slates(self, slates: Sequence[Slate]) -> Batch:
        """Encode each slate as one row: the prefix that all prompts share, then the remainder of each candidate.

        A candidate attends to the prefix and to itself, and its positions continue those of the prefix. So every answer
        logit equals that of the full prompt alone.
        """
        packed, positions, pictures, reads, liked, slate = [], [], [], [], [], []
        for row, one in enumerate(slates):
            full = [self.read(p) for p in one.prompts]
            prefix = common([whole for whole, _ in full], self.tokens.image)
            row_ids, segment, position = full[0][0][:prefix], [PREFIX] * prefix, [full[0][1][..., :prefix]]
            for k, (whole, places) in enumerate(full):
                row_ids += whole[prefix:]
                segment += [k + 1] * (len(whole) - prefix)
                position.append(places[..., prefix:])
                reads.append((row, len(row_ids) - 1))
                liked.append(one.liked[k])
                slate.append(row)
                pictures += [p.digest for p in one.prompts[k].pictures]
            packed.append((row_ids, segment))
            positions.append(torch.cat(position, dim=-1))
        width = max(len(row_ids) for row_ids, _ in packed)
        ids = torch.full((len(packed), width), self.tokens.pad)
        segments = torch.full((len(packed), width), PADDING)
        for row, (i, s) in enumerate(packed):
            ids[row, : len(i)], segments[row, : len(s)] = map(torch.tensor, (i, s))
        return Batch(
            ids,
            _stacked(positions),
            pictures,
            segments=segments,
            reads=torch.tensor(reads),
            liked=torch.tensor(liked),
            slate=torch.tensor(slate),
        )


def _stacked(rows: Sequence[torch.Tensor]) -> torch.Tensor:
    """Stack rows (T,) to (B, T), or (3, T) to (3, B, T), padded with zeros on the right."""
    width = max(row.shape[-1] for row in rows)
    return torch.stack([functional.pad(row, (0, width - row.shape[-1])) for row in rows], dim=-2)


@dataclass(frozen=True)
class Step:
    """One step: its task, and its examples as one batch for each part."""

    task: str
    parts: list[Batch]


@dataclass(frozen=True)
class Steps(Dataset):
    """The steps of a run; step k is drawn with `Random(seed, k)` and split into up to `parts` batches."""

    draw: Draw
    encoder: Encoder
    seed: int
    parts: int

    def __getitem__(self, number: int) -> Step:
        task, examples = self.draw(random.Random(f"{self.seed}/{number}"))
        count = min(self.parts, len(examples))
        return Step(task, [self.encoder.encode(examples[first::count]) for first in range(count)])

    def iterate(self, numbers: range, workers: int) -> Iterator[Step]:
        """The steps with these numbers, in order; without workers, each is made when it is needed.

        Workers are forked, so they share the memory of the samplers. They do not use the GPU.
        """
        context = "fork" if workers else None
        loader = DataLoader(
            self, batch_size=None, sampler=numbers, num_workers=workers, collate_fn=_as_it_is,
            multiprocessing_context=context,
        )  # fmt: skip
        return iter(loader)


def _as_it_is(step: Any) -> Any:
    return step
