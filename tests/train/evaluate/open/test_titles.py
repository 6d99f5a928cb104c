"""Titles alone: the right domain, nothing, or another domain."""

import csv

import pytest

from msr.backbones.protocol import Generation
from msr.backbones.wrappers import CachedBackbone
from msr.storage import TextCache
from tests.fakes import FakeBackbone
from train.evaluate.open import titles
from train.teach.things import GROUPS
from train.teach.titles import readers


@pytest.mark.parametrize(
    ("text", "domain", "worth"),
    [
        ("A Nintendo Switch game.", "games", "right domain"),
        ("A game controller for the Xbox 360.", "games", "right domain"),
        ("An action, adventure and fantasy movie from the 2000s.", "games", "wrong domain"),
        ("A ketch movie.", "games", "wrong domain"),
        ("Not pictured: a game, adventure and comedy movie from the 1990s.", "games", "wrong domain"),
        ("A game based on the movie.", "games", "right domain"),
        ("A photo of a toilet.", "beauty products", "wrong domain"),
        ("A collection of hair fibers.", "beauty products", "says little"),
        ("A red tank.", "clothes and sport", "right domain"),
        ("Not pictured: an item of which the title says little.", "games", "says little"),
        ("Possibly a movie.", "games", "says little"),
        ("A glass baby bottle.", "baby products", "right domain"),
        ("A car.", "baby products", "wrong domain"),
        ("A drama movie.", "films", "right domain"),
        ("A book.", "films", "wrong domain"),
        ("A bottle of perfume.", "beauty products", "right domain"),
        ("A black hoodie for men.", "clothes and sport", "right domain"),
        ("A vegetable dish.", "recipes and drinks", "right domain"),
        ("A soup.", "recipes and drinks", "right domain"),
    ],
)
def test_a_description_of_a_title_keeps_to_its_domain(text, domain, worth):
    assert titles.outcome(text, domain) == worth


def test_what_a_domain_may_name_are_groups():
    assert set().union(*titles.ALLOWED.values()) <= set(GROUPS)


def word(number):
    """A word of its own for each number, so that each title is a product of its own."""
    return "qx" + "".join(chr(ord("a") + int(digit)) for digit in str(number))


@pytest.fixture
def root(tmp_path):
    """Two folders of titles, with more of them in training than in the test."""
    (tmp_path / "amazon-games").mkdir()
    lines = ["item\ttitle\timage", *(f'{n}\t"Game ""{word(n)}"""\t' for n in range(200))]
    (tmp_path / "amazon-games" / "items.tsv").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "pictures").mkdir()
    with (tmp_path / "pictures" / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "source", "label", "caption", "title"])
        writer.writerows([f"{n}.webp", "recipes", "", "", f"{word(n).capitalize()} Soup"] for n in range(200))
        writer.writerows([f"{n}-x.webp", "words_photo", "dog", "", "A dog"] for n in range(200))
    return tmp_path


class Namer(FakeBackbone):
    """Calls every game a movie and every soup a soup."""

    def generate(self, prompts, max_new_tokens, stop=None):
        self.prompts["generate"].extend(prompts)
        return [Generation("A soup." if "Soup" in p.text else "A comedy movie.", 0.9) for p in prompts]


def test_only_titles_of_the_test_split_are_asked_about(root):
    unseen = titles.unseen(readers.load(root))
    assert set(unseen) == {"games", "recipes and drinks"}
    assert all(shot.split == "test" for shots in unseen.values() for shot in shots)
    assert 0 < len(unseen["games"]) < 60
    title = unseen["games"][0].title
    assert title.startswith('Game "') and title.endswith('"')


def test_every_domain_has_its_shares_and_the_titles_are_few(root, tmp_path):
    backbone = Namer()
    shots = list(readers.load(root))
    found = titles.evaluate(CachedBackbone(backbone, TextCache(tmp_path / "texts")), shots, 8, seed=1)
    means = {domain: shares["wrong domain"]["mean"] for domain, shares in found["domains"].items()}
    assert means == {"games": 1.0, "recipes and drinks": 0.0}
    assert {name: value["mean"] for name, value in found["all"].items()} == {
        "right domain": 0.5, "says little": 0.0, "wrong domain": 0.5, "invented": 0.5, "kind right": 1.0,
    }  # fmt: skip
    assert found["domains"]["recipes and drinks"]["kind right"]["n"] == 4, "only the titles of soups name a kind"
    assert found["all"]["right domain"]["n"] == len(backbone.prompts["generate"]) == 8
    assert all(prompt.text.startswith("No picture.") and not prompt.pictures for prompt in backbone.prompts["generate"])
    games = [one for one in found["samples"] if one["domain"] == "games"]
    assert {one["outcome"] for one in games} == {"wrong domain"}
    assert all(one["invented"] == ["comedy"] for one in games)


def test_no_titles_no_figures(tmp_path):
    found = titles.evaluate(CachedBackbone(Namer(), TextCache(tmp_path / "texts")), [], 8, seed=1)
    assert found == {"domains": {}, "samples": []}
