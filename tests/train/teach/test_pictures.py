"""Readers on small files in the formats that users bring, and splits that nothing moves."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from msr.schema import InputProblem
from train.data.readers import movielens
from train.teach import material as data
from train.teach import pictures, things
from train.teach.pictures import Shot


def jpeg(path: Path, colour: str = "red") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), colour).save(path)


@pytest.fixture
def root(tmp_path) -> Path:
    """A data folder with a little of everything."""
    fashion = tmp_path / "fashion-products"
    jpeg(fashion / "images" / "10000.jpg")
    (fashion / "styles.csv").write_text(
        "id,gender,masterCategory,subCategory,articleType,baseColour,season,year,usage,productDisplayName\n"
        "10000,Women,Apparel,Bottomwear,Skirts,Navy Blue,Summer,2011,Casual, Palm Tree Skirts \n"
        '10001,Men,Footwear,Shoes,Casual Shoes,NA,Summer,2011,NA,"Brand, Shoes"\n'
        "10002,Unisex,Accessories,Watches,Watches,,Fall,2012,Smart Casual,Watch\n",
        encoding="utf-8",
    )
    objects = tmp_path / "caltech-101"
    jpeg(objects / "images" / "panda_0001.jpg", "black")
    (objects / "labels.csv").write_text("image,object\npanda_0001.jpg,Panda\n", encoding="utf-8")
    scenes = tmp_path / "flickr8k-1000"
    jpeg(scenes / "images" / "a.jpg")
    captions = ["A dog .", "A dog runs over the wide green grass .", "A brown dog runs .", "Dog .", "A dog is there ."]
    (scenes / "captions.csv").write_text(
        "image,caption\n" + "".join(f"a.jpg,{c}\n" for c in captions), encoding="utf-8"
    )
    movies = tmp_path / "movielens-posters"
    jpeg(movies / "posters" / "1.jpg")
    (movies / "movies.csv").write_text(
        "movieId,title,genres\n"
        "1,Toy Story (1995),Adventure|Children\n"
        '2,"Matrix, The (1999)",Sci-Fi\n'
        "3,Without Year,(no genres listed)\n",
        encoding="utf-8",
    )
    (movies / "ratings.csv").write_text("userId,movieId,rating,timestamp\n5,1,4.0,10\n", encoding="utf-8")
    return tmp_path


def test_fashion_photos_have_their_attributes_as_words(root):
    first, second, third = pictures.fashion(root / "fashion-products")
    assert first.key == "fashion/10000"
    assert first.title == "Palm Tree Skirts"
    assert first.facts == {"type": "skirt", "colour": "navy blue", "gender": "women", "usage": "casual"}
    assert first.open().getpixel((0, 0))[0] > 200
    assert second.title == "Brand, Shoes"
    assert second.facts == {"type": "casual shoes", "gender": "men"}, "what is not known is not there"
    assert third.facts == {"type": "watch", "gender": "unisex"}


def test_objects_have_a_name_and_no_title(root):
    (panda,) = pictures.objects(root / "caltech-101")
    assert (panda.key, panda.title, panda.facts) == ("object/panda_0001.jpg", "", {"type": "panda", "group": "animal"})
    assert panda.pictured


def test_scenes_keep_their_four_shortest_captions(root):
    (scene,) = pictures.scenes(root / "flickr8k-1000")
    assert scene.facts["captions"] == ("dog", "a dog", "a dog is there", "a brown dog runs")


def test_movies_have_genres_a_decade_and_perhaps_a_poster(root):
    toy, matrix, bare = map(pictures.movie, movielens.films(root / "movielens-posters"))
    assert toy.facts == {"genres": ("adventure", "children"), "decade": "1990s"}
    assert (toy.pictured, matrix.pictured) == (True, False)
    assert matrix.title == "Matrix, The (1999)"
    assert bare.facts == {}


def test_drawn_pictures_are_the_same_for_a_seed_and_others_for_another():
    first, again, other = (list(pictures.drawn(20, seed)) for seed in (100, 100, 101))
    assert [(s.key, s.title, s.look) for s in first] == [(s.key, s.title, s.look) for s in again]
    assert [s.look for s in first] != [s.look for s in other]
    assert {s.key for s in first}.isdisjoint(s.key for s in other)
    assert first[0].facts == {n: getattr(first[0].look, n) for n in first[0].facts}
    assert first[0].open().mode == "RGB"


@pytest.mark.parametrize(
    ("name", "one"),
    [
        ("Tshirts", "tshirt"), ("Heels", "heels"), ("Watches", "watch"), ("Dresses", "dress"), ("Dress", "dress"),
        ("Casual Shoes", "casual shoes"), ("Scarves", "scarf"), ("Bra", "bra"), ("Trunk", "trunks"),
        ("Shoe Accessories", "shoe accessory"), ("Innerwear Vests", "innerwear vest"), ("Jeans", "jeans"),
    ],
)  # fmt: skip
def test_article_types_are_said_of_one_piece(name, one):
    assert things.singular(name) == one


# -- splits -------------------------------------------------------------------------------------------------


def test_a_split_follows_from_the_key_alone():
    # SHA-256 of the key, first 8 hex digits, modulo 100, is 5, 2, 39 and 7: under 6 is test, under 8 validation.
    known = dict.fromkeys(("fashion/10020", "fashion/10040"), "test")
    known |= {"fashion/10000": "train", "fashion/10033": "validation"}
    for key, split in known.items():
        assert Shot(key, "fashion", "x", {}).split == Shot(key, "object", "", {"type": "y"}).split == split


def test_six_percent_are_kept_for_the_test():
    shares = Counter(Shot(f"fashion/{n}", "fashion", "", {}).split for n in range(5000))
    assert set(shares) == {"train", "validation", "test"}
    assert shares["test"] / 5000 == pytest.approx(0.06, abs=0.012)
    assert shares["validation"] / 5000 == pytest.approx(0.02, abs=0.008)


def test_what_is_there_is_loaded_and_parts_do_not_overlap(root):
    material = data.load(root, drawn=60)
    assert Counter(s.kind for s in material.shots) == {"fashion": 3, "object": 1, "scene": 1, "movie": 3, "drawn": 60}
    assert set(material.hashes) == {
        "fashion-products/styles.csv",
        "caltech-101/labels.csv",
        "flickr8k-1000/captions.csv",
        "movielens-posters/movies.csv",
        "movielens-posters/ratings.csv",
    }
    parts = {n: {s.key for s in material.part(n) if s.kind != "movie"} for n in ("train", "validation", "test")}
    assert sum(map(len, parts.values())) == len(set().union(*parts.values())) == 65
    assert {s.key for s in material.part("test") if s.kind == "movie"} == {"movie/1", "movie/2", "movie/3"}
    assert [log.user for log in material.logs] == ["5"]


def test_what_is_absent_is_left_out_and_nothing_at_all_is_an_error(root):
    for name in ("fashion-products", "flickr8k-1000", "movielens-posters"):
        shutil.rmtree(root / name)
    assert {s.kind for s in data.load(root, drawn=2).shots} == {"object", "drawn"}
    shutil.rmtree(root / "caltech-101")
    with pytest.raises(InputProblem, match="holds none of"):
        data.load(root)
