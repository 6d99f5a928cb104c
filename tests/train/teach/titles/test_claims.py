"""The scorer of descriptions: each fault is found, and a faithful description has none."""

from __future__ import annotations

import pytest

from train.teach.titles.claims import judge, rates

ZELDA = "The Legend of Zelda: Breath of the Wild - Nintendo Switch"
BOTTLE = "Philips Avent 9oz Glass Bottle, 3 Pack"


@pytest.mark.parametrize(
    ("text", "title", "domain"),
    [
        ("A Nintendo Switch game from the Legend of Zelda series.", ZELDA, "game"),
        ("A glass baby bottle by Philips Avent, pack of three.", BOTTLE, "baby"),
        ("A 9 oz glass feeding bottle, 3 pack.", BOTTLE, ""),
        ("Not pictured: a pair of grey jeans for women.", "Womens Jeans, Gray", "clothing"),
        ("A movie from the 1990s.", "Toy Story (1995)", "film"),
        ("A wooden chair with red stripes.", "Wood Chair, red striped", "home"),
        ("A short video tagged movie and comic.", "what # movie # comic", "video"),
    ],
)
def test_a_faithful_description_has_no_fault(text, title, domain):
    found = judge(text, title, domain)
    assert not found.wrong_domain and not found.invented and not found.says_little and not found.hedged, found
    assert found.kind_right is True


@pytest.mark.parametrize(
    ("text", "title", "domain", "wrong"),
    [
        ("An action movie.", ZELDA, "game", {"film"}),
        ("A ketch movie.", "Mario Kart 8", "game", {"film"}),
        ("A pair of jeans.", ZELDA, "", {"clothing"}),
        ("A brown casual wallet.", BOTTLE, "baby", {"clothing"}),
        ("A video game.", "Toy Story (1995)", "", {"game"}),
        ("A perfume for women.", "Tomba - PlayStation", "game", {"beauty"}),
        ("A book.", "Steel Screwdriver", "tool", {"book"}),
    ],
)
def test_another_domain_is_found(text, title, domain, wrong):
    found = judge(text, title, domain)
    assert found.wrong_domain
    assert found.domains >= wrong


def test_neighbouring_domains_and_the_titles_own_words_are_not_wrong():
    assert not judge("A beanie.", "Tortle Baby Beanie", "baby").wrong_domain
    assert not judge("A headset.", "Ear Force X12 - Xbox 360", "game").wrong_domain
    assert not judge("A movie puzzle.", "Movie Puzzle, 500 pieces", "toy").wrong_domain
    assert not judge('Not sure what this is: "Movie Night".', "Movie Night", "game").wrong_domain


@pytest.mark.parametrize(
    ("text", "title", "invented"),
    [
        ("A comedy game from the 2000s.", ZELDA, ("2000s", "comedy")),
        ("A PlayStation 4 game.", ZELDA, ("PlayStation 4",)),
        ("A blue plastic baby bottle, pack of four.", BOTTLE, ("blue", "plastic", "4")),
        ("A baby bottle by Medela for girls.", BOTTLE, ("Medela", "girls")),
        ("A striped casual rug.", "Rug, White", ("casual", "striped")),
        ("A game from the Fire Emblem series.", ZELDA, ("Fire Emblem",)),
    ],
)
def test_invented_facts_are_found(text, title, invented):
    assert judge(text, title).invented == invented


def test_known_facts_are_not_invented():
    assert judge("A comedy movie.", "Toy Story (1995)", "film").invented == ("comedy",)
    assert judge("A comedy movie.", "Toy Story (1995)", "film", known=("comedy", "1990s")).invented == ()
    assert judge("A red rug.", "Rug", known=("red",)).invented == ()
    assert judge("A red rug, pack of two.", "Rug", pictured=True).invented == ("2",)


def test_kinds_are_right_by_any_of_their_names():
    assert judge("A pushchair.", "Jeep Stroller", "baby").kind_right is True
    assert judge("A car seat.", "Jeep Stroller", "baby").kind_right is False
    assert judge("A cup.", "Munchkin Sippy Cup", "baby").kind_right is True
    assert judge("A controller.", ZELDA, "game").kind_right is False
    assert judge("Anything.", "Klub 54", "game").kind_right is None
    assert judge("A vase.", "Klub 54", "home", kind="vase").kind_right is True


def test_hedging_is_not_saying_little():
    assert judge("Not pictured: an item of which the title says little.", BOTTLE, "baby").says_little
    assert judge("An item.", BOTTLE, "baby").says_little
    assert judge("", BOTTLE, "baby").says_little
    hedged = judge('Not sure what this is: "Klub 54".', "Klub 54", "game")
    assert hedged.hedged and not hedged.says_little


def test_rates_are_shares_of_descriptions():
    found = rates([judge("A movie.", ZELDA, "game"), judge("A Nintendo Switch game.", ZELDA, "game")])
    assert found["n"] == found["n with a kind"] == 2
    assert found["wrong domain"] == found["kind right"] == 0.5
    assert found["invented"] == found["says little"] == found["not sure"] == 0.0
    assert rates([])["n"] == 0 and rates([])["wrong domain"] == 0.0
