"""The namer: chances of names add up to those of things and groups, and what is sure is spelled."""

from __future__ import annotations

import pytest
import torch

from msr.backbones.pocket.model import IMAGE_TOKENS
from msr.backbones.pocket.sight import FIRST, GROUP, NAMES, PIECES, SECOND, THIRD, Names, Sight
from msr.certainty import NAME_FROM
from tests import tiny
from tests.tiny import TEXT, VISION

# Four photos' names (a dog in two words of its own, a sparrow and a robin, which are birds), a bird, and a drawn dog.
DOG, HOUND, SPARROW, ROBIN, BIRD, DRAWN = range(6)
ANIMAL, FEATHERED = 0, 1


@pytest.fixture(scope="module")
def known() -> Names:
    torch.manual_seed(1)
    spelling = torch.randn(6, PIECES, TEXT)
    spelling[[DOG, BIRD, DRAWN], 2] = 0.0  # short names
    return Names(
        spelling=spelling,
        thing=torch.tensor([DOG, DOG, SPARROW, ROBIN, BIRD, DOG]),
        broader=torch.tensor([DOG, DOG, BIRD, BIRD, BIRD, DOG]),
        group=torch.tensor([ANIMAL, ANIMAL, FEATHERED, FEATHERED, FEATHERED, ANIMAL]),
        photo=torch.tensor([True, True, True, True, True, False]),
        groups=torch.randn(2, TEXT),
    )


@pytest.fixture(scope="module")
def sight(known) -> Sight:
    made = Sight(VISION, TEXT, 17, 6, hidden=64).requires_grad_(False)
    made.learn(known, 6)
    return made


def made_of(sight: Sight, **chances: float):
    """What the namer makes of a picture with these chances of names."""
    logits = torch.full((1, NAMES), -1e4)
    for name, chance in chances.items():
        logits[0, globals()[name]] = torch.tensor(chance).log()
    sight.logits = lambda gist: logits
    try:
        return sight.known(torch.zeros(1, 1))
    finally:
        del sight.logits


def test_names_of_one_thing_add_up(sight):
    found = made_of(sight, DOG=0.4, HOUND=0.3, ROBIN=0.3)
    assert found.certainty[0].tolist() == pytest.approx([0.7, 0.7], rel=1e-4)
    assert found.names[0, [DOG, HOUND]].tolist() == pytest.approx([0.4, 0.3], rel=1e-4), "both may be said"


def test_a_name_that_is_not_sure_gives_way_to_the_broader_one(sight):
    found = made_of(sight, SPARROW=0.44, ROBIN=0.36, DOG=0.2)
    assert found.names[0].argmax() == BIRD
    assert found.names[0, [SPARROW, ROBIN]].tolist() == [0.0, 0.0]
    assert found.certainty[0].tolist() == pytest.approx([0.8, 0.8], rel=1e-4)


def test_a_sure_name_is_said_itself(sight):
    found = made_of(sight, SPARROW=0.7, ROBIN=0.2, DOG=0.1)
    assert found.names[0].argmax() == SPARROW
    assert found.certainty[0].tolist() == pytest.approx([0.7, 0.9], rel=1e-4)


def test_chances_are_as_far_to_be_trusted_as_was_measured(sight):
    sight.trust.copy_(torch.tensor([[0.5, -1.0], [2.0, 0.0]]))
    try:
        found = made_of(sight, DOG=0.8, ROBIN=0.2)
        assert found.certainty[0].tolist() == pytest.approx([0.4238, 0.9412], abs=1e-3)
        # Narrow names give way where their trusted chance is too low.
        assert made_of(sight, SPARROW=0.8, DOG=0.2).names[0].argmax() == BIRD
    finally:
        sight.trust.copy_(torch.tensor([[1.0, 0.0], [1.0, 0.0]]))


def test_a_sure_name_and_its_group_are_spelled(sight, known):
    tokens = torch.randn(1, IMAGE_TOKENS, TEXT)
    (spelled,) = sight.spell(made_of(sight, HOUND=0.9999, ROBIN=0.0001), tokens)
    for place, piece in ((FIRST, 0), (SECOND, 1), (THIRD, 2)):
        torch.testing.assert_close(spelled[place], known.spelling[HOUND, piece], atol=1e-3, rtol=0)
    torch.testing.assert_close(spelled[GROUP], known.groups[ANIMAL], atol=1e-3, rtol=0)
    others = [place for place in range(IMAGE_TOKENS) if place not in (FIRST, SECOND, THIRD, GROUP)]
    assert torch.equal(spelled[others], tokens[0, others])


def test_a_short_name_and_a_drawn_thing_leave_tokens_alone(sight, known):
    tokens = torch.randn(1, IMAGE_TOKENS, TEXT)
    (short,) = sight.spell(made_of(sight, DOG=1.0), tokens)
    torch.testing.assert_close(short[THIRD], tokens[0, THIRD])
    (drawn,) = sight.spell(made_of(sight, DRAWN=1.0), tokens)
    torch.testing.assert_close(drawn[GROUP], tokens[0, GROUP])
    torch.testing.assert_close(drawn[FIRST], known.spelling[DRAWN, 0])


def test_what_is_not_taught_is_not_seen_but_may_follow(known):
    torch.manual_seed(0)
    sight = Sight(VISION, TEXT, 17, 6, hidden=64).requires_grad_(False)
    sight.learn(known, BIRD)
    found = sight(torch.randn(64, 17, VISION + 6))
    assert (found.names[:, DRAWN] < 1e-6).all()
    assert (found.names[:, BIRD] > NAME_FROM / 2).any()
    assert torch.allclose(found.names.sum(1), torch.ones(64), atol=1e-4)


def test_a_vocabulary_must_fit():
    with pytest.raises(ValueError, match="2049 names of 2 groups; at most 2048 of"):
        tiny.names(NAMES + 1)
    with pytest.raises(ValueError, match="a row for each name"):
        tiny.names(4, photo=torch.ones(3, dtype=torch.bool))
