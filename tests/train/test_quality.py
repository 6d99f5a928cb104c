from __future__ import annotations

import pytest

from tests.train.shots import fashion, movie
from train.evaluate import preference_quality
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
