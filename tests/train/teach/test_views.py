"""Views of training pictures: computed once, kept whole, and done again where a run was interrupted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from msr.backbones.pocket.model import IMAGE_TOKENS
from msr.retrieval import spaces
from msr.schema import InputProblem
from tests import tiny
from tests.fakes import COLOURS
from train.teach.pictures import Shot
from train.teach.views import FeatureStore


class Tower(torch.nn.Module):
    """Sees the mean colour of a picture, in every place; counts the pictures."""

    dtype = torch.float32

    def __init__(self, breaks_at: int | None = None) -> None:
        super().__init__()
        self.seen = 0
        self.breaks_at = breaks_at

    def see(self, pixel_values: torch.Tensor) -> torch.Tensor:
        self.seen += len(pixel_values)
        if self.breaks_at is not None and self.seen > self.breaks_at:
            raise KeyboardInterrupt
        return pixel_values.mean(dim=(2, 3))[:, None, :].expand(-1, 17, -1).repeat(1, 1, 3)


@pytest.fixture
def shots(tmp_path, monkeypatch) -> list[Shot]:
    """Seven plain pictures and a title without one; two pictures make a shard."""
    monkeypatch.setattr(spaces, "SHARD", 2)
    made = []
    for colour in COLOURS:
        path = tmp_path / f"{colour}.png"
        Image.new("RGB", (12, 9), colour).save(path)
        made.append(Shot(f"object/{colour}", "object", "", {"type": colour}, path))
    return [*made, Shot("movie/1", "movie", "A title", {})]


PROCESSOR = tiny.pocket_processor().image_processor


def ensure(folder: Path, shots: list[Shot], tower: Tower) -> FeatureStore:
    store = FeatureStore(folder)
    store.ensure(shots, tower, PROCESSOR, batch=1)
    return store


def right(store: FeatureStore, shots: list[Shot]) -> bool:
    """Whether each picture has its own view."""
    for shot in shots:
        if shot.pictured:
            pixels = PROCESSOR(images=[shot.open()], return_tensors="pt")["pixel_values"]
            expected = pixels.mean(dim=(0, 2, 3)).repeat(3).expand(17, 9)
            if not torch.allclose(store[shot.key], expected, atol=2e-3):
                return False
    return True


def test_every_picture_gets_its_view_and_a_title_none(tmp_path, shots):
    store = ensure(tmp_path / "views", shots, Tower())
    assert right(store, shots)
    assert store["object/red"].dtype == torch.float32
    assert "movie/1" not in store
    assert store.get("movie/1") is None


def test_what_is_kept_is_not_computed_again(tmp_path, shots):
    first, second = Tower(), Tower()
    ensure(tmp_path / "views", shots[:3], first)
    assert first.seen == 3
    assert right(ensure(tmp_path / "views", shots, second), shots)
    assert second.seen == 4


def test_an_interrupted_run_goes_on_at_the_next_shard(tmp_path, shots):
    with pytest.raises(KeyboardInterrupt):
        ensure(tmp_path / "views", shots, Tower(breaks_at=5))
    again = Tower()
    assert right(ensure(tmp_path / "views", shots, again), shots)
    assert again.seen == 3, "two shards were whole"


def test_a_shard_without_its_names_is_done_again(tmp_path, shots):
    folder = tmp_path / "views"
    ensure(folder, shots, Tower())
    last = sorted(folder.glob("*.json"))[-1]
    last.unlink()
    np.save(last.with_suffix(".npy"), np.zeros((1, 17, 9), np.float16))  # half-written, as far as anyone knows
    last.with_suffix(".tmp").write_text("[")
    again = Tower()
    assert right(ensure(folder, shots, again), shots)
    assert again.seen == 1


def test_names_and_views_agree_in_number(tmp_path, shots):
    ensure(tmp_path / "views", shots, Tower())
    for names in (tmp_path / "views").glob("*.json"):
        assert len(json.loads(names.read_text())) == len(np.load(names.with_suffix(".npy")))


def test_a_picture_that_cannot_be_read_is_named(tmp_path, shots):
    shots[3].path.write_bytes(b"not a picture")
    with pytest.raises(OSError, match="yellow.png"):
        ensure(tmp_path / "views", shots, Tower())


def test_the_real_towers_views_fit_the_connector(tmp_path, shots):
    model = tiny.pocket_model().model
    store = FeatureStore(tmp_path / "views")
    store.ensure(shots, model, PROCESSOR)
    with torch.inference_mode():
        tokens = model.multi_modal_projector(torch.stack([store["object/red"], store["object/blue"]]))
    assert tokens.shape == (2, IMAGE_TOKENS, tiny.TEXT)
    assert (tokens[0] - tokens[1]).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("ending", "data"),
    [(".json", b"[" * 100_000), (".json", b"7"), (".npy", b""), (".npy", b"\x93NUMPY"), (".json", b"[]")],
)
def test_a_damaged_shard_is_done_again(shots, tmp_path, ending, data):
    ensure(tmp_path / "views", shots, Tower())
    (tmp_path / "views" / f"00000{ending}").write_bytes(data)
    again = Tower()
    assert right(ensure(tmp_path / "views", shots, again), shots)
    assert again.seen == 2, "the other shards are whole"


def test_views_of_another_shape_are_refused(shots, tmp_path):
    ensure(tmp_path / "views", shots, Tower())
    assert right(FeatureStore(tmp_path / "views", (17, 9)), shots)
    with pytest.raises(InputProblem, match=r"views holds views of another version .*\(17, 9\) in place of \(17, 30\)"):
        FeatureStore(tmp_path / "views", (17, 30))
    assert FeatureStore(tmp_path / "new", (17, 30)).get("object/red") is None


def test_a_folder_of_an_older_version_is_read(shots, tmp_path):
    """An array of views and a list of keys in each shard, as they have always been written."""
    (tmp_path / "views").mkdir()
    np.save(tmp_path / "views" / "00000.npy", np.stack([np.full((17, 9), n, np.float16) for n in range(2)]))
    (tmp_path / "views" / "00000.json").write_text(json.dumps([shots[0].key, shots[1].key]))
    tower = Tower()
    store = ensure(tmp_path / "views", shots, tower)
    assert tower.seen == 5 and (store[shots[1].key] == 1).all()
