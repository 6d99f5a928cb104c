"""Sentences about titles: short, grammatical, and of nothing but the stated facts."""

from __future__ import annotations

import pytest

from train.teach.titles.facts import read
from train.teach.titles.targets import LONGEST, seen_only, sentence, some


@pytest.mark.parametrize(
    ("title", "wanted"),
    [
        ("Philips Avent 9oz Glass Bottle, 3 Pack", "A glass baby bottle by Philips Avent, pack of three."),
        ("Fire Kart 8 Deluxe - Nintendo Switch", "A Nintendo Switch game."),
        ("Fire Emblem: Fates - Nintendo 3DS", "A Nintendo 3DS game from the Fire Emblem series."),
        ("The Elder Scrolls Anthology - PC/Mac", "A PC and Mac game from the Elder Scrolls series."),
        ("Klub 54 [Online Game Code]", "A video game, as a download."),
        ("Deadpool - Xbox One", "An Xbox One game."),
        ("Nyko Wand for Wii (Black)", "A gaming accessory by Nyko for the Wii."),
        ("USB Headset for PC and PS4", "A headset for PC and the PlayStation 4."),
        ("Munchkin Sippy Cups, Blue, 2 Count", "Blue sippy cups by Munchkin, two pieces."),
        ("Munchkin Somewhat", "A baby product by Munchkin."),
        ("Burberry Brit Eau de Toilette for Women, 1 Fl. oz.", "Perfume by BURBERRY for women, 1 fl oz."),
        ("Yoga Shorts, Gray", "A pair of grey shorts."),
        ("Striped Cotton Cushion Cover", "A striped cotton cushion cover."),
        ("corn and rib soup", "A soup with corn."),
        ("Toy Story (1995)", "A movie."),
        ("what a cook # Food", "A short video tagged food."),
        ("Stainless Steel Knives", "Stainless steel knives."),
        ("Whiskey Glass", "A glass."),
    ],
)
def test_a_sentence_says_what_the_title_states(title, wanted):
    assert sentence(read(title), title) == wanted


def test_a_bare_name_is_quoted_and_nothing_is_claimed():
    assert sentence(read("Metamorphoses"), "Metamorphoses") == 'Not sure what this is: "Metamorphoses".'
    long = 'One "Two" three four five six seven eight nine ten'
    assert sentence(read(long), long) == "Not sure what this is: \"One 'Two' three four five six seven eight…\"."


def test_what_the_picture_shows_stands_in_where_the_title_names_no_kind():
    assert sentence(read("BrewDog Edge"), "BrewDog Edge", "a beer") == "A beer by BrewDog."
    assert sentence(read("Metamorphoses"), "Metamorphoses", "a book") == "A book."
    assert sentence(read("Steel Bottle"), "Steel Bottle", "a vase") == "A steel bottle."
    assert seen_only("a video game") == "The cover of a video game."
    assert seen_only("an exercise") == "A person doing an exercise."
    assert seen_only("a rug") == "A rug."


def test_articles_fit_their_nouns():
    assert some("usb hub", False, []) == "a usb hub"
    assert some("apron", False, []) == "an apron"
    assert some("jeans", True, ["blue"]) == "a pair of blue jeans"
    assert some("soap", True, []) == "soap"
    assert some("glass", False, []) == "a glass"


def test_a_sentence_with_every_fact_is_short():
    title = (
        "Fosmon Black and Blue Printed Silicone Thumb Grips for PS4, PS3 (Set of 4) for kids, 10 inch, with a long "
        "description of everything that there is to say about it, and more"
    )
    assert len(sentence(read(title), title).split()) <= LONGEST
