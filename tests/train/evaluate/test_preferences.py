"""Preference texts of the evaluation: those of the app, those of the rule, or none."""

from __future__ import annotations

import pytest

from msr.backbones.wrappers import CachedBackbone
from msr.config import PipelineConfig
from msr.events import Finished
from msr.pipeline import Pipeline
from msr.storage import TextCache
from tests.fakes import FakeBackbone, catalogue, picture
from train.data.dataset import CatalogueItem, Dataset
from train.evaluate import model_system
from train.teach.examples import HISTORY, AppItems

COLOURS = ("red", "blue", "green", "yellow")


@pytest.fixture
def items(tmp_path) -> dict[str, CatalogueItem]:
    """Twelve mugs and lamps with pictures, and one title alone."""
    made = {}
    for n in range(12):
        path = tmp_path / f"{n}.webp"
        path.write_bytes(picture(COLOURS[n % 4]).data)
        made[f"i{n}"] = CatalogueItem(f"i{n}", f"{'mug' if n < 6 else 'lamp'} {n}", path)
    made["bare"] = CatalogueItem("bare", "bag <image> of  tricks")
    return made


def test_items_pass_the_same_door_as_in_the_app(items):
    shown_items = AppItems(items)
    assert shown_items["i1"].picture.digest == picture("blue").digest
    assert shown_items["bare"].picture is None
    assert shown_items["bare"].title == shown_items.title("bare") == "bag of tricks"
    assert shown_items["i1"] is shown_items["i1"], "opened once"


def test_pictures_can_be_taken_away(items, tmp_path):
    blind = AppItems(items | {"mute": CatalogueItem("mute", "", items["i0"].image)}, pictured=False)
    assert [i.picture for i in blind.pick(["i1", "mute"])] == [None, None]
    assert blind["mute"].title == "untitled"


def test_a_damaged_picture_costs_itself_and_is_named(items, tmp_path):
    (tmp_path / "1.webp").write_bytes(b"RIFFnothing")
    refused = {}
    seen = AppItems(items, refused=refused)
    assert (seen["i1"].title, seen["i1"].picture) == ("mug 1", None) and seen["i2"].picture
    assert list(refused) == ["i1"] and refused["i1"].startswith(f"{tmp_path.name}/1.webp: this is not a picture")


def test_generated_texts_are_those_of_the_app(items):
    """For two users at once, and for a user with more items than are read."""
    histories = [["i0", "i1", "i2", "i6"], [f"i{n}" for n in range(12)], ["bare"]]
    backbone = CachedBackbone(FakeBackbone(), TextCache())
    texts = model_system.writer("generated", AppItems(items), backbone)(histories)
    for history, text in zip(histories, texts, strict=True):
        app = Pipeline(FakeBackbone(), PipelineConfig(explain_top=0))
        *_, done = app.run(AppItems(items).pick(history[-HISTORY:]), catalogue(2))
        assert isinstance(done, Finished)
        assert text == done.run.preferences[-1].text
    assert len(set(texts)) == 3


def test_a_user_without_a_history_has_no_generated_text(items):
    write = model_system.writer("generated", AppItems(items), CachedBackbone(FakeBackbone(), TextCache()))
    assert write([[], ["i1"]])[0] == ""


def test_symbolic_texts_are_the_targets_of_training():
    films = {
        "1": CatalogueItem("1", "Heat (1995)", words=("Action", "Crime")),
        "2": CatalogueItem("2", "Speed (1994)", words=("action",)),
        "3": CatalogueItem("3", "Airplane! (1980)", words=("comedy",)),
        "4": CatalogueItem("4", "Untold"),
    }
    write = model_system.writer("symbolic", AppItems(films), CachedBackbone(FakeBackbone(), TextCache()))
    assert write([["1", "2", "3"], ["4"], []]) == [
        "The user appears to have a preference for action movies from the 1990s.",
        "The user appears to have a preference for varied things.",
        "",
    ]


def test_titles_alone_leave_the_preference_open(items):
    backbone = FakeBackbone()
    assert model_system.writer("titles", AppItems(items), CachedBackbone(backbone, TextCache()))([["i1"], []]) == [
        "",
        "",
    ]
    assert not backbone.calls


def test_pictures_decide_what_is_usual(items):
    assert model_system.default_preference(Dataset("folder", items, ())) == "generated"
    assert model_system.default_preference(Dataset("folder", {"bare": items["bare"]}, ())) == "titles"
