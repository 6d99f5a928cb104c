"""Names from shots: what means the same, what is broader, how it is spelled, and chances that hold."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from msr.backbones.pocket.sight import PIECES, Sight
from msr.certainty import NAME_FROM
from tests import tiny
from tests.tiny import TEXT, VISION
from train.learn.naming import Judge, Vocabulary, calibrate, figures, meant, teach
from train.metrics import calibration_error
from train.teach.pictures import Shot
from train.teach.things import CALIBRATION, GROUPS


def shot(kind: str, word: str, number: int = 0, kept_out: str = "") -> Shot:
    return Shot(f"{kind}/{word}-{number}", kind, "", {"type": word}, kept_out=kept_out)


FILM = Shot("movie/1", "movie", "It (1990)", {"genres": ("horror",)})
SHOTS = [shot("picture", "t-shirt"), shot("fashion", "tshirt"), shot("drawn", "mug"), shot("object", "emu"), FILM]
SHOTS += [Shot("scene/1", "scene", "", {"captions": ("a dog",)}), shot("object", "no such word")]


def names_of(vocabulary: Vocabulary, *shots: Shot) -> list[str]:
    return [vocabulary.things[vocabulary.place(s)].name for s in shots]


def test_words_of_all_kinds_lead_to_everyday_things():
    vocabulary = Vocabulary(SHOTS)
    assert names_of(vocabulary, *SHOTS[:5]) == ["t-shirt", "t-shirt", "mug", "emu", "film"]
    assert [vocabulary.place(s) for s in SHOTS[5:]] == [None, None]
    places = [vocabulary.place(s) for s in SHOTS[:5]]
    assert len(set(places)) == vocabulary.taught == 5 and max(places) < 5
    added = {thing.name for thing in vocabulary.things[5:]}
    assert added == {"bird", "film", "mug", "cup"}, "what is meant and what is broader can be said too"


@pytest.mark.parametrize(
    ("word", "name"), [("flats", "shoes"), ("football", "football"), ("bass", "fish"), ("dalmatian", "dog")]
)
def test_a_word_with_two_meanings_has_the_one_that_pictures_show(word, name):
    assert meant(word).name == name


def test_things_broader_ones_and_groups_are_columns():
    vocabulary = Vocabulary(SHOTS)
    embeddings = tiny.pocket_model().get_input_embeddings().weight.detach()
    columns = vocabulary.spelled(tiny.tokenizer(), embeddings)
    place = {s.key: vocabulary.place(s) for s in SHOTS[:5]}
    tee, shop = place["picture/t-shirt-0"], place["fashion/tshirt-0"]
    assert columns.thing[tee] == columns.thing[shop] == tee
    bird = columns.broader[place["object/emu-0"]]
    assert vocabulary.things[bird].name == "bird" and columns.broader[bird] == bird
    assert [list(GROUPS)[columns.group[n]] for n in (tee, bird)] == ["clothing", "bird"]
    photos = {key: bool(columns.photo[n]) for key, n in place.items()}
    assert [key for key, photo in photos.items() if not photo] == ["drawn/mug-0", "movie/1"]


def test_a_name_is_spelled_by_its_first_pieces():
    words = tiny.tokenizer()
    embeddings = tiny.pocket_model().get_input_embeddings().weight.detach()
    vocabulary = Vocabulary([shot("picture", "mug"), shot("picture", "washing machine")])
    spelling = vocabulary.spelled(words, embeddings).spelling
    for word, count in (("mug", 1), ("washing machine", PIECES)):
        ids = words(" " + word, add_special_tokens=False)["input_ids"]
        row = spelling[vocabulary.place(shot("picture", word))]
        torch.testing.assert_close(row[0], embeddings[ids[0]])
        torch.testing.assert_close(row[1], embeddings[ids[min(1, len(ids) - 1)]])
        rest = embeddings[ids[2:]].mean(0) if len(ids) >= PIECES else torch.zeros(TEXT)
        torch.testing.assert_close(row[2], rest)
        assert len(ids) >= count


WORDS = ("mug", "emu", "sofa", "dog")
WIDTH = 2 * VISION + 17 * 6  # of a gist
LOOKS = torch.randn(len(WORDS) + 1, WIDTH, generator=torch.Generator().manual_seed(9))


def world(count: int, noise: float, words=WORDS, kept_out: str = "", seed: int = 0):
    """Shots with gists that say what they show, as far as the noise lets them."""
    generator = torch.Generator().manual_seed(seed)
    shots = [shot("picture", words[n % len(words)], n, kept_out) for n in range(count)]
    shown = [(*WORDS, "banana").index(one.facts["type"]) for one in shots]
    return shots, LOOKS[shown] + noise * torch.randn(count, WIDTH, generator=generator)


@pytest.fixture(scope="module")
def taught():
    shots, gists = world(200, 2.0)
    vocabulary = Vocabulary(shots)
    torch.manual_seed(0)
    sight = Sight(VISION, TEXT, 17, 6, hidden=64)
    embeddings = tiny.pocket_model().get_input_embeddings().weight.detach()
    sight.learn(vocabulary.spelled(tiny.tokenizer(), embeddings), vocabulary.taught)
    teach(sight, gists, [vocabulary.place(s) for s in shots], epochs=10, seed=1, batch=32)
    return sight, vocabulary


def judged(taught, shots, gists) -> Judge:
    sight, vocabulary = taught
    return Judge(sight, gists, shots, vocabulary)


def test_a_namer_learns_its_names(taught):
    found = figures(judged(taught, *world(100, 2.0, seed=1)))
    assert found["name right"] > 0.8 and found["pictures"] == 100


def test_chances_are_calibrated_on_unseen_pictures_and_new_things(taught):
    sight, _ = taught
    known, new = world(600, 3.0, seed=2), world(150, 3.0, ("banana",), CALIBRATION, seed=3)
    held = judged(taught, known[0] + new[0], torch.cat([known[1], new[1]]))
    before = figures(held)["calibration error, name"]
    calibrate(sight, held)
    fresh = world(600, 3.0, seed=4), world(150, 3.0, ("banana",), CALIBRATION, seed=5)
    other = judged(taught, fresh[0][0] + fresh[1][0], torch.cat([fresh[0][1], fresh[1][1]]))
    found = figures(other)
    assert found["calibration error, name"] < 0.06 < before
    chances, right, _ = other.look()
    assert chances[other.new, 0].mean() < chances[~other.new, 0].mean()
    told = chances[:, 0] >= NAME_FROM
    assert found["wrong name told"] == pytest.approx((told & ~right).mean(), abs=1e-4)


def test_the_same_seed_teaches_the_same(taught):
    shots, gists = world(64, 0.5)
    vocabulary = Vocabulary(shots)
    made = []
    for _ in range(2):
        torch.manual_seed(0)
        sight = Sight(VISION, TEXT, 17, 6, hidden=64)
        teach(sight, gists, [vocabulary.place(s) for s in shots], epochs=1, seed=3, batch=32)
        made.append(sight.write.weight.detach().clone())
    assert torch.equal(*made)


def test_a_calibration_error_is_the_gap_between_promise_and_truth():
    chances = np.array([0.9] * 50 + [0.1] * 50)
    right = np.array([True] * 45 + [False] * 5 + [True] * 25 + [False] * 25)
    assert calibration_error(chances, right, bins=2) == pytest.approx(0.2)
    assert calibration_error(chances, np.array([True] * 45 + [False] * 50 + [True] * 5), bins=2) == pytest.approx(0.0)
