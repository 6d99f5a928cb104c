"""The reader of `pictures/`: everyday names, splits by product, and names that are kept out of training."""

import csv
from collections import Counter

import pytest

from train.teach import labelled_pictures, targets, things
from train.teach import material as data


@pytest.fixture
def read(tmp_path):
    """Reads rows (source, label, title) as they would stand in `pictures/labels.csv`."""

    def make(*rows):
        root = tmp_path / "pictures"
        root.mkdir(exist_ok=True)
        with (root / "labels.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["image", "source", "label", "caption", "title"])
            for number, (source, label, title) in enumerate(rows):
                writer.writerow([f"{source}-{number}.webp", source, label, "", title])
        return list(labelled_pictures.read(root))

    return make


def test_a_picture_has_an_everyday_name_its_group_and_a_narrow_name_where_there_is_one(read, tmp_path):
    (spaniel, sofa) = read(("imagenette", "english springer spaniel", ""), ("words_photo", "couch", ""))
    assert (spaniel.key, spaniel.kind, spaniel.title) == ("picture/imagenette-0.webp", "picture", "")
    assert spaniel.path == tmp_path / "pictures" / "images" / "imagenette-0.webp"
    assert spaniel.facts == {"type": "dog", "group": "animal", "narrow": "english springer spaniel"}
    assert sofa.facts == {"type": "sofa", "group": "furniture"}
    assert targets.phrase(sofa) == "a sofa"


def test_a_label_that_is_not_understood_is_not_used(read):
    assert read(("words_photo", "yellow", ""), ("words_photo", "", "A title"), ("mulberry", "bat", "")) == []


@pytest.mark.parametrize(
    ("source", "label", "name"),
    [
        ("popular_animals", "turkey", "turkey"), ("popular_animals", "chicken", "chicken"), ("tools", "fork", "fork"),
        ("sports100", "rings", "gymnastics"), ("sports100", "football", "american football"),
        ("tiny_imagenet", "torch", "fire"), ("imagenet_samples", "cricket", "insect"),
        ("emoji_noto", "face with tears of joy", "emoji"), ("emoji_noto", "pouting cat face", "cat"),
        ("game_covers", "", "video game"), ("book_covers", "", "book"), ("beers", "", "beer"),
    ],
)  # fmt: skip
def test_a_source_decides_what_a_word_means_there(read, source, label, name):
    assert [shot.facts["type"] for shot in read((source, label, "x"))] == [name]


def test_the_variants_of_a_product_share_a_split(read):
    colours = read(*(("ikea", "sofa", f"Three-seat sofa, Mobacka {n}") for n in range(60)))
    assert len({shot.split for shot in colours}) == 1
    alone = read(*(("words_photo", "sofa", "") for _ in range(200)))
    assert {"train", "test"} <= {shot.split for shot in alone}
    assert len({shot.split for shot in read(*(("sneakers", "", f"nike air jordan {n} high") for n in range(40)))}) == 1


def test_what_is_kept_out_is_in_no_split_of_training(read, tmp_path):
    unseen = [thing for thing in things.things().all if thing.kept_out and not things.things().meanings(thing.name)[1:]]
    shots = read(
        *(("words_photo", thing.name, "") for thing in unseen), *(("words_photo", "dog", "") for _ in range(30))
    )
    assert Counter(shot.facts["type"] for shot in shots if shot.split in things.UNSEEN) == Counter(
        t.name for t in unseen
    )
    material = data.load(tmp_path, drawn=0)
    assert {shot.facts["type"] for shot in material.part("train", "validation", "test")} == {"dog"}
    assert len(material.part(things.REPORT)) == sum(thing.kept_out == things.REPORT for thing in unseen)
    assert "pictures/labels.csv" in material.hashes
