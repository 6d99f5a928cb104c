"""GRU4Rec and SASRec learn an order that popularity cannot know, the same way twice, and never look ahead."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.fakes import picture
from train.data.dataset import UserLog
from train.data.splits import Case
from train.evaluate.baselines import sequence
from train.evaluate.baselines.sequence import Gru4Rec, SasRec, SequenceConfig

ITEMS = [f"i{n}" for n in range(12)]
SMALL = SequenceConfig(width=16, length=8, batch=16, negatives=24, lr=0.02, dropout=0.0, epochs=12)
BOTH = pytest.mark.parametrize("kind", [Gru4Rec, SasRec])


def test_texts_of_the_same_words_are_near():
    texts = ["red cotton shirt", "cotton shirt in red", "steel garden spade", "garden spade of steel", ""]
    vectors = sequence.text_vectors(texts, width=3)
    assert vectors.shape == (5, 3)
    near, far = vectors[0] @ vectors[1], vectors[0] @ vectors[2]
    assert near > 0 > far
    assert not vectors[4].any(), "a text without words is at zero"
    assert np.allclose(np.linalg.norm(vectors[:4], axis=1), 3**0.5)
    assert np.array_equal(vectors, sequence.text_vectors(texts, width=3)), "the same twice"


def test_few_words_give_few_columns():
    assert sequence.text_vectors(["red shirt", "blue shirt", "green shirt"]).shape == (3, 2)
    with pytest.raises(ValueError, match="too few"):
        sequence.text_vectors(["shirt"])


def test_a_picture_is_its_class_token_and_the_mean_of_its_cells():
    """Three items, of which the second has no picture; F = 2 features, then colours that are not read."""
    views = {
        "red": torch.tensor([[1.0, 2.0, 9.0], [4.0, 0.0, 9.0], [0.0, 2.0, 9.0]]),
        "blue": torch.tensor([[3.0, 2.5, 9.0], [0.0, 0.0, 9.0], [2.0, 0.0, 9.0]]),
    }
    shown = {name: picture(name) for name in views}
    by_digest = {shown[name].digest: view for name, view in views.items()}
    found = sequence.picture_vectors(
        [shown["red"], None, shown["blue"]], lambda some: [by_digest[p.digest] for p in some], width=2
    )
    # Before scaling: (1, 2, 2, 1) and (3, 2.5, 1, 0). Each column has mean 0 and variance 1: signs alone remain.
    assert np.allclose(found, [[-1, -1, 1, 1], [0, 0, 0, 0], [1, 1, -1, -1]])


def test_without_a_picture_there_are_no_features():
    with pytest.raises(ValueError, match="no item has a picture"):
        sequence.picture_vectors([None, None], lambda some: [], width=2)


def walks(count: int, first: int = 0) -> list[UserLog]:
    """Everyone steps through the items in a ring, so an item says which one is next."""
    return [
        UserLog(f"u{n}", tuple(ITEMS[(n + step) % 12] for step in range(4 + n % 4)))
        for n in range(first, first + count)
    ]


def case(*history: int) -> Case:
    """All items as candidates, the target being the next in the ring."""
    target = ITEMS[(history[-1] + 1) % 12]
    seen = tuple(ITEMS[n] for n in history)
    return Case("kim", seen, target, tuple(i for i in ITEMS if i != target and i not in seen))


@BOTH
def test_the_next_item_is_learned(kind):
    system = kind("made", config=SMALL).fit(walks(96), ITEMS)
    ranks = [int((s[1:] >= s[0]).sum()) for n in range(12) for s in [system.scores(case(n - 2, n - 1, n))]]
    assert sum(rank == 0 for rank in ranks) >= 10, ranks


@BOTH
def test_two_trainings_are_the_same(kind):
    asked, short = case(3, 4), replace(SMALL, epochs=2)
    one, two, other = (
        kind("made", config=replace(short, seed=s)).fit(walks(32), ITEMS).scores(asked) for s in (5, 5, 6)
    )
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


@BOTH
def test_a_state_knows_nothing_of_what_follows(kind):
    """Vectors after a place, padding among them, do not reach the state there."""
    torch.manual_seed(0)
    encoder = kind("made", config=SMALL).encoder().eval()
    vectors = torch.randn(2, 6, SMALL.width)
    changed = vectors.clone()
    changed[:, 4:] = torch.randn(2, 2, SMALL.width)
    assert torch.allclose(encoder(vectors)[:, :4], encoder(changed)[:, :4], atol=1e-6)
    assert not torch.allclose(encoder(vectors)[:, 4:], encoder(changed)[:, 4:], atol=1e-3)
    earlier = vectors.clone()
    earlier[:, 0] = torch.randn(2, SMALL.width)
    assert not torch.allclose(encoder(vectors)[:, 3], encoder(earlier)[:, 3], atol=1e-4), "the past is known"


@BOTH
def test_scores_come_in_the_order_of_the_candidates(kind):
    system = kind("made", config=replace(SMALL, epochs=1)).fit(walks(16), ITEMS)
    forward = system.scores(Case("kim", ("i1",), "i2", ("i3", "i4", "new")))
    backward = system.scores(Case("kim", ("i1",), "new", ("i4", "i3", "i2")))
    assert forward.shape == (4,)
    assert np.allclose(forward, backward[::-1])
    assert np.isfinite(system.scores(Case("kim", ("new",), "i2", ("i3",)))).all(), "an unknown history"


def test_only_the_latest_items_are_read():
    system = Gru4Rec("made", config=replace(SMALL, length=2, epochs=1)).fit(walks(16), ITEMS)
    assert np.allclose(
        system.scores(case(1, 5, 6)), system.scores(Case("kim", ("i5", "i6"), "i7", case(1, 5, 6).negatives))
    )
    assert system._rows([UserLog("a", tuple(ITEMS[:6]))]) == [[0, 1, 2], [2, 3, 4], [4, 5]], "and every step is learned"


def test_features_carry_over_to_an_item_without_interactions():
    """Items of a pair share their features; one of a pair is never seen in training, and scores like its twin."""
    pair = np.repeat(np.eye(6), 2, axis=0)  # i0 and i1, i2 and i3, ...
    logs = [UserLog(f"u{n}", tuple(ITEMS[2 * ((n + s) % 6)] for s in range(4))) for n in range(48)]
    system = Gru4Rec("made", pair, SMALL).fit(logs, ITEMS)
    scores = system.scores(Case("kim", ("i0", "i2"), "i5", ("i4", "i7", "i9", "i11")))
    assert scores[0] == pytest.approx(scores[1], rel=1e-5)
    assert scores[0] > scores[2:].max(), "i5 is what i4 is: the next in the ring of pairs"
    with pytest.raises(ValueError, match="11 rows of features for 12 items"):
        Gru4Rec("made", pair[:11], SMALL).fit(logs, ITEMS)


def test_the_best_epoch_by_validation_is_kept():
    """With noise to validate on, training longer only makes it worse, and stops soon."""
    rng = np.random.default_rng(0)
    noise = [UserLog(f"v{n}", tuple(ITEMS[k] for k in rng.permutation(12)[:5])) for n in range(40)]
    eager = replace(SMALL, lr=0.05, epochs=12, patience=1)
    stopped = Gru4Rec("made", config=eager).fit(walks(96), ITEMS, noise)
    whole = Gru4Rec("made", config=eager).fit(walks(96), ITEMS)
    losses = []
    for system in (stopped, whole):
        modules = torch.nn.ModuleList([system._items, system._encoder])
        losses.append(system._validation_loss(modules, system._rows(noise)))
    assert losses[0] < losses[1] - 0.5


@pytest.mark.parametrize(("name", "value"), [("width", 0), ("epochs", 0), ("negatives", -1), ("dropout", 1.0)])
def test_settings_that_cannot_work_are_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} is {value}"):
        SequenceConfig(**{name: value})
