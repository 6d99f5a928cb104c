"""Greedy decoding that guesses the next tokens: they are looked up in the prompt and checked in one forward pass.

This is speculative decoding with prompt lookup (arXiv 2304.04487). Transformers' `prompt_lookup_num_tokens` works on
one row of ids, and this on batches of embeddings. A token is kept only where it is the model's own first choice, so the
answer is the greedy one. One pass that checks several tokens costs less than as many passes of one token.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from transformers import DynamicCache

from msr.backbones.transformers.batching import Row, common, padded

NGRAM = 4  # the ending that is looked up has at most so many tokens
AHEAD = 10  # tokens that are guessed for one row, at most
PASS = 48  # tokens of a whole batch that one pass checks
_WORTH = 128  # tokens that a separate pass for the shared prefix has to save


@dataclass
class Answer:
    """The answer to one prompt while it grows. `sources`: token ids that it may repeat, the likeliest first."""

    row: Row
    sources: Sequence[Sequence[int]]
    written: list[int] = field(default_factory=list)
    chances: list[float] = field(default_factory=list)  # log probability of each written token
    hope: int = AHEAD  # how many tokens the next guess may have

    @property
    def confidence(self) -> float:
        """Geometric mean of the tokens' probabilities."""
        return math.exp(sum(self.chances) / len(self.chances)) if self.chances else math.nan


def lookup(written: Sequence[int], sources: Sequence[Sequence[int]], ahead: int) -> list[int]:
    """Guess up to `ahead` tokens: those that follow the longest ending of `written` that is found in a source.

    The last occurrence counts. An empty answer is guessed to begin like the first source.
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
    answers: Sequence[Answer],
    max_new_tokens: int,
    eos: int,
    check: Callable[[], None],
    heard: Callable[[list[int]], None] = lambda ids: None,
    checked: int = PASS,
) -> None:
    """Decode all answers together and fill their `written`, including `eos` if it comes within `max_new_tokens`.

    The decoder of `model` has plain one-dimensional positions. `check` is called before each pass and may raise.
    `heard` receives the new tokens of the first answer. A pass over all answers checks about `checked` tokens.
    """
    table, language, head = model.get_input_embeddings(), model.get_decoder(), model.get_output_embeddings()
    active = list(answers)
    cache, valid, read = _prefilled(model, active, check)
    device, valid = read.device, valid.cpu()  # the mask is edited row by row, which is slow on a GPU
    while active:
        check()
        guesses = _guesses(active, max_new_tokens, checked)
        ahead = max(map(len, guesses))
        padded_ids = torch.tensor([g + [eos] * (ahead - len(g)) for g in guesses], dtype=torch.long)
        guessed = torch.tensor([[1] * len(g) + [0] * (ahead - len(g)) for g in guesses], dtype=valid.dtype)
        valid = torch.cat([valid, guessed.view(len(active), ahead)], dim=1)
        block = torch.cat([read, table(padded_ids.to(device))], dim=1)
        states = language(
            inputs_embeds=block,
            attention_mask=valid.to(device),
            position_ids=(valid.cumsum(1) - 1).clamp(min=0)[:, -block.shape[1] :].to(device),
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state[:, -1 - ahead :]
        logits = head(
            states.flatten(0, 1)
        ).float()  # flattened, because the head would be copied for each row of a slice
        logits = logits.unflatten(0, (len(active), -1))
        best, choices = logits.max(-1)
        chances = (best - logits.logsumexp(-1)).tolist()
        choices = choices.tolist()
        kept: list[int] = []  # rows of the batch whose answers go on
        longest = 0
        for k, (answer, guess) in enumerate(zip(active, guesses, strict=True)):
            new = _agreed(choices[k], guess, eos)[: max_new_tokens - len(answer.written)]
            answer.written += new
            answer.chances += chances[k][: len(new)]
            if guess:  # an answer that repeats nothing gets shorter guesses
                answer.hope = 2 * len(new) - 1
            valid[k, valid.shape[1] - ahead + len(new) - 1 :] = 0  # wrong guesses are masked
            if answer is answers[0]:
                heard(new)
            if new[-1] != eos and len(answer.written) < max_new_tokens:
                kept.append(k)
                longest = max(longest, len(new))
        if len(kept) < len(active):
            active, valid = [active[k] for k in kept], valid[kept]
            cache.batch_select_indices(torch.tensor(kept, dtype=torch.long, device=device))
        if active:
            wrong = ahead + 1 - longest  # columns that are wrong in every answer
            if wrong:
                cache.crop(-wrong)
            valid = torch.cat([valid[:, : valid.shape[1] - wrong], valid.new_ones(len(active), 1)], dim=1)
            read = table(torch.tensor([[answer.written[-1]] for answer in active], device=device))


def _prefilled(
    model, answers: Sequence[Answer], check: Callable[[], None]
) -> tuple[DynamicCache, torch.Tensor, torch.Tensor]:
    """Compute the prompts' common beginning, if it is long enough for a pass of its own.

    Returns a cache of it, the (B, T) mask of the prompts, and the (B, R, D) embeddings that are not computed yet.
    """
    rows = [answer.row for answer in answers]
    cache = DynamicCache(config=model.config.get_text_config())
    shared = common([row.ids for row in rows], model.config.image_token_id)
    if (len(rows) - 1) * shared < _WORTH:
        shared = 0
    if shared:
        check()
        head = padded([rows[0].part(0, shared)], left=True)
        model.get_decoder()(**head, past_key_values=cache, use_cache=True)
        cache.batch_repeat_interleave(len(rows))
    rest = padded([row.part(shared) for row in rows], left=True)
    valid = torch.cat([rest["attention_mask"].new_ones(len(rows), shared), rest["attention_mask"]], dim=1)
    return cache, valid, rest["inputs_embeds"]


def _guesses(active: Sequence[Answer], max_new_tokens: int, checked: int) -> list[list[int]]:
    ahead = min(AHEAD, max(2, checked // len(active)))
    return [
        lookup(answer.written, answer.sources, min(ahead, answer.hope, max_new_tokens - len(answer.written) - 1))
        for answer in active
    ]


def _agreed(choices: Sequence[int], guess: Sequence[int], eos: int) -> list[int]:
    """The model's choices up to the first that differs from the guess, that one included; none after `eos`."""
    agreed = 0
    while agreed < len(guess) and guess[agreed] == choices[agreed] != eos:
        agreed += 1
    return list(choices[: agreed + 1])
