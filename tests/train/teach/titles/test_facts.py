"""What is read out of titles: it stands there, and names of games, books and films are not taken for things."""

from __future__ import annotations

import pytest

from train.teach.titles import kinds
from train.teach.titles.facts import Stated, read

GAMES = ("thing", "game", "electronics")


def facts(stated: Stated) -> dict:
    return {name: value for name, value in vars(stated).items() if value}


@pytest.mark.parametrize(
    ("title", "wanted"),
    [
        (
            "Philips Avent 9oz Glass Bottle, 3 Pack",
            {"domain": "baby", "kind": "baby bottle", "brand": "Philips Avent", "material": "glass", "size": "9 oz",
             "count": "pack of three"},
        ),
        (
            "The Legend of Zelda: Breath of the Wild - Nintendo Switch",
            {"domain": "game", "kind": "video game", "platforms": ("Nintendo Switch",),
             "series": "The Legend of Zelda"},
        ),
        (
            "Nyko Vertical Stand for PS3 (Black)",
            {"domain": "game", "kind": "vertical stand", "brand": "Nyko", "platforms": ("PlayStation 3",),
             "colours": ("black",)},
        ),
        ("Rug, high pile, Yellow / gray", {"domain": "home", "kind": "rug", "colours": ("yellow", "grey")}),
        (
            "Wynne Sofa in Genuine Black Leather with Brown Wood Legs",
            {"domain": "home", "kind": "sofa", "colours": ("black",), "material": "leather"},
        ),
        (
            "Maxima Analog Watch - For Men",
            {"domain": "clothing", "kind": "watch", "brand": "Maxima", "audience": "men"},
        ),
        ("Banana and oatmeal cookies", {"domain": "food", "kind": "cookies", "parts": ("banana", "oatmeal")}),
        ("Toy Story (1995)", {"domain": "film", "kind": "movie"}),
        ("what a cook # Food # my long summer holiday at home", {"domain": "video", "kind": "short video",
                                                                 "tags": ("food",)}),
        ("Portal Stories [Online Game Code]", {"domain": "game", "kind": "video game", "download": True}),
    ],
)  # fmt: skip
def test_facts_stand_in_the_title(title, wanted):
    assert facts(read(title)) == wanted


@pytest.mark.parametrize("title", ["A Quiet Afternoon", "Metamorphoses", "Klub 54"])
def test_of_a_bare_name_nothing_is_known(title):
    assert read(title) == Stated()


def test_a_head_is_what_the_part_ends_with_not_what_it_is_for():
    assert read("Silicone Case for Xbox 360 Controller").kind == "controller skin"
    assert read("Bluetooth Gadget for PS4, PS3 Controller").kind != "controller"
    assert read("Crib Mattress Pad with Sheet").kind == "crib mattress pad"
    assert read("Britax Stroller Cup Holder").kind == "stroller accessory"
    assert read("Acme Primer and Brightener, 1 oz").kind == "primer"


def test_a_common_name_means_the_kind_of_the_domain_that_the_title_speaks_of():
    assert read("Steel Bottle").kind == "bottle"
    assert read("Newborn Bottle Steel").kind == "baby bottle"
    assert read("Munchkin Cup").kind == "sippy cup"
    assert read("Cup").kind == "cup"


def test_words_in_names_of_games_are_no_things():
    for name in ("Jet Set Radio", "Pandora's Box", "Syphon Filter 3"):
        assert read(name, GAMES, names=True).kind == ""
    assert read("Replacement Filter for Xbox 360", GAMES, names=True).kind == "filter"
    assert read("Dark Fall (Jewel Case) - PC", GAMES, names=True).kind == "video game"
    assert read("Halo Reach (Requires Kinect Sensor) - Xbox 360", GAMES, names=True).kind == "video game"


def test_a_platform_before_a_name_may_be_of_a_device_and_behind_it_is_a_games():
    assert read("Tomba - PlayStation").kind == "video game"
    assert read("Xbox 360 Real Arcade EX").kind == "gaming product"
    assert read("Batman for Xbox").kind == "gaming product"


def test_colours_and_materials_of_a_name_are_not_the_things():
    assert read("Call of Duty: Black Ops - PC").colours == ()
    assert read("Metal Gear Solid - PlayStation").material == ""
    assert read("Juice Beauty Green Apple Serum").colours == ()
    assert read("Green Eats Plate, Blue").colours == ("blue",), "the brand is no colour"


def test_only_possible_kinds_are_read():
    assert read("Ghost in the Shell", ("book",)) == Stated()
    assert read("Toy Story (1995)", GAMES).kind == ""


def test_plurals_and_counts_are_kept():
    assert read("Acme Sippy Cups, 10 Ounce, 8-Count").many
    assert read("Acme Sippy Cups, 10 Ounce, 8-Count").count == "eight pieces"
    assert read("Wipes 24 ct").count == "24 pieces"
    assert read("Blanket, set of 2").count == "set of two"
    assert read("Bib (1 pack)").count == ""
    assert not read("Glass").many
    assert read("Controller for Xbox 360 PC").count == "" and read("Puzzle, 360 pcs").count == "360 pieces"


def test_every_name_of_a_kind_is_lower_case_and_reads_as_a_kind():
    domains = {kind.domain for meanings in kinds.names().values() for kind, _ in meanings}
    assert {"game", "baby", "beauty", "clothing", "food", "home", "film"} <= domains
    for name in kinds.names():
        assert name == name.strip().lower(), name
        assert kinds.ending(name.split(), None, domains) is not None or len(name.split()) > 5, name


def test_brands_and_series_are_found_as_they_are_written():
    assert kinds.brand_in("PHILIPS AVENT bottle").group() == "PHILIPS AVENT"
    assert kinds.brand_in("bib by Munchkin").group() == "Munchkin"
    assert kinds.brand_in("case, licensed by Nintendo") is None
    assert kinds.series_in("halo: reach") == "Halo"
    assert kinds.series_in("Halogen lamp") == ""
