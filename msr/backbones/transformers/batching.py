"""Prompts as the rows of a batch: embeddings, masks and positions."""

from __future__ import annotations

import copy
import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from msr.backbones.transformers.attention import TILED
from msr.backbones.transformers.tokens import Seen


class Row(NamedTuple):
    """A prompt as the language model takes it: T ids, (T, D) embeddings with pictures in place, and positions, (T,) or
    (3, T)."""

    ids: list[int]
    embeds: torch.Tensor
    positions: torch.Tensor

    def part(self, start: int, stop: int | None = None) -> Row:
        """Its tokens from `start` to `stop`."""
        return Row(self.ids[start:stop], self.embeds[start:stop], self.positions[..., start:stop])


def positions(model, ids: torch.Tensor, pictures: Sequence[Seen]) -> torch.Tensor:
    """(T,) positions of a prompt's T ids; (3, T) where the model counts time, height and width (M-RoPE, Qwen-VL).

    There, a picture takes up as many positions as its longer side has cells, so what follows it is nearer.
    """
    inner = model.base_model
    if not hasattr(inner, "get_rope_index"):
        return torch.arange(len(ids), device=ids.device)
    grids = torch.stack([p.grid for p in pictures]).to(ids.device) if pictures else None
    kinds = (ids == model.config.image_token_id).int()
    return inner.get_rope_index(ids[None], mm_token_type_ids=kinds[None], image_grid_thw=grids)[0][:, 0]


def padded(rows: Sequence[Row], left: bool) -> dict[str, torch.Tensor]:
    """Rows as (B, T, D) embeddings, (B, T) mask and (B, T) or (3, B, T) positions.

    Left padding to generate, right padding behind a prefix.
    """
    width = max(len(row.ids) for row in rows)
    embeds = rows[0].embeds.new_zeros(len(rows), width, rows[0].embeds.shape[-1])
    places = rows[0].positions.new_zeros(*rows[0].positions.shape[:-1], len(rows), width)
    mask = torch.zeros(len(rows), width, dtype=torch.long, device=embeds.device)
    for k, row in enumerate(rows):
        size = len(row.ids)
        where = slice(width - size, width) if left else slice(0, size)
        embeds[k, where], mask[k, where] = row.embeds, 1
        places[..., k, where] = row.positions
    return {"inputs_embeds": embeds, "attention_mask": mask, "position_ids": places}


# ---- What prompts begin with alike is computed once, and kept for the next call.


_REPEATED = frozenset({"full_attention", "sliding_attention", "chunked_attention"})  # layers with keys and values


def shared(ids: Sequence[Sequence[int]], image: int, config) -> int:
    """How many tokens of prompts are read once for all, by a language model of this `config`.

    None of a lonely prompt, nor where a layer keeps a running state in place of keys and values (linear attention,
    Mamba), which cannot be repeated for many prompts.
    """
    layers = getattr(config, "layer_types", None) or ()
    return common(ids, image) if len(ids) > 1 and _REPEATED.issuperset(layers) else 0


def _beside(rows: Sequence[Row], before: int) -> Packed:
    """A line for each row, behind `before` tokens in a cache."""
    inputs = padded(rows, left=False)
    mask = inputs["attention_mask"]
    inputs["attention_mask"] = torch.cat([mask.new_ones(len(rows), before), mask], dim=1)
    return Packed(inputs, torch.arange(len(rows), device=mask.device), mask.sum(1) - 1)


class SharedPrefix:
    """Reads rows behind the prefix that they share. The last prefix is kept, as candidates come in batches."""

    def __init__(self) -> None:
        self._kept: tuple[list[int], DynamicCache] | None = None

    def forget(self) -> None:
        """To be called when the weights change."""
        self._kept = None

    def last_states(self, language, config, image: int, rows: Sequence[Row], check: Callable[[], None]) -> torch.Tensor:
        """(N, D) states of `language`, a decoder with this text `config`, at the last token of each of N rows.

        What follows the prefix is packed where the model takes any mask, else padded. `check` is called before each
        pass and may raise.
        """
        check()
        length, pack = shared([row.ids for row in rows], image, config), packable(config)
        if pack and length < MUCH:  # a pass of its own costs as much as these few tokens in every line
            length = 0
        rest = [row.part(length) for row in rows]
        inputs, line, column = packed(rest, image, length) if pack else _beside(rest, length)
        if length:
            cache = self._behind(language, config, rows[0].part(0, length))
            cache.batch_repeat_interleave(len(inputs["inputs_embeds"]))
            inputs["past_key_values"] = cache
            check()
        return language(**inputs, use_cache=bool(length)).last_hidden_state[line, column]

    def _behind(self, language, config, prefix: Row) -> DynamicCache:
        """A copy of the keys and values of a prefix; what it begins with as the last one did is not read again."""
        if self._kept is None or self._kept[0] != prefix.ids:
            same, cache = self._beginning(config, prefix.ids)
            self._kept = None  # until the pass is done
            inputs = padded([prefix.part(same)], left=False)
            del inputs["attention_mask"]  # there is no padding
            language(**inputs, past_key_values=cache, use_cache=True)
            self._kept = prefix.ids, cache
        return copy.deepcopy(self._kept[1])

    def _beginning(self, config, ids: list[int]) -> tuple[int, DynamicCache]:
        """How many of these tokens the last prefix began with, and a cache of so many."""
        cache = DynamicCache(config=config)
        known, kept = self._kept or ([], cache)
        if not all(type(layer) is DynamicLayer for layer in kept.layers):  # a window cannot be cut back
            return 0, cache
        most = min(len(known), len(ids) - 1)
        same = next((n for n in range(most) if known[n] != ids[n]), most)
        if same:
            kept.crop(same - len(known))
            cache = kept
        return same, cache


# ---- Prompts side by side in one line of tokens, each blind to the others: less padding, and what neighbours begin
# with stands there once (tree attention, arXiv 2305.09781, section 4.2).


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
