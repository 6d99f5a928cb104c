"""A processor's attention is PyTorch's own, however few scores it computes at a time."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from msr.backbones.transformers import attention
from tests import tiny

LAYER = SimpleNamespace(is_causal=False, num_key_value_groups=3, training=False)
ROWS, HEADS, GROUPS, QUERIES, KEYS, DEPTH = 5, 6, 2, 7, 11, 8


def inputs(masked: int = ROWS, dtype=torch.float32, **options):
    """Queries, keys, values, and a mask of `masked` rows in which each token sees something."""
    numbers = torch.Generator().manual_seed(2)

    def drawn(*shape):
        return torch.randn(*shape, generator=numbers).to(dtype).requires_grad_(options.get("gradient", False))

    states = drawn(ROWS, QUERIES, HEADS, DEPTH), drawn(ROWS, GROUPS, KEYS, DEPTH), drawn(ROWS, GROUPS, KEYS, DEPTH)
    if not masked:
        return (states[0].transpose(1, 2), *states[1:], None)
    seen = torch.rand(masked, 1, QUERIES, KEYS, generator=numbers) < 0.5
    seen[..., 0] = True
    mask = torch.zeros(seen.shape, dtype=dtype).masked_fill(~seen, torch.finfo(dtype).min)
    return (states[0].transpose(1, 2), *states[1:], mask)


@pytest.mark.parametrize("masked", [0, 1, ROWS])
@pytest.mark.parametrize("scores", [1, HEADS * KEYS * 3, HEADS * KEYS * QUERIES * 2, 2**19])
def test_any_number_of_scores_at_a_time_gives_the_same(monkeypatch, masked, scores):
    monkeypatch.setattr(attention, "_SCORES", scores)
    asked = inputs(masked)
    expected, _ = sdpa_attention_forward(LAYER, *asked, scaling=0.3)
    found, weights = attention.attend(LAYER, *asked, scaling=0.3)
    assert weights is None and found.shape == (ROWS, QUERIES, HEADS, DEPTH)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(attention.attend(LAYER, *asked)[0], sdpa_attention_forward(LAYER, *asked)[0])


def test_a_mask_and_the_queries_stay_as_they_were():
    asked = inputs()
    before = [one.clone() for one in asked]
    attention.attend(LAYER, *asked)
    assert all(map(torch.equal, asked, before))


def test_half_precision_keeps_to_its_own_rounding():
    asked = inputs(dtype=torch.bfloat16)
    exact, _ = sdpa_attention_forward(LAYER, *(one.float() for one in asked))
    found, _ = attention.attend(LAYER, *asked)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), exact, atol=0.03, rtol=0.03)


def test_gradients_are_those_of_the_usual_attention():
    found = []
    for attend in (attention.attend, sdpa_attention_forward):
        asked = inputs(gradient=True)
        out, _ = attend(LAYER, *asked)
        found.append(torch.autograd.grad(out.square().sum(), asked[0], retain_graph=True))
    assert torch.equal(*(one[0] for one in found))


def test_a_model_on_a_processor_attends_so_in_all_its_parts_but_not_where_it_is_compared():
    backbone = tiny.pocket_backbone()
    config = backbone.model.config

    def named() -> set[str]:
        return {part._attn_implementation for part in (config, config.text_config, config.vision_config)}

    assert named() == {attention.TILED}
    with pytest.raises(KeyError, match="gone"), attention.usual(backbone.model):
        assert named() == {"sdpa"}
        raise KeyError("gone")
    assert named() == {attention.TILED}
