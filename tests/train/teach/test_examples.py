"""Slates from logs: asked as the evaluation asks, without a look at what comes later or at what was chosen."""

from __future__ import annotations

import random

import pytest

from msr import prompts
from msr.schema import Item
from tests.train.worlds import dataset, letters, users
from train.data.protocol import TooFewItems
from train.teach.examples import LogSlates

LETTERS = letters(20)


def made(*histories: str) -> LogSlates:
    data = dataset(LETTERS, users("train", *histories))
    return LogSlates(data.items, data.users)


def test_a_slate_is_the_next_items_against_items_that_were_never_touched():
    slates = made("abcdefgh")
    for seed in range(30):
        slate = slates(random.Random(seed), liked=2, disliked=5)
        good = [p.text for p, liked in zip(slate.prompts, slate.liked, strict=True) if liked]
        bad = [p.text for p, liked in zip(slate.prompts, slate.liked, strict=True) if not liked]
        assert 1 <= len(good) <= 2 and len(bad) == len(set(bad)) == 5
        assert all(text.endswith(tuple(f'"item {c}"' for c in "bcdefgh")) for text in good)
        assert all(text.endswith(tuple(f'"item {c}"' for c in LETTERS[8:])) for text in bad)


def test_the_prompt_shows_what_came_before_and_nothing_later():
    slates = made("abcdefghijkl")
    for seed in range(30):
        slate = slates(random.Random(seed), liked=1, disliked=3)
        last = slate.prompts[0].text[-2]
        history = [f"item {c}" for c in LETTERS[: LETTERS.index(last)]]
        assert slate.prompts[0] == prompts.recommend("", history, Item(last, f"item {last}"))


def test_an_item_that_is_chosen_again_is_neither_target_nor_negative():
    slates = made("aab")
    for seed in range(20):
        slate = slates(random.Random(seed), liked=3, disliked=4)
        assert slate.prompts[0].text.endswith('"item b"') and slate.liked == (True, False, False, False, False)


def test_the_same_seed_gives_the_same_slate():
    slates = made("abcdefgh", "dca")
    assert slates(random.Random(5)) == slates(random.Random(5)) != slates(random.Random(6))


def test_what_nobody_had_chosen_yet_is_not_passed_over():
    early, late = users("train", "abc", "defghij", times=((5, 6, 7), (1, 2, 3, 4, 8, 9, 9)))
    slates = LogSlates(dataset(LETTERS, ()).items, (early, late))
    drawn = [slates(random.Random(seed), liked=1, disliked=2) for seed in range(40)]
    asked = [[prompt.text[-2] for prompt in slate.prompts] for slate in drawn]
    early_ones = [against for liked, *against in asked if liked in "bc"]
    assert early_ones
    assert set().union(*early_ones) <= set("defg")


def test_logs_that_teach_nothing_are_refused():
    with pytest.raises(ValueError, match="nothing to learn"):
        made("a", "bb")
    with pytest.raises(TooFewItems, match="possible negatives"):
        made("".join(LETTERS))(random.Random(0))
