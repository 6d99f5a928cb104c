"""How much of their prompts is read once."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from msr.backbones.transformers import batching
from msr.backbones.transformers.batching import shared
from tests import tiny
from tests.backbones import reference
from tests.tiny import asked

IMAGE = 99


def test_a_lonely_prompt_shares_nothing():
    assert shared([[1, 2, 3]], IMAGE, SimpleNamespace()) == 0
    assert shared([[1, 2, 3], [1, 2, 4]], IMAGE, SimpleNamespace()) == 2


def test_a_running_state_is_not_repeated():
    asked = [[1, 2, 3], [1, 2, 4]]
    kinds = ["full_attention", "sliding_attention"]
    assert shared(asked, IMAGE, SimpleNamespace(layer_types=kinds)) == 2
    assert shared(asked, IMAGE, SimpleNamespace(layer_types=[*kinds, "linear_attention"])) == 0


def test_where_masks_cannot_be_chosen_each_prompt_has_a_line_and_the_same_scores(monkeypatch):
    backbone = tiny.pocket_backbone()
    prompts = [asked(*about, "mugs and bowls " * 20) for about in (("red", "a mug"), (None, "b"), ("blue", "a lamp"))]
    packed = [answer.logit for answer in backbone.score(prompts)]
    monkeypatch.setattr(batching, "packable", lambda config: False)
    backbone.forget()
    with reference.counted(backbone.model.get_decoder()) as sizes:
        beside = [answer.logit for answer in backbone.score(prompts)]
    assert sizes == [1, 3]
    assert beside == pytest.approx(packed, abs=1e-4)
    assert max(beside) - min(beside) > 1e-3, "the prompts must differ to matter"
