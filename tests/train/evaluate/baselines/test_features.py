"""Item vectors from texts and pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.fakes import picture
from train.evaluate.baselines import features


def test_texts_of_the_same_words_are_near():
    texts = ["red cotton shirt", "cotton shirt in red", "steel garden spade", "garden spade of steel", ""]
    vectors = features.text_vectors(texts, width=3)
    assert vectors.shape == (5, 3)
    near, far = vectors[0] @ vectors[1], vectors[0] @ vectors[2]
    assert near > 0 > far
    assert not vectors[4].any(), "a text without words is at zero"
    assert np.allclose(np.linalg.norm(vectors[:4], axis=1), 3**0.5)
    assert np.array_equal(vectors, features.text_vectors(texts, width=3)), "the same twice"


def test_few_words_give_few_columns():
    assert features.text_vectors(["red shirt", "blue shirt", "green shirt"]).shape == (3, 2)
    with pytest.raises(ValueError, match="too few"):
        features.text_vectors(["shirt"])


def test_a_picture_is_its_class_token_and_the_mean_of_its_cells():
    """Three items, of which the second has no picture; F = 2 features, then colours that are not read."""
    views = {
        "red": torch.tensor([[1.0, 2.0, 9.0], [4.0, 0.0, 9.0], [0.0, 2.0, 9.0]]),
        "blue": torch.tensor([[3.0, 2.5, 9.0], [0.0, 0.0, 9.0], [2.0, 0.0, 9.0]]),
    }
    shown = {name: picture(name) for name in views}
    by_digest = {shown[name].digest: view for name, view in views.items()}
    found = features.picture_vectors(
        [shown["red"], None, shown["blue"]], lambda some: [by_digest[p.digest] for p in some], width=2
    )
    # Before scaling: (1, 2, 2, 1) and (3, 2.5, 1, 0). Each column has mean 0 and variance 1: signs alone remain.
    assert np.allclose(found, [[-1, -1, 1, 1], [0, 0, 0, 0], [1, 1, -1, -1]])


def test_without_a_picture_there_are_no_features():
    with pytest.raises(ValueError, match="no item has a picture"):
        features.picture_vectors([None, None], lambda some: [], width=2)
