"""Prompts side by side in one line of tokens, each blind to the others: less padding, and what neighbours begin with
stands there once (tree attention, arXiv 2305.09781, section 4.2)."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from msr.backbones.attention import TILED
from msr.backbones.rows import Row, padded

_LINES = (72, 132)  # about how many tokens a line has: fewer make small products, more see much that is masked
MUCH = 32  # tokens that are worth sharing
_ANY_MASK = frozenset({"sdpa", "eager", TILED})  # kinds of attention that take any mask


class Packed(NamedTuple):
    """N prompts in B lines of T tokens. `inputs` as a decoder takes them, their mask (B, 1, T, before + T) of 0 and the
    lowest number; `line` and `column`, (N,), are the place of each prompt's last token."""

    inputs: dict[str, torch.Tensor]
    line: torch.Tensor
    column: torch.Tensor


@dataclass
class _Line:
    """`columns`: of each prompt, where its tokens stand; `new`: of each prompt, how many tokens stand there for it."""

    parts: list[Row] = field(default_factory=list)
    columns: list[list[int]] = field(default_factory=list)
    new: list[int] = field(default_factory=list)
    length: int = 0

    def add(self, row: Row, known: int) -> None:
        """The first `known` tokens are those of the last prompt."""
        behind = range(self.length, self.length + len(row.ids) - known)
        self.columns.append([*(self.columns[-1][:known] if known else ()), *behind])
        self.new.append(len(behind))
        self.parts.append(row.part(known))
        self.length += len(behind)

    def row(self) -> Row:
        ids = [token for part in self.parts for token in part.ids]
        embeds = torch.cat([part.embeds for part in self.parts])
        return Row(ids, embeds, torch.cat([part.positions for part in self.parts], dim=-1))


def packable(config) -> bool:
    """Whether a language model with this text `config` takes any mask, and every layer of it sees all tokens."""
    layers = DynamicCache(config=config).layers
    return config._attn_implementation in _ANY_MASK and all(type(layer) is DynamicLayer for layer in layers)


def packed(rows: Sequence[Row], image: int, before: int = 0) -> Packed:
    """Puts prompts of at least one token into lines, behind `before` tokens in a cache that all see.

    Neighbours that begin with much alike stay together.
    """
    groups: list[list[int]] = []
    sizes: list[int] = []
    for n, row in enumerate(rows):
        known = common([rows[n - 1].ids, row.ids], image) if n else 0
        if known < MUCH:
            groups.append([])
            sizes.append(0)
            known = 0
        groups[-1].append(n)
        sizes[-1] += len(row.ids) - known
    lines = []
    places = torch.zeros(len(rows), 2, dtype=torch.long)
    for some in _spread(sizes):
        line, last = _Line(), None
        for n in (n for k in some for n in groups[k]):
            line.add(rows[n], 0 if last is None else common([rows[last].ids, rows[n].ids], image))
            places[n] = torch.tensor([len(lines), line.columns[-1][-1]])
            last = n
        lines.append(line)
    inputs = padded([line.row() for line in lines], left=False)
    inputs["attention_mask"] = _mask(lines, before, inputs["inputs_embeds"])
    return Packed(inputs, *places.to(inputs["inputs_embeds"].device).T)


def _spread(sizes: Sequence[int]) -> list[list[int]]:
    """Which of the groups of so many tokens are in which line, so that least is missing to the longest line.

    With each number of lines, the largest group goes first, and each to the line that is shortest by then (LPT; Graham,
    Bounds on multiprocessing timing anomalies, 1969). Numbers are tried that give each line equally many groups.
    """
    most, fewest = (max(1, round(sum(sizes) / max(length, *sizes))) for length in _LINES)
    even = {-(-len(sizes) // each) for each in range(1, len(sizes) // fewest + 1)}
    by_size = sorted(range(len(sizes)), key=lambda k: -sizes[k])
    best, least = [], float("inf")
    for count in sorted({most, fewest, *(n for n in even if fewest < n < most)}, reverse=True):
        lines: list[list[int]] = [[] for _ in range(count)]
        lengths = [(0, line) for line in range(count)]
        for group in by_size:
            length, line = lengths[0]
            lines[line].append(group)
            heapq.heapreplace(lengths, (length + sizes[group], line))
        tokens = count * max(lengths)[0]
        if tokens < least:
            best, least = [sorted(line) for line in lines], tokens
    return best


def common(ids: Sequence[Sequence[int]], image: int) -> int:
    """How many tokens all prompts begin with, before any `image` token and before the last token of the shortest."""
    count = 0
    for token, *others in zip(*(prompt[:-1] for prompt in ids), strict=False):
        if token == image or any(other != token for other in others):
            break
        count += 1
    return count


def _mask(lines: Sequence[_Line], before: int, like: torch.Tensor) -> torch.Tensor:
    count, width, _ = like.shape
    seen = torch.zeros(count, width, before + width, dtype=torch.bool)
    seen[..., :before] = True
    for number, line in enumerate(lines):
        seen[number, line.length :, before] = True  # padding has to see something
        start = 0
        for columns, new in zip(line.columns, line.new, strict=True):
            own = torch.ones(new, len(columns), dtype=torch.bool).tril(len(columns) - new)
            seen[number, start : start + new, torch.tensor(columns) + before] = own
            start += new
    mask = torch.full(seen.shape, torch.finfo(like.dtype).min, dtype=like.dtype).masked_fill(seen, 0)
    return mask.unsqueeze(1).to(like.device)
