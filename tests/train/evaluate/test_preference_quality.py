"""Preference quality: claims that hold, frequent attributes that are named, and both over a simulated user."""

from __future__ import annotations

import itertools

import pytest

from msr.storage import TextCache
from tests.fakes import FakeBackbone
from tests.train.shots import fashion, movie
from train.evaluate import preference_quality
from train.teach import pictures
from train.teach.material import Material
from train.teach.vocabulary import Vocabulary

SHIRTS = [
    fashion(1, "shirt", "navy blue", "men", "casual"),
    fashion(2, "shirt", "white", "men", "formal"),
    fashion(3, "watch", "black", "men", "casual"),
]
OTHERS = [fashion(4, "saree", "blue", "women", "ethnic")]
WORDS = Vocabulary([*SHIRTS, *OTHERS])


def test_claims_are_whole_words_longest_first_each_once():
    assert WORDS.claims("Navy blue shirts, and a shirt in navy blue.") == [
        frozenset({("colour", "navy blue")}),
        frozenset({("type", "shirt")}),
    ]
    assert WORDS.named("blue watches for women") == {("colour", "blue"), ("type", "watch"), ("gender", "women")}
    assert WORDS.claims("shirtless whites") == []
    assert Vocabulary([]).claims("anything") == []


def test_precision_is_the_share_of_claims_that_hold():
    assert preference_quality.precision("white shirts for men", WORDS, SHIRTS) == 1.0
    assert preference_quality.precision("white shirts for women", WORDS, SHIRTS) == pytest.approx(2 / 3)
    assert preference_quality.precision("varied things", WORDS, SHIRTS) is None


def test_recall_is_of_what_half_of_the_items_share():
    assert preference_quality.frequent(SHIRTS) == {("type", "shirt"), ("gender", "men"), ("usage", "casual")}
    assert preference_quality.recall("casual shirts", WORDS, SHIRTS) == pytest.approx(2 / 3)
    assert preference_quality.recall("varied things", WORDS, SHIRTS) == 0.0
    assert preference_quality.recall("anything", WORDS, SHIRTS[:1]) is None, "one item has no frequent attribute"


def test_a_films_further_genres_support_a_claim():
    film = movie(1, "Toy Story (1995)", "adventure", "animation", "children", "comedy")
    assert preference_quality.precision("comedies from the 1990s", Vocabulary([film]), [film]) == 1.0


def test_summaries_leave_out_who_has_no_value():
    assert preference_quality.summary([1.0, None, 0.0, 1.0])["n"] == 3
    assert preference_quality.summary([None]) is None


def test_quality_of_texts_and_reasons_is_between_nothing_and_all():
    drawn = tuple(itertools.islice(pictures.drawn(60, 5), 60))
    found = preference_quality.of_simulated_users(FakeBackbone(), Material(drawn, ()), 1, seed=1)
    assert set(found) == {"drawn"}, "there are no photos"
    assert found["drawn"]["users"] == 1
    for name in ("preference precision", "preference recall"):
        assert 0 <= found["drawn"][name]["mean"] <= 1
        assert found["drawn"][name]["n"] == 1


def test_what_was_written_is_not_written_again(tmp_path):
    drawn = tuple(itertools.islice(pictures.drawn(60, 5), 60))
    first, second = FakeBackbone(), FakeBackbone()
    found = [
        preference_quality.of_simulated_users(b, Material(drawn, ()), 1, 1, TextCache(tmp_path))
        for b in (first, second)
    ]
    assert found[0] == found[1]
    assert first.calls["generate"] > 0 == second.calls["generate"]
