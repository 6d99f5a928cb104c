"""Greedy decoding that guesses ahead: a few tokens are looked up in the prompt and checked in one forward pass.

Speculative decoding with prompt lookup (arXiv 2304.04487; transformers' `prompt_lookup_num_tokens` serves one row of
ids, this serves batches of embeddings). A token is kept only where it is the model's own first choice, so the answer
is the greedy one; what is saved are passes, which cost nearly the same for one token as for eight.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from transformers import DynamicCache

NGRAM = 4  # tokens of the ending that is looked up, at most
AHEAD = 10  # tokens that are guessed for a single row
_PASS = 48  # tokens of a whole batch that a pass checks


@dataclass
class Row:
    """One prompt on its way. `embeds` (T, D); `sources`: token ids to look up in, the likeliest first."""

    embeds: torch.Tensor
    sources: Sequence[Sequence[int]]
    written: list[int] = field(default_factory=list)
    chances: list[float] = field(default_factory=list)  # log probability of each written token

    @property
    def confidence(self) -> float:
        """Geometric mean of the tokens' probabilities."""
        return math.exp(sum(self.chances) / len(self.chances)) if self.chances else math.nan


def lookup(written: Sequence[int], sources: Sequence[Sequence[int]], ahead: int) -> list[int]:
    """Up to `ahead` tokens that may follow: what followed the longest ending of `written` that is in a source.

    The last occurrence counts. An empty answer is guessed to begin as the first source does.
    """
    if not written:
        return list(sources[0][:ahead]) if sources else []
    for length in range(min(NGRAM, len(written)), 0, -1):
        ending = list(written[-length:])
        for source in sources:
            for start in range(len(source) - length - 1, -1, -1):
                if list(source[start : start + length]) == ending:
                    return list(source[start + length : start + length + ahead])
    return []


def greedy(
    model,
    language,
    rows: Sequence[Row],
    max_new_tokens: int,
    eos: int,
    check: Callable[[], None],
    heard: Callable[[list[int]], None] = lambda ids: None,
) -> None:
    """Fills the rows' `written`, with the end-of-turn token if it came within `max_new_tokens`.

    `language` is the decoder of `model` without its head, over plain one-dimensional positions. `check` is called
    before each pass and may raise; `heard` gets the first row's new tokens.
    """
    table, head = model.get_input_embeddings(), model.get_output_embeddings()
    cache = DynamicCache(config=model.config.get_text_config())
    active = list(rows)
    width = max(len(row.embeds) for row in active)
    read = rows[0].embeds.new_zeros(len(active), width, rows[0].embeds.shape[-1])
    valid = torch.zeros(len(active), width, dtype=torch.long, device=read.device)
    for k, row in enumerate(active):
        read[k, width - len(row.embeds) :], valid[k, width - len(row.embeds) :] = row.embeds, 1
    while active:
        check()
        guesses = _guesses(active, max_new_tokens)
        ahead = max(map(len, guesses))
        padded = torch.tensor([g + [eos] * (ahead - len(g)) for g in guesses], dtype=torch.long, device=read.device)
        guessed = torch.tensor([[1] * len(g) + [0] * (ahead - len(g)) for g in guesses], device=read.device)
        valid = torch.cat([valid, guessed.view(len(active), ahead).to(valid)], dim=1)
        block = torch.cat([read, table(padded)], dim=1)
        states = language(
            inputs_embeds=block,
            attention_mask=valid,
            position_ids=(valid.cumsum(1) - 1).clamp(min=0)[:, -block.shape[1] :],
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state[:, -1 - ahead :]
        chances, choices = head(states).float().log_softmax(-1).max(-1)
        kept: list[int] = []  # places in the batch of rows that go on
        longest = 0
        for k, (row, guess) in enumerate(zip(active, guesses, strict=True)):
            new = _agreed(choices[k].tolist(), guess, eos)[: max_new_tokens - len(row.written)]
            row.written += new
            row.chances += chances[k, : len(new)].tolist()
            valid[k, valid.shape[1] - ahead + len(new) - 1 :] = 0  # what was guessed wrong is not read again
            if row is rows[0]:
                heard(new)
            if new[-1] != eos and len(row.written) < max_new_tokens:
                kept.append(k)
                longest = max(longest, len(new))
        if len(kept) < len(active):
            active, valid = [active[k] for k in kept], valid[kept]
            cache.batch_select_indices(torch.tensor(kept, dtype=torch.long, device=valid.device))
        if active:
            wrong = ahead + 1 - longest  # in every row
            if wrong:
                cache.crop(-wrong)
            valid = torch.cat([valid[:, : valid.shape[1] - wrong], valid.new_ones(len(active), 1)], dim=1)
            read = table(torch.tensor([[row.written[-1]] for row in active], device=valid.device))


def _guesses(active: Sequence[Row], max_new_tokens: int) -> list[list[int]]:
    ahead = min(AHEAD, max(2, _PASS // len(active)))
    return [
        lookup(row.written, row.sources, min(ahead, max_new_tokens - len(row.written) - 1)) for row in active
    ]


def _agreed(choices: Sequence[int], guess: Sequence[int], eos: int) -> list[int]:
    """The model's choices as far as the guess led them: one more than agree, none after the end of the turn."""
    agreed = 0
    while agreed < len(guess) and guess[agreed] == choices[agreed] != eos:
        agreed += 1
    return list(choices[: agreed + 1])
