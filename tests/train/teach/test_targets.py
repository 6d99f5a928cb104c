"""Every claim of a target text is true, and the texts are English."""

from __future__ import annotations

import random
import re

import pytest
import torch

from msr.certainty import GROUP, NOTHING
from tests.train.shots import (
    ALL,
    DRAWN,
    FASHION,
    MOVIES,
    OBJECTS,
    claims,
    described,
    false_claims,
    fashion,
    movie,
    thing,
    views,
)
from train.teach import targets, things
from train.teach.targets import Taste
from train.teach.things import plural

VIEWS = views(ALL)
KINDS = {"fashion": FASHION, "object": OBJECTS, "drawn": DRAWN, "movie": MOVIES}
SPOKEN_AS_YOU = ("unisex", "euphonium", "uni", "one")  # a vowel that sounds like a consonant


def grammatical(text: str) -> None:
    """a and an, one sentence or more, no holes."""
    assert re.fullmatch(r"[A-Z][^\n]*[^ ,;]\.", text), text
    assert not re.search(r"  | [.,;]|,,|\band\.|\bNone\b|\(\)|#", text), text
    for article, word in re.findall(r"\b([Aa]n?) ([\w-]+)", text):
        vowel = word[0].lower() in "aeiou" and not word.startswith(SPOKEN_AS_YOU)
        assert (article.lower() == "an") == vowel, text
    for many in ("headphones", "scissors", "jeans", "heels", "sunglasses", "casual shoes"):
        assert f" a {many}" not in text, text


# -- describe -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["fashion", "object", "drawn"])
def test_a_description_says_every_fact_and_nothing_else(kind):
    for shot in KINDS[kind]:
        text = targets.describe(shot, VIEWS[shot.key])
        grammatical(text)
        assert false_claims(text, kind, shot) == [], text
        said = set().union(*claims(text, kind))
        missing = {(n, v) for n, v in shot.facts.items() if n != "group"} - said  # a group follows from the type
        # A kind may hold the word already: casual shoes are casual.
        assert {v for _, v in missing} <= set(str(shot.facts["type"]).split()), text


def test_a_movie_is_described_by_genres_decade_and_the_tone_of_its_poster():
    assert targets.describe(MOVIES[1]) == "An action, crime and thriller movie from the 1990s."
    assert targets.describe(MOVIES[4]) == "A movie from the 2000s."
    assert targets.phrase(movie(9, "X (1980)"), {}) == "a movie"
    dark_red = torch.zeros(17, 30)
    dark_red[0, -6] = 0.5
    assert targets.describe(MOVIES[2], dark_red) == (
        "A horror and sci-fi movie from the 1970s, with a dark reddish poster."
    )
    for shot in MOVIES:
        grammatical(targets.describe(shot, VIEWS.get(shot.key)))
        assert false_claims(targets.describe(shot), "movie", shot) == []


@pytest.mark.parametrize(
    ("colours", "said"),
    [
        ((0.1, 0.1, 0.1), "dark"),
        ((0.5, 0.52, 0.5), "grey"),
        ((0.9, 0.9, 0.95), "bright"),
        ((0.6, 0.3, 0.3), "reddish"),
        ((0.2, 0.3, 0.1), "dark greenish"),
        ((0.6, 0.7, 0.95), "bright bluish"),
        ((0.8, 0.75, 0.2), "yellowish"),
    ],
)
def test_the_tone_is_what_the_mean_colour_says(colours, said):
    view = torch.zeros(17, 30)
    view[0, -6:-3] = torch.tensor(colours)
    assert targets.tone(view) == said


@pytest.mark.parametrize(
    ("colours", "said"),
    [
        ((0.9, 0.1, 0.1), "red"),
        ((0.5, 0.3, 0.15), "brown"),
        ((0.8, 0.7, 0.55), "beige"),
        ((0.1, 0.2, 0.6), "blue"),
        ((0.95, 0.95, 0.95), "white"),
        ((0.5, 0.5, 0.5), "grey"),
        ((0.05, 0.05, 0.05), "black"),
        ((0.9, 0.6, 0.7), "pink"),
    ],
)
def test_a_colour_is_that_of_the_middle(colours, said):
    view = torch.rand(17, 30, generator=torch.Generator().manual_seed(0))
    for cell in (5, 6, 9, 10):
        view[1 + cell, -6:-3] = torch.tensor(colours)
    assert targets.colour(view) == said


@pytest.mark.parametrize("shot", [FASHION[0], OBJECTS[0], DRAWN[0]], ids=lambda s: s.kind)
def test_a_picture_that_is_not_known_is_described_with_a_hedge(shot):
    looks = f"it looks {shot.facts.get('colour') or targets.colour(VIEWS[shot.key])}."
    group = targets.capital(things.GROUPS[things.meant(shot.facts["type"]).group])[:-1]
    for level, start in ((GROUP, f"{group}, not sure which; "), (NOTHING, "Not sure what this is; ")):
        text = targets.describe(shot, VIEWS[shot.key], level)
        grammatical(text)
        assert text == start + looks
        assert str(shot.facts["type"]) not in text


def test_a_title_that_says_what_it_is_makes_up_for_an_unknown_picture():
    named = fashion(1, "shirt", "navy blue", "men", "formal", "Brand Men Shirt")
    assert targets.describe(named, VIEWS[FASHION[0].key], NOTHING, titled=True).startswith("A navy blue formal shirt")
    vague = fashion(1, "shirt", "navy blue", "men", "formal", "Brand 42")
    assert targets.describe(vague, VIEWS[FASHION[0].key], NOTHING, titled=True).startswith("Not sure what this is")
    film = MOVIES[0]
    assert targets.describe(film, VIEWS[film.key], NOTHING, titled=True).startswith("An adventure, animation")


def test_without_a_picture_only_the_title_is_believed():
    shot = fashion(1, "shirt", "navy blue", "men", "formal", "Brand Men Navy Blue Shirt")
    assert targets.describe(shot, pictured=False) == "Not pictured: a navy blue shirt for men."
    plain = fashion(1, "shirt", "navy blue", "men", "formal", "Brand Shirts")
    assert targets.describe(plain, pictured=False) == "Not pictured: a shirt."
    for vague in ("Brand Navy Blue 42", "Tshirtless Brand"):
        shot = fashion(1, "tshirt", "navy blue", "men", "formal", vague)
        assert targets.describe(shot, pictured=False) == "Not pictured: an item of which the title says little."


@pytest.mark.parametrize("shot", [*FASHION, *DRAWN], ids=lambda s: s.key)
def test_what_is_claimed_without_a_picture_is_in_the_title(shot):
    text = targets.describe(shot, pictured=False)
    grammatical(text)
    title = shot.title.lower().replace("-", " ").replace("t shirt", "tshirt")
    for claim in claims(text, shot.kind):
        forms = {f for _, v in claim for f in (v, plural(v), v.replace("-", " "), v[:4])}
        assert any(f in title for f in forms), (text, shot.title)


# -- words --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("mug", "mugs"), ("watch", "watches"), ("dress", "dresses"), ("scarf", "scarves"), ("butterfly", "butterflies"),
        ("toy", "toys"), ("jeans", "jeans"), ("casual shoes", "casual shoes"), ("headphones", "headphones"),
        ("scissors", "scissors"), ("water lily", "water lilies"), ("octopus", "octopuses"), ("box", "boxes"),
    ],
)  # fmt: skip
def test_plurals(one, many):
    assert plural(one) == many


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], "varied things"),
        ([("pattern", "striped"), ("colour", "navy")], "striped navy items"),
        ([("colour", "navy"), ("colour", "red"), ("type", "mug")], "navy and red mugs"),
        ([("style", "retro"), ("type", "mug"), ("type", "hat")], "items in a retro style, such as mugs and hats"),
        ([("type", "shirt"), ("gender", "men"), ("usage", "formal")], "formal shirts for men"),
        ([("gender", "unisex"), ("gender", "men"), ("type", "cap")], "unisex caps for men"),
        ([("gender", "unisex")], "unisex items"),
        ([("genres", "crime"), ("genres", "war"), ("decade", "1990s")], "crime and war movies from the 1990s"),
        ([("decade", "1990s")], "various movies from the 1990s"),
        ([("group", "animal")], "animals"),
        ([("group", "animal"), ("type", "panda"), ("type", "emu")], "animals, such as pandas and emus"),
        ([("group", "animal"), ("type", "face")], "animals, and faces"),
        ([("type", "face"), ("type", "pizza")], "faces and pizzas"),
    ],
)
def test_a_wish_in_words(words, text):
    assert targets.wish(words) == text


def test_groups_are_named_for_their_own_members_only():
    for member in ("panda", "sunflower", "wrench", "ketch", "accordion"):
        group = things.meant(member).group
        other = next(g for g in things.GROUPS if g != group)
        assert f"such as {plural(member)}" in targets.wish([("group", group), ("type", member)])
        assert "such as" not in targets.wish([("group", other), ("type", member)])


# -- preference ---------------------------------------------------------------------------------------------

MEN = [
    fashion(1, "shirt", "navy blue", "men", "casual"),
    fashion(2, "shirt", "navy blue", "men", "formal"),
    fashion(3, "watch", "black", "men", "casual"),
]
WOMEN = [
    fashion(4, "watch", "black", "women", "formal"),
    fashion(5, "watch", "black", "women", "formal"),
    fashion(6, "watch", "black", "women", "casual"),
]
CAPS = [fashion(n, "cap", "white", "unisex", "sports") for n in (7, 8, 9)]
SAYS = "The user appears to have a preference for "


def test_a_preference_changes_with_the_blocks_and_forgets():
    first = Taste().update(MEN)
    assert first.text() == SAYS + "navy blue casual shirts for men."
    second = first.update(WOMEN)
    assert second.text() == SAYS + "black formal and casual watches for women; earlier for navy blue shirts for men."
    third = second.update(CAPS)
    assert third.text() == SAYS + "white sports unisex caps; earlier for black watches for women."
    assert third.update(CAPS).text() == SAYS + "white sports unisex caps."


def test_one_odd_item_is_not_the_preference():
    taste = Taste().update([thing(1, "panda"), thing(2, "llama"), thing(3, "pizza")])
    assert taste.text() == SAYS + "animals."


def test_items_without_anything_in_common_are_named_by_their_kinds():
    taste = Taste().update([thing(1, "face"), thing(2, "pizza"), thing(3, "anchor")])
    assert taste.text() == SAYS + "faces, pizzas and anchors."


@pytest.mark.parametrize(
    ("unpictured", "untitled", "tail"),
    [
        (0, 0, ""),
        (1, 0, " One item had no picture."),
        (0, 2, " Two items had no title."),
        (3, 1, " Three items had no picture. One item had no title."),
        (5, 0, " 5 items had no picture."),
    ],
)
def test_what_was_not_seen_is_said(unpictured, untitled, tail):
    text = Taste().update(MEN).text(MEN, unpictured, untitled)
    assert text == SAYS + "navy blue casual shirts for men." + tail
    grammatical(text)


@pytest.mark.parametrize("kind", KINDS)
def test_a_word_leaves_within_two_blocks_after_it_is_no_longer_seen(kind):
    rng = random.Random(3)
    for _ in range(60):
        blocks = [rng.sample(KINDS[kind], rng.choice((1, 2, 3, 4))) for _ in range(5)]
        taste, before = Taste(), []
        for block in blocks:
            taste = taste.update(block)
            text = taste.text()
            grammatical(text)
            now, _, earlier = text.removeprefix(SAYS).partition("; earlier for ")
            assert false_claims(now, kind, *block) == [], text
            assert false_claims(earlier, kind, *before) == [], text
            for claim in claims(earlier, kind):
                assert not claim & set().union(*map(described, block)), f"{claim} is seen now: {text}"
            assert len(taste.main) <= 5
            assert len(taste.earlier) <= 3
            before = block


# -- explain ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shot", "liked", "text"),
    [
        (MEN[0], True, "It is for men, a shirt, navy blue and casual, which the user appears to like."),
        (CAPS[0], False, "It is a white sports unisex cap, while the user prefers navy blue casual shirts for men."),
        (CAPS[0], True, "It shares little with the stated preference: it is a white sports unisex cap."),
        (WOMEN[2], False, "It is casual, but the user looks for navy blue shirts for men."),
        (MEN[0], False, "It is for men, a shirt, navy blue and casual, but that is all."),
    ],
)
def test_an_explanation_names_what_is_shared_or_what_is_missing(shot, liked, text):
    assert targets.explain(Taste().update(MEN), shot, liked) == text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("liked", [True, False])
def test_an_explanation_claims_nothing_of_the_item_that_it_has_not(kind, liked):
    rng = random.Random(8)
    for _ in range(80):
        block = rng.sample(KINDS[kind], 3)
        taste, shot = Taste().update(block), rng.choice(KINDS[kind])
        text = targets.explain(taste, shot, liked)
        grammatical(text)
        item, _, user = re.split(r"(, but the user looks for |, while the user prefers |$)", text, maxsplit=1)
        assert false_claims(item, kind, shot) == [], text
        assert false_claims(user, kind, *block) == [], text
        assert not any(claim & described(shot) for claim in claims(user, kind)), f"it has that: {text}"
