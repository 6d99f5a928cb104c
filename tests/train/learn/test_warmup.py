"""The warm-up teaches the connector words: on a toy in which colour is the word, the loss falls."""

from __future__ import annotations

import math

import pytest
import torch

from msr.backbones.pocket.model import Connector
from tests import tiny
from tests.tiny import TEXT, VISION
from train.learn import warmup
from train.learn.warmup import SUBJECTS, goals, subjects, warm_up
from train.teach.pictures import Shot

WORDS = ("mug", "shirt", "navy")


def toy(count: int) -> tuple[list[Shot], dict[str, torch.Tensor]]:
    """Objects of three kinds whose view says which, with a little noise."""
    generator = torch.Generator().manual_seed(0)
    shots = [Shot(f"object/{n}", "object", "", {"type": WORDS[n % 3]}) for n in range(count)]
    views = {}
    for n, shot in enumerate(shots):
        view = 0.1 * torch.randn(17, VISION + 6, generator=generator)
        view[:, n % 3] += 2.0
        views[shot.key] = view
    return shots, views


def warmed(train: int, validation: int, epochs: int, batch: int) -> dict[str, float]:
    shots, views = toy(train + validation)
    torch.manual_seed(0)
    connector = Connector(VISION, TEXT)
    embeddings = tiny.pocket_model().get_input_embeddings().weight.detach()
    before = {n: p.detach().clone() for n, p in connector.named_parameters()}
    found = warm_up(
        connector, embeddings, tiny.tokenizer(), shots[:train], shots[train:], views, epochs, seed=1, batch=batch
    )
    if found["steps"]:
        assert all(not torch.equal(before[n], p) for n, p in connector.named_parameters() if n != "trace")
    return found


def test_the_held_out_loss_falls():
    found = warmed(48, 12, epochs=12, batch=16)
    assert found["steps"] == 36
    assert found["validation_after"] < 0.7 * found["validation_before"]


def test_the_same_seed_gives_the_same_connector():
    assert warmed(16, 6, epochs=2, batch=8) == warmed(16, 6, epochs=2, batch=8)


def test_fewer_pictures_than_a_batch_still_teach():
    found = warmed(10, 3, epochs=3, batch=128)
    assert found["steps"] == 3
    assert math.isfinite(found["validation_after"])


def test_a_warm_connector_says_what_a_new_picture_shows():
    found = warmed(48, 12, epochs=30, batch=16)
    assert found["nearest_word"]["object thing"] == 1.0


def test_a_warm_connectors_tokens_are_the_words_themselves():
    shots, views = toy(60)
    torch.manual_seed(0)
    connector = Connector(VISION, TEXT)
    embeddings = tiny.pocket_model().get_input_embeddings().weight.detach()
    warm_up(connector, embeddings, tiny.tokenizer(), shots[:48], shots[48:], views, 60, seed=1, batch=16)
    connector.eval()
    with torch.no_grad():
        connector.trace.zero_()
        tokens = connector(torch.stack([views[s.key] for s in shots[48:]]))[:, 0]
    nearest = torch.cdist(tokens, embeddings).argmin(dim=1)
    first = [tiny.tokenizer()(" " + s.facts["type"], add_special_tokens=False)["input_ids"][0] for s in shots[48:]]
    assert nearest.tolist() == first


def test_the_vocabulary_is_the_commonest_words_up_to_its_size(monkeypatch):
    monkeypatch.setattr(warmup, "WORDS", 3)
    shots = [Shot(f"object/{n}", "object", "", {"type": word}) for n, word in enumerate(("mug", "mug", "shirt"))]
    rows, kept = goals(shots, tiny.tokenizer())
    assert len(kept) == 3
    mug = tiny.tokenizer()(" mug", add_special_tokens=False)["input_ids"]
    assert set(mug[:3]) <= set(kept)
    assert all(0 <= i < 3 for row in rows for ids in row.values() for i in ids)
    assert all(ids for row in rows for ids in row.values())


def said_by(shot: Shot) -> dict[str, str]:
    words = tiny.tokenizer()
    (row,), kept = goals([shot], words)
    return {SUBJECTS[slot]: words.decode([kept[i] for i in ids]) for slot, ids in row.items()}


@pytest.mark.parametrize("word", WORDS)
def test_the_thing_takes_two_tokens_the_first_and_the_rest_of_its_name(word):
    said = said_by(Shot("object/1", "object", "", {"type": word}))
    first, rest = said["thing"], said["rest of thing"]
    assert word.startswith(first.strip())
    assert set(rest) <= set(word + " ")


def test_every_fact_has_its_own_token():
    shirt = Shot("fashion/1", "fashion", "", {"type": "shirt", "colour": "navy", "gender": "men", "usage": "casual"})
    assert subjects(shirt) == {
        "thing": "shirt",
        "colour": "navy",
        "pattern or public": "men",
        "material or use": "casual",
        "kind": "fashion picture",
    }
    film = Shot("movie/1", "movie", "It (1990)", {"genres": ("horror", "drama"), "decade": "1990s"})
    assert subjects(film)["pattern or public"] == "horror"
    assert subjects(film)["style or group"] is None, "there is no third genre to learn"
    assert subjects(Shot("object/1", "object", "", {"type": "umbrella"}))["style or group"] == "household thing"


def test_a_subject_without_a_fact_is_left_free():
    assert set(said_by(Shot("fashion/1", "fashion", "", {"type": "shirt"}))) == {"thing", "rest of thing", "kind"}


def test_function_words_are_no_goal():
    said = said_by(Shot("scene/1", "scene", "", {"captions": ("a dog in the snow",)}))
    assert list(said) == ["kind"]
    dull = tiny.tokenizer()(" the", add_special_tokens=False)["input_ids"]
    assert not set(dull) <= set(tiny.tokenizer()(said["kind"], add_special_tokens=False)["input_ids"])
