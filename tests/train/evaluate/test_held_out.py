"""Held-out figures: what counts as a mention, and who may be asked about whom."""

from __future__ import annotations

import random
import re
from dataclasses import replace

import pytest
from PIL import Image

from msr.backbones.protocol import Generation
from msr.schema import YesNo
from tests.fakes import FakeBackbone
from tests.train.shots import fashion, movie
from train.data.dataset import UserLog
from train.evaluate import held_out
from train.teach.material import Material
from train.teach.pictures import Shot


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        ("A navy blue shirt for men.", "shirt", True),
        ("A navy blue shirt for men.", "navy blue", True),
        ("Navy blue shirts.", "shirt", True),
        ("Two scarves.", "scarf", True),
        ("A shirtless man.", "shirt", False),
        ("A blue tshirt.", "shirt", False),
        ("A shirt for women.", "men", False),
        ("A shirt for men.", "men", True),
        ("A reddish mug.", "red", False),
        ("A pair of brown casual shoes.", "casual shoes", True),
        ("A pair of brown shoes.", "casual shoes", False),
        ("A pair of casual shoe.", "casual shoes", False),
        ("A wooden lamp.", "wood", True),
        ("A wood lamp.", "wood", True),
        ("A photo of a water lily.", "water lily", True),
        ("A C (green) bag.", "green", True),
        ("", "shirt", False),
    ],
)
def test_a_mention_is_the_whole_word_in_singular_or_plural(text, words, said):
    assert held_out.mentions(text, words) is said


# -- descriptions -------------------------------------------------------------------------------------------


class Describer(FakeBackbone):
    """Says the same of every picture."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def generate(self, prompts, max_new_tokens, stop=None):
        self.prompts["generate"].extend(prompts)
        return [Generation(self.text, 1.0) for _ in prompts]


def test_mention_rates_count_the_shots_that_have_the_attribute(tmp_path):
    Image.new("RGB", (8, 8), "red").save(tmp_path / "a.png")
    shots = [
        fashion(1, "shirt", "red", "men", "casual", "Secret red title"),
        fashion(2, "shirt", "blue", "men", "casual"),
        fashion(3, "watch", "red", "women", "casual"),
        fashion(4, "shirt", "red", "men", "casual"),
    ]
    shots = [replace(s, path=tmp_path / "a.png") for s in shots]
    del shots[3].facts["colour"]
    backbone = Describer("A red shirt for men. And a sentence that is cut")
    found = held_out.descriptions(backbone, shots, ("type", "colour", "gender"), titled=False, batch=3)
    assert found["pictures"] == 4
    assert {a: (v["mean"], v["n"]) for a, v in found["mention"].items()} == {
        "type": (0.75, 4),
        "colour": (0.6667, 3),
        "gender": (0.75, 4),
    }
    assert found["samples"][1] == {"truth": "a blue casual shirt for men", "text": "A red shirt for men."}
    assert "Secret" not in "".join(p.text for p in backbone.prompts["generate"]), "the picture alone"
    titled = Describer("A shirt.")
    held_out.descriptions(titled, shots, ("type",), titled=True)
    assert "Secret red title" in titled.prompts["generate"][0].text


# -- unseen users -------------------------------------------------------------------------------------------


@pytest.fixture
def movies(tmp_path) -> tuple[Shot, ...]:
    """Sixty films, all with the same poster."""
    Image.new("RGB", (8, 8), "red").save(tmp_path / "poster.png")
    made = (movie(n, f"Film {n} (19{50 + n % 50})", "drama", poster=False) for n in range(60))
    return tuple(replace(shot, path=tmp_path / "poster.png") for shot in made)


def test_users() -> tuple[UserLog, ...]:
    """Nine users of whom three are unseen; each has seen twelve films, in order."""
    names = [str(n) for n in range(200)]
    unseen = [n for n in names if UserLog(n, ()).split == "test"][:3]
    known = [n for n in names if UserLog(n, ()).split == "train"][:6]
    rng = random.Random(0)
    return tuple(UserLog(n, tuple(str(m) for m in rng.sample(range(60), 12))) for n in (*unseen, *known))


test_users.__test__ = False


class Oracle(FakeBackbone):
    """Knows each user's last film if it sees a poster; a prompt's history tells it who asks."""

    def __init__(self, users) -> None:
        super().__init__()
        self.users = users

    def score(self, prompts, stop=None):
        self.prompts["score"].extend(prompts)
        answers = []
        for prompt in prompts:
            user = self.asking(prompt)
            right = f'"Film {user.items[-1]} ' in prompt.text.splitlines()[-1]
            answers.append(YesNo(float(right and bool(prompt.pictures)), 0.0))
        return answers

    def asking(self, prompt) -> UserLog:
        recent = re.findall(r'"Film (\d+) ', prompt.text.splitlines()[1])
        return next(u for u in self.users if set(recent) <= set(u.items) and recent[-1] == u.items[-2])


def test_the_last_film_is_asked_for_among_films_that_were_never_touched(movies):
    people = test_users()
    oracle = Oracle(people)
    found = held_out.film_figures(oracle, Material(movies, people), count=10, seed=1)
    assert found["users"] == 3, "training users are not asked"
    assert [row["system"] for row in found["rows"]] == ["random", "popularity", "item-knn", "titles-only", "mllm"]
    assert {row["negatives"] for row in found["rows"]} == {"uniform"}
    rows = {row["system"]: row for row in found["rows"]}
    assert rows["mllm"]["auc"]["mean"] == rows["mllm"]["hr@3"]["mean"] == 1.0
    assert rows["titles-only"]["auc"]["mean"] == 0.5, "the oracle is blind without posters"
    for user in (u for u in people if u.split == "test"):
        asked = [p for p in oracle.prompts["score"] if oracle.asking(p) == user]
        blind, seeing = asked[:21], asked[21:]
        assert [p.text.replace("<image> ", "") for p in seeing] == [p.text for p in blind]
        assert all(p.pictures for p in seeing)
        preference, recent, *_ = seeing[0].text.splitlines()
        assert preference.startswith("The user appears to have a preference for drama movies")
        assert f"Film {user.items[-1]} " not in preference + recent, "the future is not told"
        candidates = [re.search(r"Film (\d+) ", p.text.splitlines()[-1]).group(1) for p in seeing]
        assert len(set(candidates)) == 21
        assert set(candidates) & set(user.items) == {user.items[-1]}


def popularity_auc(movies, people, others) -> float:
    found = held_out.film_figures(Oracle(people), Material(movies, (*people, *others)), count=3, seed=1)
    return next(row for row in found["rows"] if row["system"] == "popularity")["auc"]["mean"]


def test_popularity_is_that_of_training_users(movies):
    people = test_users()
    last = tuple({u.items[-1] for u in people if u.split == "test"})
    fans = [UserLog(str(n), last) for n in range(300, 400)]
    assert popularity_auc(movies, people, [u for u in fans if u.split == "train"]) > 0.9
    others = [u for u in fans if u.split == "validation"]
    assert len(others) > 2
    assert popularity_auc(movies, people, others) == popularity_auc(movies, people, []) < 0.8
