"""Readers of titled items, their splits, and the examples that the tasks make of them."""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path

import pytest
import torch

from msr.prompts import IMAGE
from tests.train.shots import DRAWN, views
from train.teach import material as data
from train.teach.pictures import Shot
from train.teach.tasks import Tasks
from train.teach.titles import readers

PICTURES = """image,source,label,caption,title
a.webp,ikea,rug,Soft.,"Rug, White"
b.webp,ikea,quilt cover and 4 pillowcases,,"Quilt cover and 4 pillowcases, White"
c.webp,book_covers,,cover of the book Dracula,Dracula
d.webp,exercises,,,Bench Press
e.webp,cocktails,,a Martini cocktail in a glass,Sunny Side
f.webp,cocktails,,Black pepper,Pepper
g.webp,mulberry,sack,drawing,
h.webp,sports100,rugby,,
i.webp,imagenet_samples,yawl,,something
"""


@pytest.fixture
def root(tmp_path) -> Path:
    files = {
        "pictures/labels.csv": PICTURES,
        "amazon-games/items.tsv": "item\ttitle\timage\n0\tDeadpool - Xbox One\t\n1\tRogue Trip\timages/1.webp\n",
        "amazon-baby/items.tsv": 'item\ttitle\n0\t"Summer Infant 2.5"" Monitor, Blue"\n',
        "luma-shop/items.tsv": "item\ttitle\timage\tcategory\n"
        "MH01-Black\tChaz Hoodie, Black\timages/a.jpg\tMen/Tops/Hoodies & Sweatshirts\n"
        "MH01-Gray\tChaz Hoodie, Gray\timages/b.jpg\tMen/Tops/Hoodies & Sweatshirts\n",
        "microlens-50k/MicroLens-50k_titles.csv": "item,title\n" + "".join(f"{n},cook {n} # food\n" for n in range(40)),
        "movielens-posters/movies.csv": "movieId,title,genres\n" + "".join(
            f"{n},Name {n} (1990),War\n" for n in range(60)
        ),
        "movielens-posters/ratings.csv": "userId,movieId,rating,timestamp\n5,1,4.0,10\n",
    }  # fmt: skip
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    for image in ("luma-shop/images/a.jpg", "luma-shop/images/b.jpg", "amazon-games/images/1.webp"):
        (tmp_path / image).parent.mkdir(exist_ok=True)
        (tmp_path / image).touch()
    return tmp_path


@pytest.fixture
def by_source(root) -> dict[str, list[Shot]]:
    found = defaultdict(list)
    for shot in readers.load(root):
        found[shot.facts["source"]].append(shot)
    return found


def test_each_source_yields_its_titled_items(by_source):
    assert {s.title for s in by_source["ikea"]} == {"Rug, White", "Quilt cover and 4 pillowcases, White"}
    assert [s.key for s in by_source["amazon-games"]] == ["game/0", "game/1"]
    assert [s.pictured for s in by_source["amazon-games"]] == [False, True]
    assert by_source["amazon-baby"][0].title == 'Summer Infant 2.5" Monitor, Blue'
    assert 0 < len(by_source["microlens-50k"]) < 40
    assert 0 < len(by_source["movielens-posters"]) < 60
    assert all("1990" not in s.title for s in by_source["movielens-posters"])
    assert {"mulberry", "sports100", "imagenet_samples"}.isdisjoint(by_source)
    assert by_source["ikea"][0].key == "picture/a.webp"


def test_what_a_picture_shows_is_known_only_where_it_is_certain(by_source):
    def seen(source: str) -> list[str | None]:
        return [s.facts.get("seen") for s in by_source[source]]

    assert seen("ikea") == ["a rug", "a quilt cover"]
    assert seen("book_covers") == ["a book"]
    assert seen("cocktails") == ["a cocktail", None]
    assert seen("luma-shop") == ["a sweatshirt", "a sweatshirt"]
    assert seen("amazon-games") == [None, None]


def test_variants_share_their_split(by_source):
    black, grey = by_source["luma-shop"]
    assert black.family == grey.family
    assert readers.family("Marathon Rugged Hoodie, Black, 9 oz") == readers.family("Marathon Rugged Hoodie - Dark Blue")
    assert readers.family("Rug, White") != readers.family("Rug, Black"), "one word is not a product's name"
    shots = [Shot(f"k/{n}", readers.KIND, "", {}, family="title a b") for n in range(50)]
    assert len({s.split for s in shots}) == 1


def test_some_sources_and_labels_are_never_trained_on(by_source):
    assert [s.split for s in by_source["exercises"]] == ["test"]
    labels = [readers._shot("flipkart", f"k/{n}", f"Name {n}", None, f"label {n % 40}") for n in range(400)]
    parts = defaultdict(set)
    for number, shot in enumerate(labels):
        parts[number % 40].add(bool(shot.kept_out))
    assert all(len(found) == 1 for found in parts.values()), "a label is kept out whole"
    assert 8 < sum(found == {True} for found in parts.values()) < 32


def test_half_of_the_bare_names_are_told_and_half_are_not_sure():
    shots = [Shot(f"game/{n}", readers.KIND, f"Qwrt Mnbv{n}", {"source": "amazon-games"}) for n in range(200)]
    answers = [readers.target(shot) for shot in shots]
    told = sum(answer == "A video game." for answer in answers)
    assert 70 < told < 130
    assert told + sum(answer.startswith("Not sure what this is: ") for answer in answers) == 200
    films = [Shot(f"film/{n}", readers.KIND, f"Qwrt Mnbv{n}", {"source": "movielens-posters"}) for n in range(50)]
    assert all(readers.target(film).startswith("Not sure") for film in films), "nothing says that it is a film"


def test_a_brand_before_a_game_did_not_make_it():
    shot = Shot(
        "picture/a", readers.KIND, "LEGO Batman 2", {"source": "game_covers", "seen": "a video game"}, Path("a")
    )
    assert readers.target(shot, pictured=True) == "A video game."


def test_no_target_has_a_fault(by_source):
    for source, shots in by_source.items():
        for shot in shots:
            for pictured in {False, shot.pictured}:
                found = readers.judge(shot, readers.target(shot, pictured=pictured), pictured)
                assert not (found.wrong_domain or found.invented or found.says_little), (source, shot.title)
                assert found.kind_right is not False, (source, shot.title)


def test_a_description_is_judged_by_what_the_source_knows(by_source):
    game = by_source["amazon-games"][1]
    assert readers.domain(game) == "game"
    assert readers.judge(game, "A comedy movie.").wrong_domain
    drink, pepper = by_source["cocktails"]
    assert readers.judge(drink, "A cocktail.", pictured=True).kind_right is True
    assert readers.judge(drink, "A bicycle.", pictured=True).kind_right is False
    assert readers.judge(drink, "A cocktail.").kind_right is None, "the title alone does not tell"
    assert readers.judge(by_source["ikea"][0], "A red rug.").invented == ("red",)


class Store(dict):
    def get(self, key):
        return super().get(key)


def test_examples_show_what_their_answers_say(by_source):
    shots = [s for found in by_source.values() for s in found]
    store = Store({s.key: torch.zeros(2, 8) for s in shots if s.pictured})
    tasks = Tasks(shots, [], store)
    rng = random.Random(3)
    shown = defaultdict(int)
    for _ in range(400):
        example = tasks.describe(rng, {readers.KIND: 1.0})
        pictured, titled = IMAGE in example.prompt.text, "Title: " in example.prompt.text
        shown[pictured, titled] += 1
        assert pictured or titled
        assert len(example.answer.split()) <= 25
        if not titled:
            assert example.answer in (
                "A rug.", "A quilt cover.", "The cover of a book.", "A cocktail.", "A sweatshirt.",
                "A person doing an exercise.",
            )  # fmt: skip
    assert min(shown[True, True], shown[True, False], shown[False, True]) > 10
    assert tasks.describe(random.Random("7"), {readers.KIND: 1.0}) == tasks.describe(
        random.Random("7"), {readers.KIND: 1}
    )


def test_material_has_the_titles_beside_its_shots(root):
    material = data.load(root, drawn=3)
    assert {s.kind for s in material.shots} == {"movie", "drawn", "picture"}
    assert {s.kind for s in material.titles} == {readers.KIND}
    assert {s.split for s in material.titled("train")} == {"train"}
    assert all(s.facts["source"] not in readers.UNTRAINED for s in material.titled("train", "validation"))
    assert "amazon-games/items.tsv" in material.hashes and "pictures/labels.csv" in material.hashes


def shot(title: str, source: str = "amazon-games") -> Shot:
    return Shot(f"title/{title}", readers.KIND, title, {"source": source})


def test_what_a_title_states_is_what_a_taste_may_be_about():
    wii = readers.with_facts(shot("The Legend of Zelda: Twilight Princess - Nintendo Wii"))
    assert wii.facts["platform"] == ("Wii",) and wii.facts["series"] == "Legend of Zelda"
    assert wii.facts["said"] == "a Wii game from the Legend of Zelda series"
    unsure = readers.with_facts(shot("Rogue Trip"))
    assert unsure.facts == {"source": "amazon-games", "said": ""}


def test_users_of_titles_get_preferences_and_reasons_from_what_the_titles_state():
    games = [
        shot(f"{name} - Nintendo Wii") for name in ("Klonoa", "Boom Blox", "Okami", "Endless Ocean", "Rune Factory")
    ]
    tasks = Tasks([*games, shot("Rogue Trip"), shot("Duck Tales")], [], {})
    rng = random.Random(0)
    preferences = [tasks.preference(rng) for _ in range(30)]
    assert any("video games for the Wii" in example.answer for example in preferences)
    assert all("Xbox" not in example.answer and not example.prompt.pictures for example in preferences)
    reasons = {tasks.explain(rng).answer for _ in range(40)}
    assert any("for the Wii" in reason and "which the user appears to like" in reason for reason in reasons)
    slate = tasks.simulated_slate(rng, liked=1, disliked=2)
    assert [("Wii" in prompt.text.splitlines()[-1]) for prompt in slate.prompts] == [True, False, False]


def test_titles_that_state_nothing_make_no_users():
    tasks = Tasks([shot("Rogue Trip"), shot("Duck Tales"), *DRAWN], [], views(DRAWN))
    rng = random.Random(0)
    assert {tasks.history(rng, 2)[1] for _ in range(20)} == {"drawn"}
