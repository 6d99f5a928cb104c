"""Our own list of everyday names, and what labels of data sets mean in it."""

import pytest

from train.teach import things
from train.teach.things import GROUPS, MASS, PAIR, REPORT, Thing, Things

KNOWN = things.things()


def made(name, group="household thing", number="one", broader="", also=(), kinds=()):
    return Thing(name, group, number, broader, also, kinds)


# -- the list itself ----------------------------------------------------------------------------------------


def test_the_list_is_large_and_every_group_has_names():
    assert len(KNOWN.all) == len(KNOWN.by_name) > 1400
    assert {thing.group for thing in KNOWN.all} == set(GROUPS)
    assert all(thing.name == thing.name.lower().strip() for thing in KNOWN.all)


def test_a_broader_name_is_a_name_of_its_own_and_never_leads_in_a_circle():
    for thing in KNOWN.all:
        if thing.broader:
            assert KNOWN.by_name[thing.broader].broader != thing.name


def test_a_tenth_of_the_names_is_kept_out_of_training_and_every_group_keeps_most_of_its_names():
    kept = [thing for thing in KNOWN.all if thing.kept_out]
    assert 0.08 < len(kept) / len(KNOWN.all) < 0.12
    assert {thing.kept_out for thing in kept} == set(things.UNSEEN)
    assert 0.4 < sum(thing.kept_out == REPORT for thing in kept) / len(kept) < 0.6
    for group in GROUPS:
        names = [thing for thing in KNOWN.all if thing.group == group]
        assert sum(not thing.kept_out for thing in names) >= 0.6 * len(names)


def test_what_everybody_brings_is_never_kept_out():
    for name in things.COMMONEST:
        assert not KNOWN.by_name[name].kept_out
    assert len(set(things.COMMONEST)) == 50


def test_a_table_with_an_unknown_group_number_or_broader_name_is_refused():
    for wrong in (made("a", group="gadgetry"), made("a", number="two"), made("a", broader="b")):
        with pytest.raises(ValueError, match="^a:"):
            Things([wrong])


# -- labels -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "name", "narrow"),
    [
        ("dog", "dog", ""), ("dogs", "dog", ""), ("couch", "sofa", ""), ("tee", "t-shirt", ""),
        ("doughnut", "donut", ""), ("dalmatian", "dog", "dalmatian"), ("norfolk terrier", "dog", "norfolk terrier"),
        ("english springer spaniel", "dog", "english springer spaniel"), ("folding chair", "chair", "folding chair"),
        ("hair brush", "hairbrush", ""), ("hair-dryer", "hair dryer", ""), ("shoe", "shoes", ""),
        ("strawberries", "strawberry", ""), ("chest of 5 drawers", "chest of drawers", ""),
        ("wall cabinet with 2 doors", "cabinet", "wall cabinet"), ("carton of juice", "juice", ""),
        ("statue of liberty", "statue", "statue of liberty"), ("5-piece toy cookware set", "toy", "toy cookware set"),
        ("mice", "mouse", ""), ("aubergine", "eggplant", ""), ("crane (machine)", "crane", "crane (machine)"),
        ("great horned owl", "owl", "great horned owl"), ("flag of peru", "flag", ""),
    ],
)  # fmt: skip
def test_a_label_is_said_in_everyday_words(label, name, narrow):
    found = KNOWN.understand(label)
    assert (found.thing.name, found.narrow) == (name, narrow)


@pytest.mark.parametrize("label", ["gibberish", "packing peanuts", "olympic torch", "standing laptop station", "7", ""])
def test_a_label_that_is_not_sure_means_nothing(label):
    assert KNOWN.understand(label) is None


def test_two_meanings_are_left_alone_unless_the_source_decides():
    assert {thing.name for thing in KNOWN.meanings("bat")} == {"bat", "baseball bat"}
    assert KNOWN.understand("bat") is None
    assert KNOWN.understand("bat", ("animal", "bird")).thing.name == "bat"
    assert KNOWN.understand("bat", ("sport",)).thing.name == "baseball bat"
    assert KNOWN.understand("turkey", ("animal", "bird")).thing.name == "turkey"
    assert KNOWN.understand("mouse", ("food",)) is None


def test_in_an_inverted_list_the_last_word_counts_only_where_no_other_is_known():
    assert KNOWN.understand("chocolate cake factory", inverted=True) is None
    assert KNOWN.understand("sandwich ham").thing.name == "sandwich"
    assert KNOWN.understand("fibre optic lamp", inverted=True).thing.name == "lamp"


def test_what_is_true_of_a_thing_goes_from_narrow_to_broad():
    assert KNOWN.by_name["eagle"].broader_names == ("bird", "animal")
    assert KNOWN.by_name["apple"].broader_names == ("fruit", "food")
    assert KNOWN.by_name["animal"].broader_names == ()
    assert KNOWN.by_name["sofa"].broader_names == ("furniture",)


# -- sentences ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("dog", "a dog"), ("apple", "an apple"), ("hourglass", "an hourglass"), ("unicycle", "a unicycle"),
        ("usb stick", "a usb stick"), ("x-ray", "an x-ray"), ("trousers", "a pair of trousers"),
        ("scissors", "a pair of scissors"), ("rice", "rice"), ("nuts", "nuts"), ("t-shirt", "a t-shirt"),
        ("sports shoes", "a pair of sports shoes"), ("grocery list", "a grocery list"), ("dress", "a dress"),
    ],
)  # fmt: skip
def test_one_piece_is_said_as_english_says_it(name, said):
    assert things.one(name) == said


def test_words_may_stand_before_the_name():
    assert things.one("trousers", "black") == "a pair of black trousers"
    assert things.one("umbrella", "red") == "a red umbrella"
    assert things.one("rice", "yellow") == "yellow rice"


@pytest.mark.parametrize(
    ("name", "many"),
    [
        ("dog", "dogs"), ("dress", "dresses"), ("mouse", "mice"), ("computer mouse", "computer mice"),
        ("knife", "knives"), ("fish", "fish"), ("goldfish", "goldfish"), ("snowman", "snowmen"), ("fairy", "fairies"),
        ("toy", "toys"), ("trousers", "trousers"), ("rice", "rice"), ("scarf", "scarves"), ("box", "boxes"),
    ],
)  # fmt: skip
def test_many_of_a_name(name, many):
    assert things.plural(name) == many


def test_a_word_of_any_data_set_means_a_thing_or_nothing():
    assert things.meant("bass").group == "sea animal" and things.meant("tshirt").group == "clothing"
    assert things.meant("flurble") is None


def test_many_things_of_a_group_are_said_as_english_says_them():
    assert [things.many(group) for group in ("animal", "clothing", "reading", "place")] == [
        "animals", "clothes", "things to read", "outdoor scenes",
    ]  # fmt: skip


def test_every_name_can_be_said_and_is_understood_as_itself():
    other_plurals = {"glass", "letter", "card", "person"}  # "glasses" are no drinking glasses unless a label says so
    for thing in KNOWN.all:
        said = things.one(thing.name)
        assert said.endswith(thing.name) and said.startswith("a pair of ") == (thing.number == PAIR)
        assert (said == thing.name) == (thing.number in (MASS, things.PLURAL))
        assert thing in KNOWN.meanings(thing.name)
        assert (thing in KNOWN.meanings(things.plural(thing.name))) == (thing.name not in other_plurals)
