"""How far a picture is known, and the views that are kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from msr.storage import TextCache
from tests import tiny
from tests.backbones import reference
from tests.fakes import COLOURS, picture
from tests.tiny import asked


def test_certainty_is_what_the_namer_says_of_the_view():
    backbone = tiny.pocket_backbone()
    shown = [picture("red"), picture("blue")]
    known = backbone.certainty(shown)
    with torch.inference_mode():
        view = backbone.model.model.see(backbone._pixels(shown)).half().float()
        expected = backbone.model.model.multi_modal_projector.sight(view).certainty
    for one, row in zip(known, expected.tolist(), strict=True):
        assert (one.name, one.group) == pytest.approx(tuple(row), rel=1e-3)
    assert known[0] != known[1]
    assert backbone.certainty(shown[::-1]) == known[::-1]


def test_the_tower_does_not_run_for_a_kept_view_and_scores_are_the_same(tmp_path):
    prompts = [asked(colour, "a mug") for colour in COLOURS]
    first = tiny.pocket_backbone(TextCache(tmp_path))
    scores = first.score(prompts[:5])
    second = tiny.pocket_backbone(TextCache(tmp_path))
    with reference.counted(second.model.model.vision_tower) as sizes:
        assert second.score(prompts[:5]) == scores
        known = second.certainty([p.pictures[0] for p in prompts[:5]])
    assert sizes == []
    assert known == first.certainty([p.pictures[0] for p in prompts[:5]])
    with reference.counted(second.model.model.vision_tower) as sizes:
        second.score(prompts)
    assert sum(sizes) == 2, "two pictures are new"


def test_views_on_disk_are_used_with_an_adapter_too(tmp_path):
    prompt = asked("red", "a mug")
    folder = tiny.save_adapter(tmp_path / "lora", tiny.pocket_model())
    for expected in ([1], []):
        backbone = tiny.pocket_backbone(TextCache(tmp_path / "views"))
        backbone.merge_adapter(str(folder), "lora", "0" * 16)
        with reference.counted(backbone.model.model.vision_tower) as sizes:
            backbone.score([prompt])
        assert sizes == expected


def test_a_view_of_another_tower_is_not_used(tmp_path):
    prompt = asked("red", "a mug")
    tiny.pocket_backbone(TextCache(tmp_path)).score([prompt])
    other = tiny.pocket_backbone(TextCache(tmp_path))
    other._identity["tower"] = "another"
    with reference.counted(other.model.model.vision_tower) as sizes:
        other.score([prompt])
    assert sizes == [1]


def test_a_draft_makes_an_answer_quicker_and_no_other():
    backbone = tiny.pocket_backbone()
    prompt = asked(None, "a mug")
    language = backbone.model.get_decoder()
    with reference.counted(language) as without:
        (answer,) = backbone.generate([prompt], 24)
    with reference.counted(language) as helped:
        assert backbone.generate([replace(prompt, draft=answer.text)], 24)[0].text == answer.text
    with reference.counted(language) as misled:
        assert backbone.generate([replace(prompt, draft="A red plain mug.")], 24)[0].text == answer.text
    assert len(helped) < len(without)
    assert len(misled) <= len(without) + 1
