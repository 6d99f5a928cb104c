"""How familiar a picture is, and the views that are kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from msr.backbones.pocket.backbone import Familiarity
from msr.storage import TextCache
from tests import tiny
from tests.backbones import reference
from tests.fakes import COLOURS, picture
from tests.tiny import asked


def at(distance: float) -> list[float]:
    """A feature (not of unit length) at a cosine distance from the first axis."""
    cosine = 1 - distance
    return [3 * cosine, 3 * (1 - cosine**2) ** 0.5, 0.0]


CENTRES = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


@pytest.mark.parametrize(
    ("distance", "expected"),
    [
        (0.0, 1.0),  # 0.5 ** -9, cut at 1
        (0.18, 1.0),  # nine tenths of the edge: 0.5 ** 0
        (0.2, 0.5),  # at the edge
        (0.22, 0.25),  # a tenth further, half
        (0.24, 0.125),
        (1.0, 0.5**41),
    ],
)
def test_familiarity_halves_with_each_tenth_beyond_the_edge(distance, expected):
    (value,) = Familiarity(CENTRES, 0.2)(torch.tensor([at(distance)]))
    assert value == pytest.approx(expected, rel=1e-3)


def test_familiarity_counts_the_nearest_centre_and_works_in_half_precision():
    features = torch.tensor([[0.0, 0.0, 2.0], [0.0, 2.0, 0.0]], dtype=torch.bfloat16)
    values = Familiarity(CENTRES.half(), 0.2)(features)
    assert values[0] == 1.0
    assert values[1] < 0.01


def views_of(*pictures) -> torch.Tensor:
    """CLS features of pictures in the tiny tower."""
    backbone = tiny.pocket_backbone()
    with torch.inference_mode():
        return backbone.model.model.see(backbone._pixels(pictures))[:, 0, : tiny.VISION]


def test_a_training_picture_is_familiar_and_another_is_not():
    red, blue = picture("red"), picture("blue")
    known = torch.nn.functional.normalize(views_of(red), dim=-1)
    away = 1 - float(torch.nn.functional.normalize(views_of(blue), dim=-1)[0] @ known[0])
    assert away > 1e-3
    backbone = tiny.pocket_backbone(familiar=Familiarity(known, away / 2))
    near, far, again = backbone.familiarity([red, blue, red])
    assert near == again == pytest.approx(1.0)
    assert far == pytest.approx(0.5**11, rel=0.2)  # twice the edge away


def test_the_tower_does_not_run_for_a_kept_view_and_scores_are_the_same(tmp_path):
    prompts = [asked(colour, "a mug") for colour in COLOURS]
    first = tiny.pocket_backbone(TextCache(tmp_path))
    scores = first.score(prompts[:5])
    second = tiny.pocket_backbone(TextCache(tmp_path))
    with reference.counted(second.model.model.vision_tower) as sizes:
        assert second.score(prompts[:5]) == scores
        known = second.familiarity([p.pictures[0] for p in prompts[:5]])
    assert sizes == []
    assert known == first.familiarity([p.pictures[0] for p in prompts[:5]])
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
