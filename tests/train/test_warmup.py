"""The warm-up teaches the connector words: on a toy in which colour is the word, the loss falls."""

from __future__ import annotations

import math

import pytest
import torch

from msr.backbones.pocket_model import Connector
from tests import tiny
from tests.tiny import TEXT, VISION
from train.sources import Shot
from train.warmup import vocabulary, warm_up

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
        assert all(not torch.equal(before[n], p) for n, p in connector.named_parameters())
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


@pytest.mark.parametrize("word", WORDS)
def test_the_goal_is_the_content_words(word):
    words = tiny.tokenizer()
    bags, kept = vocabulary([Shot("object/1", "object", "", {"type": word})], words)
    assert len(bags) == 1
    said = words.decode([kept[i] for i in bags[0]])
    assert all(any(letter in said for letter in part) for part in word)
    for dull in (" a", " of", " photo"):
        assert words(dull, add_special_tokens=False)["input_ids"][0] not in kept
