"""Open tastes: users with one kind of thing, whether it is named, and where an unseen one is ranked."""

import pytest
from PIL import Image

from msr.backbones.protocol import Generation
from msr.backbones.wrappers import CachedBackbone
from msr.schema import YesNo
from msr.storage import TextCache
from tests.fakes import FakeBackbone
from train.evaluate.open import tastes
from train.teach.pictures import Shot
from train.teach.things import things


@pytest.fixture
def pool(tmp_path):
    """Pictures whose colour tells the thing: ten dogs, four cats, eagles of the birds, puzzles and board games."""
    names = {"dog": 10, "cat": 4, "eagle": 6, "bird": 8, "puzzle": 5, "board game": 5, "spoon": 30}
    shots = []
    for place, (name, count) in enumerate(names.items()):
        for number in range(count):
            path = tmp_path / f"{name}-{number}.png"
            Image.new("RGB", (8, 8), (30 * place, number, 0)).save(path)
            facts = {"type": name, "group": things().by_name[name].group}
            shots.append(Shot(f"picture/{name}-{number}", "picture", "", facts, path))
    return shots


def test_a_user_has_one_taste_and_nothing_else_offered_has_it(pool):
    users = tastes.planted(pool, "type", 9, seed=1)
    assert {user.taste for user in users} == {"dog", "bird", "spoon"}  # enough pictures of one name
    assert [user.taste for user in users[:3]] == [user.taste for user in users[3:6]]
    for user in users:
        shown = [shot for block in user.blocks for shot in block]
        assert [len(block) for block in user.blocks] == [tastes.SIZE] * tastes.BLOCKS
        assert {shot.facts["type"] for shot in (*shown, user.liked)} == {user.taste}
        assert user.liked not in shown and len({shot.key for shot in shown}) == len(shown)
        assert len(user.others) == tastes.OTHERS
        allowed = {"bird": {"bird", "eagle"}}.get(user.taste, {user.taste})
        assert not allowed & {shot.facts["type"] for shot in user.others}


def test_a_group_is_a_taste_if_it_has_more_than_one_name(pool):
    users = tastes.planted(pool, "group", 6, seed=1)
    assert {user.taste for user in users} == {"animal", "bird", "game"}  # all spoons are one name
    for user in users:
        if user.taste == "animal":  # a bird is an animal too
            assert {shot.facts["group"] for shot in user.others} == {"game", "kitchenware"}
    assert users == tastes.planted(pool[::-1], "group", 6, seed=1)
    assert users != tastes.planted(pool, "group", 6, seed=2)


def test_too_few_pictures_make_no_users(pool):
    assert tastes.planted(pool[:5], "type", 4, seed=1) == []
    assert tastes.planted([shot for shot in pool if shot.facts["type"] == "dog"], "type", 4, seed=1) == []


def user(slot, taste, *names):
    blocks = (tuple(Shot(f"{n}-{i}", "picture", "", {"type": n}) for i, n in enumerate(names)),)
    return tastes.OpenUser("x", slot, taste, blocks, blocks[0][0], ())


@pytest.mark.parametrize(
    ("text", "one", "named"),
    [
        ("The user likes pictures of dogs.", user("type", "dog", "dog"), True),
        ("The user likes puppies.", user("type", "dog", "dog"), True),
        ("The user likes animals.", user("type", "dog", "dog"), False),
        ("Likes cats; earlier for dogs.", user("type", "dog", "dog"), False),
        ("The user likes games.", user("group", "game", "puzzle", "board game"), True),
        ("Board games and puzzles [1, 2].", user("group", "game", "puzzle", "board game", "chess"), True),
        ("The user likes puzzles.", user("group", "game", "puzzle", "board game"), False),
        ("The user likes sofas.", user("group", "game", "puzzle", "board game"), False),
        ("Household things.", user("group", "household thing", "bucket", "mop"), True),
        ("", user("type", "dog", "dog"), False),
    ],
)
def test_a_taste_is_named_by_its_name_its_group_or_most_of_its_members(text, one, named):
    assert tastes.named(text, one) is named


class Fan(FakeBackbone):
    """Likes what the mean red of the picture says; writes what it is told to."""

    def __init__(self, text, likes):
        super().__init__()
        self.text, self.likes = text, likes

    def generate(self, prompts, max_new_tokens, stop=None):
        return [Generation(self.text, 0.9) for _ in prompts]

    def score(self, prompts, stop=None):
        reds = [prompt.pictures[0].open().convert("RGB").getpixel((0, 0))[0] for prompt in prompts]
        return [YesNo(float(abs(red - self.likes) < 10), 0.0) for red in reds]


def test_the_taste_is_looked_for_in_the_text_and_the_liked_thing_among_the_first(pool, tmp_path):
    dogs = [shot for shot in pool if shot.facts["type"] in ("dog", "puzzle", "board game", "cat")]
    others = [shot for shot in pool if shot.facts["type"] == "spoon"]
    fan = Fan("The user likes dogs.", likes=0)  # dogs are the first colour
    assert tastes.evaluate(CachedBackbone(fan, TextCache(tmp_path / "texts")), [*dogs, *others[:4]], 4, seed=1) == {}
    found = tastes.evaluate(CachedBackbone(fan, TextCache(tmp_path / "texts")), [*dogs, *others], 4, seed=1)
    one = found["one thing"]
    by_taste = {told["taste"]: told for told in one["samples"]}
    assert by_taste["dog"] | {"preference": ""} == {"taste": "dog", "preference": "", "named": True, "rank": 1.0}
    assert by_taste["spoon"]["rank"] > 10 and not by_taste["spoon"]["named"]
    assert one["named"]["mean"] == one["among the first 5 of 21"]["mean"] == 0.5
    assert one["named"]["n"] == 2
