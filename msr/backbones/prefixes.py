"""What prompts begin with alike is computed once.

Prompts about many candidates share all but their ends. Asked behind several contexts in one call, as leave-one-out
does, they are families: one prefix each, computed side by side.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from transformers import DynamicCache

from msr.backbones.rows import Row, padded

_REPEATED = frozenset({"full_attention", "sliding_attention", "chunked_attention"})  # layers with keys and values


class Family(NamedTuple):
    """Consecutive prompts and how many tokens of their beginnings are computed once for all of them."""

    size: int
    shared: int


def common(ids: Sequence[Sequence[int]], image: int) -> int:
    """How many tokens all prompts begin with, before any `image` token and before the last token of the shortest."""
    count = 0
    for token, *others in zip(*(prompt[:-1] for prompt in ids), strict=False):
        if token == image or any(other != token for other in others):
            break
        count += 1
    return count


def families(ids: Sequence[Sequence[int]], image: int) -> list[Family]:
    """Cuts prompts into families, so that few tokens are computed.

    A prompt joins the family before it unless the prefix that this would shorten costs more than a prefix of its own.
    What is shared ends before any `image` token and before the last token of the shortest prompt.
    """
    found: list[Family] = []
    for n, prompt in enumerate(ids):
        if found:
            size, shared = found[-1]
            shortened = common([ids[n - size][: shared + 1], prompt], image)
            if (size - 1) * (shared - shortened) <= shortened:
                found[-1] = Family(size + 1, shortened)
                continue
        found.append(Family(1, common([prompt], image)))
    together = all(family.shared for family in found) and len(ids) > 1
    return found if together else [Family(len(ids), 0)]


def repeatable(config) -> bool:
    """Whether each layer of a language model keeps keys and values, which can be repeated for many prompts.

    A running state (linear attention, Mamba) cannot.
    """
    return _REPEATED.issuperset(getattr(config, "layer_types", None) or ())


class Prefixes:
    """Reads rows behind their shared prefixes; those of the last call are kept, as candidates come in batches."""

    def __init__(self) -> None:
        self._kept: tuple[list[list[int]], DynamicCache, torch.Tensor] | None = None

    def forget(self) -> None:
        """To be called when the weights change."""
        self._kept = None

    def last_states(self, language, config, image: int, rows: Sequence[Row], check: Callable[[], None]) -> torch.Tensor:
        """(B, D) states of `language`, a decoder with this text `config`, at the last token of each of B rows.

        `check` is called before each pass and may raise.
        """
        check()
        found = families([row.ids for row in rows], image) if repeatable(config) else [Family(len(rows), 0)]
        of = [n for n, family in enumerate(found) for _ in range(family.size)]  # each row's family
        own = padded([row.part(found[n].shared) for row, n in zip(rows, of, strict=True)], left=False)
        ends = own["attention_mask"].sum(1) - 1
        cached = found[0].shared > 0
        if cached:
            firsts = [of.index(n) for n in range(len(found))]
            heads = [rows[first].part(0, family.shared) for first, family in zip(firsts, found, strict=True)]
            cache, seen = self._behind(language, config, heads)
            which = torch.tensor(of, device=ends.device)
            cache.batch_select_indices(which)
            own["attention_mask"] = torch.cat([seen[which], own["attention_mask"]], dim=1)
            own["past_key_values"] = cache
            check()
        states = language(**own, use_cache=cached).last_hidden_state
        return states[torch.arange(len(rows), device=ends.device), ends]

    def _behind(self, language, config, heads: Sequence[Row]) -> tuple[DynamicCache, torch.Tensor]:
        """A copy of the keys and values of prefixes, and the (F, S) mask of what they hold."""
        ids = [head.ids for head in heads]
        if self._kept is None or self._kept[0] != ids:
            cache = DynamicCache(config=config)
            inputs = padded(heads, left=True)
            language(**inputs, past_key_values=cache, use_cache=True)
            self._kept = ids, cache, inputs["attention_mask"]
        _, cache, seen = self._kept
        return copy.deepcopy(cache), seen
