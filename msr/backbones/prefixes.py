"""What prompts begin with alike is computed once, and kept for the next call."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from msr.backbones.packing import MUCH, Packed, common, packable, packed
from msr.backbones.rows import Row, padded

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
