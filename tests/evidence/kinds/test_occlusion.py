from __future__ import annotations

import threading

import pytest
from PIL import Image

from msr.backbones.protocol import StopRequested
from msr.evidence.kinds.occlusion import HeatMap, heat_map, occlude, overlay
from msr.schema import Item, Picture, YesNo
from tests import tiny
from tests.fakes import FakeBackbone, picture


class Corner(FakeBackbone):
    """Likes what is red in the second quarter of the first row of a 4x4 grid, and sees nothing else."""

    def score(self, prompts, stop=None):
        self._called("score", prompts)
        for _ in prompts:
            self._step(stop)
        answers = []
        for prompt in prompts:
            shown = prompt.pictures[0].open()
            red, green, _ = shown.getpixel((shown.width * 3 // 8, shown.height // 8))
            answers.append(YesNo(2.0 if red - green > 100 else -1.0, 0.0))
        return answers


RED = Item("c", "mug", picture("red", 32))


def test_the_only_patch_that_matters_is_found():
    *_, found = heat_map(Corner(), "", [], RED, grid=4)
    assert found.complete
    flat = [drop for row in found.drops for drop in row]
    assert flat[1] == 3.0
    assert [drop for n, drop in enumerate(flat) if n != 1] == [0.0] * 15


def test_it_grows_in_a_seeded_order():
    maps = list(heat_map(Corner(), "", [], RED, grid=3, seed=1))
    known = [sum(drop is not None for row in found.drops for drop in row) for found in maps]
    assert known == list(range(1, 10))
    assert not maps[0].complete
    assert maps == list(heat_map(Corner(), "", [], RED, grid=3, seed=1))
    assert maps[0] != next(heat_map(Corner(), "", [], RED, grid=3, seed=2))


def test_patched_pictures_are_scored_in_batches():
    backbone = Corner()
    list(heat_map(backbone, "", [], RED, grid=6))
    assert len(backbone.prompts["score"]) == 37
    assert backbone.calls["score"] == 4


def test_patches_cover_the_picture_without_a_gap():
    hidden = occlude(Picture.from_pixels(Image.new("RGB", (31, 17), "red")), range(25), 5).open()
    assert hidden.size == (31, 17)
    assert all(
        abs(v - 128) < 8 for v in (*hidden.getpixel((0, 0)), *hidden.getpixel((30, 16)), *hidden.getpixel((15, 8)))
    )


def test_refusals():
    with pytest.raises(ValueError, match="no picture"):
        next(heat_map(Corner(), "", [], Item("d", "mug")))
    with pytest.raises(ValueError, match="a grid of 40"):
        next(heat_map(Corner(), "", [], RED, grid=40))
    stop = threading.Event()
    stop.set()
    with pytest.raises(StopRequested):
        next(heat_map(Corner(), "", [], RED, stop=stop))


def test_the_overlay_tints_where_the_score_lies():
    drops = ((1.0, 0.0), (None, -1.0))
    shown = overlay(picture("white", 40), HeatMap(drops))
    assert shown.size == (40, 40)
    assert shown.getpixel((2, 2))[1] > shown.getpixel((2, 2))[0] + 50, "green"
    assert shown.getpixel((37, 37))[0] > shown.getpixel((37, 37))[2] + 50, "rust"
    assert min(shown.getpixel((2, 37))) > 200, "not measured"


@pytest.mark.slow
def test_it_runs_on_a_real_model_class():
    *_, found = heat_map(tiny.pocket_backbone(), "The user likes mugs.", ["lamp"], RED, grid=2)
    assert found.complete and any(drop for row in found.drops for drop in row)
