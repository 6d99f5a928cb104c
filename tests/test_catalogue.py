"""The bundled catalogue and its stories, and catalogues of one's own."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from msr import catalogue
from msr.intake import IntakeError
from tests.intake_files import TWO, png, write_folder, write_zip


def test_the_bundled_catalogue_loads_fast() -> None:
    catalogue.demo.cache_clear()
    began = time.process_time()
    demo = catalogue.load("demo")
    assert time.process_time() - began < 2.0
    assert demo.name == "demo" and len(demo.items) >= 240
    assert all(item.title and item.picture for item in demo.items)
    assert len({item.picture.digest for item in demo.items if item.picture}) == len(demo.items)
    assert catalogue.load("demo") is demo


def test_every_story_is_a_history_out_of_the_bundled_catalogue() -> None:
    stories = catalogue.stories()
    assert len(stories) >= 4 and len({story.id for story in stories}) == len(stories)
    for story in stories:
        assert story.name and story.tagline and story.taste[0]["from_block"] == 0
        items = catalogue.story_items(story.id)
        assert tuple(item.id for item in items) == story.items and len(set(story.items)) >= 6


def test_an_unknown_story_and_an_unknown_item() -> None:
    with pytest.raises(IntakeError, match="no story 'nobody'; choose one of"):
        catalogue.story_items("nobody")
    with pytest.raises(IntakeError, match="has no item 'x9'"):
        catalogue.demo().pick(["x9"])


@pytest.mark.parametrize("packed", [False, True])
def test_a_catalogue_of_ones_own(tmp_path: Path, packed: bool) -> None:
    files = {"items.csv": TWO, "a.png": png()}
    path = write_zip(tmp_path / "shop.zip", files) if packed else write_folder(tmp_path / "shop", files)
    shop = catalogue.load(path)
    assert shop.name == "shop"
    assert shop.by_id == {"a": shop.items[0], "b": shop.items[1]}
    assert [item.id for item in shop.pick(["b", "a"])] == ["b", "a"]
