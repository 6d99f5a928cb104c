"""Packed slates attend as a mask over all their tokens would have them attend, gradients included."""

from __future__ import annotations

import pytest
import torch
from transformers import LlamaConfig, LlamaModel

from train.learn.attention import PADDING, branches, dense, teach

WIDE = 24
UNEVEN = [[0] * 5 + [1] * 3 + [2] * 4 + [3] * 2 + [PADDING] * 2, [0] * 3 + [1] * 2 + [2] * 2 + [3] * 6 + [PADDING] * 3]
ONE_EACH = [[0] * 4 + [1] * 2, [0] * 2 + [1] * 4]


@pytest.fixture
def decoder() -> LlamaModel:
    """Three query heads share each key head."""
    torch.manual_seed(3)
    shape = {"hidden_size": WIDE, "intermediate_size": 32, "num_hidden_layers": 2, "head_dim": 8, "vocab_size": 9}
    config = LlamaConfig(**shape, num_attention_heads=6, num_key_value_heads=2, attn_implementation="sdpa")
    return LlamaModel(config).eval()


def states_and_gradient(decoder: LlamaModel, read: torch.Tensor, **seeing) -> tuple[torch.Tensor, torch.Tensor]:
    """Last states where somebody reads, and what a weighted sum of them asks of the input."""
    numbers = torch.Generator().manual_seed(1)
    embeds = torch.randn(*read.shape, WIDE, generator=numbers, requires_grad=True)
    weights = torch.randn(*read.shape, WIDE, generator=numbers)
    places = torch.arange(read.shape[1]).expand(read.shape)
    states = decoder(inputs_embeds=embeds, position_ids=places, use_cache=False, **seeing).last_hidden_state
    (gradient,) = torch.autograd.grad((states * weights)[read].sum(), embeds)
    return states[read].detach(), gradient


@pytest.mark.parametrize("rows", [UNEVEN, ONE_EACH], ids=["uneven", "one candidate each"])
def test_branches_see_what_a_dense_mask_lets_them_see(decoder, rows):
    segments = torch.tensor(rows)
    read = segments != PADDING
    mask = torch.zeros(dense(segments).shape).masked_fill(~dense(segments), torch.finfo(torch.float32).min)
    expected = states_and_gradient(decoder, read, attention_mask=mask)
    teach(decoder)
    found = states_and_gradient(decoder, read, branches=branches(segments))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_a_taught_decoder_reads_plain_rows_as_before(decoder):
    read, mask = torch.ones(2, 7, dtype=torch.bool), torch.tensor([[1] * 7, [1] * 5 + [0] * 2])
    before, _ = states_and_gradient(decoder, read, attention_mask=mask)
    teach(decoder)
    after, _ = states_and_gradient(decoder, read, attention_mask=mask)
    torch.testing.assert_close(after[:12], before[:12])


def test_a_dense_mask_by_hand():
    seen = dense(torch.tensor([[0, 0, 1, 1, 2, PADDING]]))[0, 0].int().tolist()
    assert seen == [
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 0, 0],
        [1, 1, 0, 0, 1, 0],
        [1, 1, 0, 0, 0, 1],
    ]


def test_branches_hold_no_more_than_the_longest_prefix_and_candidate():
    found = branches(torch.tensor(UNEVEN))
    assert (found.candidates, found.longest, found.prefix) == (6, 6, 5)
    assert found.mask.shape == (2, 1, 16, 5 + 6)
    assert len(found.tokens) == len(set(found.places.tolist())) == 19
