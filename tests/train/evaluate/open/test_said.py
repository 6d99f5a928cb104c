"""The parser of descriptions: what they claim, what they only guess, and what that is worth."""

import pytest

from train.evaluate.open import said
from train.evaluate.open.said import GROUP, HEDGED, NARROWER, NOTHING, RIGHT, WRONG, outcome, read
from train.teach.things import GROUPS, one, things


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("A brown dog.", ["dog"]),
        ("A photo of a kangaroo.", ["kangaroo"]),
        ("A close-up photo of two dogs.", ["dog"]),
        ("A pair of white casual socks for men.", ["socks"]),
        ("A striped navy metal mug, round, in a retro style.", ["mug"]),
        ("A striped, navy mug.", ["mug"]),
        ("An action, adventure and fantasy movie from the 2000s, with a dark poster.", ["film"]),
        ("A glass baby bottle by Philips Avent, pack of three.", ["baby bottle"]),
        ("A Nintendo Switch game.", ["game"]),
        ("A game controller.", ["game controller"]),
        ("A black and white dog running through the grass.", ["dog"]),
        ("A boy is swimming in a pool.", ["boy"]),
        ("A man riding a horse.", ["man"]),
        ("It is a couch.", ["sofa"]),
        ("A brown dog runs across the snow.", ["dog"]),
        ("An orange cat.", ["cat"]),
        ("An orange.", ["orange"]),
        ("A cup of coffee.", ["cup", "coffee"]),
        ("Not pictured: a navy blue polo shirt for men.", ["polo shirt"]),
        ("A bat.", ["bat", "baseball bat"]),
        ("Rice.", ["rice"]),
        ("Something to eat.", ["food"]),
        ("A piece of clothing.", ["clothing"]),
        ("A brown casual item.", []),
        ("A bottle opened.", ["bottle"]),
        ("Hair fibers.", []),
        ("A thing on a table.", []),
        ("Not pictured: an item of which the title says little.", []),
        ("Brown.", []),
        ("", []),
    ],
)
def test_the_head_noun_is_what_a_description_claims(text, names):
    found = read(text)
    assert [name.name for name in found.claimed] == names
    assert not found.guessed and not found.hedged


@pytest.mark.parametrize(
    ("text", "claimed", "guessed"),
    [
        ("An animal, not sure which.", ["animal"], []),
        ("A piece of furniture, not sure which.", ["furniture"], []),
        ("A home textile, not sure which one.", ["home textile"], []),
        ("Not sure what this is; it looks brown.", [], []),
        ("Not sure: a grey picture, perhaps a brown casual wallet for women.", [], ["wallet"]),
        ("Not sure: a dark reddish picture, perhaps two dogs running in the snow.", [], ["dog"]),
        ("Possibly a dog.", [], ["dog"]),
        ("It looks like a bird.", [], ["bird"]),
        ("This might be a cup.", [], ["cup"]),
        ("A dog, possibly a cat.", ["dog"], ["cat"]),
        ("Hard to tell.", [], []),
    ],
)
def test_behind_a_hedge_nothing_is_claimed(text, claimed, guessed):
    found = read(text)
    assert [name.name for name in found.claimed] == claimed
    assert [name.name for name in found.guessed] == guessed
    assert found.hedged


def test_every_name_and_every_group_is_read_back_from_the_sentence_that_says_it():
    for thing in things().all:
        assert thing.name in [name.name for name in read(f"{one(thing.name).capitalize()}.").claimed], thing.name
        assert thing.name in [name.name for name in read(f"{one(thing.name, 'old')}, in a retro style").claimed]
    for thing in things().all:
        hedged = read(f"{GROUPS[thing.group].capitalize()}, not sure which.")
        assert hedged.claimed and outcome(hedged, {"type": thing.name}) in (GROUP, RIGHT), thing.name


@pytest.mark.parametrize(
    ("text", "name", "narrow", "worth"),
    [
        ("A dog.", "dog", "", RIGHT),
        ("A couch.", "sofa", "", RIGHT),
        ("A pair of trainers.", "sneakers", "", RIGHT),
        ("A bird.", "eagle", "", RIGHT),  # a broader everyday name
        ("An eagle.", "bird", "", NARROWER),  # the label does not tell
        ("An apple.", "fruit", "", NARROWER),
        ("A dog.", "animal", "", NARROWER),
        ("A dalmatian.", "dog", "", NARROWER),
        ("A dalmatian.", "dog", "dalmatian", RIGHT),
        ("A terrier.", "dog", "norfolk terrier", RIGHT),
        ("A dalmatian.", "dog", "norfolk terrier", WRONG),
        ("A folding chair.", "chair", "windsor chair", NARROWER),  # a chair can be both
        ("An animal.", "eagle", "", GROUP),
        ("A piece of clothing.", "jeans", "", GROUP),
        ("Clothes.", "jeans", "", GROUP),
        ("Something to read.", "magazine", "", GROUP),
        ("A book.", "magazine", "", WRONG),
        ("A pair of trousers.", "jeans", "", RIGHT),
        ("An animal, not sure which.", "eagle", "", GROUP),
        ("An animal, not sure which.", "chair", "", WRONG),  # the group is claimed
        ("A wallet.", "dog", "", WRONG),
        ("A cat.", "dog", "", WRONG),
        ("A bat.", "baseball bat", "", RIGHT),
        ("A cup of coffee.", "coffee", "", RIGHT),
        ("Perhaps a wallet.", "dog", "", HEDGED),
        ("Not sure what this is.", "dog", "", HEDGED),
        ("A brown item.", "dog", "", NOTHING),
    ],
)
def test_a_claim_is_worth_what_the_label_tells(text, name, narrow, worth):
    assert outcome(read(text), {"type": name} | ({"narrow": narrow} if narrow else {})) == worth


def test_a_guess_behind_a_hedge_is_counted_apart():
    assert said.guessed_right(read("Possibly a dog."), {"type": "dog"})
    assert not said.guessed_right(read("Possibly a cat."), {"type": "dog"})
    assert not said.guessed_right(read("A dog."), {"type": "dog"})


def test_all_names_of_a_text_in_order_and_the_longest_first():
    text = "The user appears to have a preference for board games and jigsaw puzzles; earlier for dogs."
    assert [name.name for name in said.names_in(text)] == ["board game", "puzzle", "dog"]
