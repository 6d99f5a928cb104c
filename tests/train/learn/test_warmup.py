"""The warm-up teaches the connector names and words: on a toy in which the view says them, the loss falls."""

from __future__ import annotations

import math

import pytest
import torch

from msr.backbones.pocket.model import Connector
from msr.backbones.pocket.sight import Sight
from tests import tiny
from tests.tiny import TEXT, VISION
from train.learn import warmup
from train.learn.warmup import SUBJECTS, goals, subjects, warm_up
from train.teach.pictures import Shot

TYPES, COLOURS = ("mug", "shirt", "belt"), ("red", "navy", "plain")


def toy(count: int) -> tuple[list[Shot], dict[str, torch.Tensor]]:
    """Objects of three kinds whose view says which, with a little noise."""
    generator = torch.Generator().manual_seed(0)
    shots = [
        Shot(f"fashion/{n}", "fashion", "", {"type": TYPES[n % 3], "colour": COLOURS[n % 3]}) for n in range(count)
    ]
    looks = torch.randn(3, 17, VISION + 6, generator=generator)
    views = {s.key: looks[n % 3] + 0.1 * torch.randn(17, VISION + 6, generator=generator) for n, s in enumerate(shots)}
    return shots, views


def warmed(train: int, validation: int, epochs: int, batch: int) -> tuple[Connector, dict]:
    shots, views = toy(train + validation)
    torch.manual_seed(0)
    connector = Connector(VISION, TEXT, hidden=64)
    connector.sight = Sight(VISION, TEXT, 17, 6, hidden=64)
    embeddings = tiny.pocket_model().get_input_embeddings().weight.detach()
    before = {n: p.detach().clone() for n, p in connector.named_parameters()}
    found = warm_up(
        connector, embeddings, tiny.tokenizer(), shots[:train], shots[train:], views, epochs, seed=1, batch=batch
    )
    assert all(not torch.equal(before[n], p) for n, p in connector.named_parameters() if n != "trace")
    return connector, found


@pytest.fixture(scope="module")
def warm() -> tuple[Connector, dict]:
    return warmed(96, 30, epochs=15, batch=16)


def test_the_held_out_loss_falls(warm):
    _, found = warm
    assert found["steps"] == 90
    assert found["validation_after"] < 0.7 * found["validation_before"]


def test_the_same_seed_gives_the_same_connector():
    assert warmed(16, 6, epochs=2, batch=8)[1] == warmed(16, 6, epochs=2, batch=8)[1]


def test_fewer_pictures_than_a_batch_still_teach():
    _, found = warmed(10, 3, epochs=3, batch=128)
    assert found["steps"] == 3
    assert math.isfinite(found["validation_after"])


def test_a_warm_connector_says_what_a_new_picture_shows(warm):
    _, found = warm
    assert found["nearest_word"]["fashion colour"] == 1.0
    assert found["naming"]["names"] == 3 and found["naming"]["pictures"] == 96
    assert found["naming"]["fashion"]["name right"] == 1.0


def test_a_warm_connectors_tokens_are_the_words_themselves(warm):
    connector, _ = warm
    shots, views = toy(126)
    embeddings = tiny.pocket_model().get_input_embeddings().weight.detach()
    with torch.no_grad():
        tokens = connector.eval()(torch.stack([views[s.key] for s in shots[96:]]))
    for place, fact in ((0, "type"), (2, "colour")):
        nearest = torch.cdist(tokens[:, place], embeddings).argmin(dim=1)
        ids = [tiny.tokenizer()(" " + s.facts[fact], add_special_tokens=False)["input_ids"] for s in shots[96:]]
        assert all(near in some for near, some in zip(nearest.tolist(), ids, strict=True))


def test_the_mixtures_are_of_the_commonest_words_up_to_their_number(monkeypatch):
    monkeypatch.setattr(warmup, "WORDS", 3)
    facts = ({"colour": "navy"}, {"colour": "navy"}, {"colour": "a very uncommon one"})
    shots = [Shot(f"fashion/{n}", "fashion", "", {"type": "shirt", **some}) for n, some in enumerate(facts)]
    rows, kept = goals(shots, tiny.tokenizer())
    assert len(kept) == 3
    wanted = [
        set(tiny.tokenizer()(text, add_special_tokens=False)["input_ids"]) for text in (" navy", " fashion picture")
    ]
    assert set(kept) <= wanted[0] | wanted[1], "a word of one picture alone has no place"
    assert all(0 <= i < 3 for row in rows for ids in row.values() for i in ids)
    assert all(ids for row in rows for ids in row.values())


def said_by(shot: Shot) -> dict[str, str]:
    words = tiny.tokenizer()
    (row,), kept = goals([shot], words)
    return {SUBJECTS[slot]: words.decode([kept[i] for i in ids]) for slot, ids in row.items()}


def test_every_fact_has_its_own_token():
    shirt = Shot("fashion/1", "fashion", "", {"type": "shirt", "colour": "navy", "gender": "men", "usage": "casual"})
    assert subjects(shirt) == {
        "colour": "navy",
        "pattern or public": "men",
        "material or use": "casual",
        "kind": "fashion picture",
    }
    film = Shot("movie/1", "movie", "It (1990)", {"genres": ("horror", "drama"), "decade": "1990s"})
    assert subjects(film)["pattern or public"] == "horror"
    assert subjects(film)["style or group"] is None, "there is no third genre to learn"
    umbrella = {"type": "umbrella", "group": "accessory"}
    assert subjects(Shot("object/1", "object", "", umbrella)) == subjects(Shot("picture/1", "picture", "", umbrella))


def test_a_subject_without_a_fact_is_left_free():
    assert set(said_by(Shot("fashion/1", "fashion", "", {"type": "shirt"}))) == {"kind"}


def test_function_words_are_no_goal():
    said = said_by(Shot("scene/1", "scene", "", {"captions": ("a dog in the snow",)}))
    assert list(said) == ["kind"]
    dull = tiny.tokenizer()(" the", add_special_tokens=False)["input_ids"]
    assert not set(dull) <= set(tiny.tokenizer()(said["kind"], add_special_tokens=False)["input_ids"])
