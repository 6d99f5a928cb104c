"""How much of their prompts is read once."""

from __future__ import annotations

from types import SimpleNamespace

from msr.backbones.prefixes import shared

IMAGE = 99


def test_a_lonely_prompt_shares_nothing():
    assert shared([[1, 2, 3]], IMAGE, SimpleNamespace()) == 0
    assert shared([[1, 2, 3], [1, 2, 4]], IMAGE, SimpleNamespace()) == 2


def test_a_running_state_is_not_repeated():
    asked = [[1, 2, 3], [1, 2, 4]]
    kinds = ["full_attention", "sliding_attention"]
    assert shared(asked, IMAGE, SimpleNamespace(layer_types=kinds)) == 2
    assert shared(asked, IMAGE, SimpleNamespace(layer_types=[*kinds, "linear_attention"])) == 0
