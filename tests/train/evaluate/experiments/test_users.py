from __future__ import annotations

import random
from dataclasses import replace

import pytest

from msr.schema import InputProblem
from tests.train.shots import fashion
from train import draw
from train.evaluate.experiments.users import NEGATIVES, SIZE, planted
from train.teach.targets import words_of


def photos(each: int = 14):
    """Two tastes that share nothing, and some others."""
    kinds = [
        ("shirt", "red", "men", "formal"),
        ("heels", "blue", "women", "party"),
        ("watch", "black", "unisex", "casual"),
    ]
    return [fashion(n * 100 + i, *facts) for n, facts in enumerate(kinds) for i in range(each)]


@pytest.mark.parametrize("kind", ["drawn", "fashion"])
def test_every_item_has_the_taste_of_its_block_and_nothing_of_the_other(kind):
    for user in planted(kind, photos(), 6, seed=3):
        assert not user.before & user.after
        for index, block in enumerate(user.blocks):
            mine, other = (user.before, user.after) if index < user.switch else (user.after, user.before)
            assert len(block) == SIZE
            for shot in block:
                assert mine <= set(words_of(shot))
                assert not other & set(words_of(shot))
        seen = {shot.key for block in user.blocks for shot in block}
        assert user.after <= set(words_of(user.liked)) and user.liked.key not in seen
        assert all(not user.after <= set(words_of(shot)) for shot in user.others)
        keys = [*seen, user.liked.key, *(shot.key for shot in user.others)]
        assert len(keys) == len(set(keys))


def test_the_switch_is_known_and_leaves_two_blocks_or_more():
    users = list(planted("drawn", (), 8, seed=1))
    assert {user.switch for user in users} == {2, 3}
    assert all(len(user.blocks) == 5 and len(user.others) == NEGATIVES for user in users)
    assert {u.switch for u in planted("drawn", (), 4, seed=1, blocks=3)} == {1}


def test_a_user_is_the_same_for_every_count():
    assert list(planted("drawn", (), 2, seed=1)) == list(planted("drawn", (), 5, seed=1))[:2]
    assert next(planted("drawn", (), 1, seed=2)) != next(planted("drawn", (), 1, seed=1))


def test_drawn_things_can_be_drawn():
    (user,) = planted("drawn", (), 1, seed=1)
    assert user.liked.look is not None and user.liked.look.is_valid()
    assert isinstance(user.liked.look, draw.Look) and user.liked.pictured


def test_too_few_photos_are_one_clear_sentence():
    with pytest.raises(InputProblem, match="too few held-out photos"):
        next(planted("fashion", photos(3), 1, seed=1))
    same = [replace(shot, facts=dict(photos()[0].facts)) for shot in random.Random(0).sample(photos(), 30)]
    with pytest.raises(InputProblem, match="no two tastes"):
        next(planted("fashion", same, 1, seed=1))
