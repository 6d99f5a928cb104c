"""The drawn catalogue: its renderer, its titles and the files in assets/demo.

.venv/bin/python -m pytest tests/train/test_draw.py
"""

from __future__ import annotations

import colorsys
import csv
import json
import random
from collections import Counter
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from train.draw import Look, render, sample, title
from train.draw.attributes import COLOURS, FIELDS, KINDS, NAMED, PATTERNS, STYLES, adjective
from train.draw.catalogue import HEADER, build

DEMO = Path(__file__).resolve().parents[3] / "assets" / "demo"
MUG = Look("mug", "teal", "striped", "rounded", "retro", "ceramic")
HUES = {
    "red": (-12, 10),
    "orange": (18, 36),
    "yellow": (40, 58),
    "green": (100, 150),
    "teal": (170, 190),
    "blue": (200, 225),
    "navy": (215, 245),
    "purple": (255, 285),
    "pink": (325, 344),
}
PLAIN = Look("cushion", "teal", "plain", "square", "minimal", "cotton")


@pytest.fixture(scope="module")
def items() -> list[dict[str, str]]:
    with (DEMO / "items.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def stories() -> list[dict]:
    return json.loads((DEMO / "stories.json").read_text(encoding="utf-8"))


def has(item: dict[str, str], wants: dict[str, str]) -> bool:
    return all(item[field] == value for field, value in wants.items())


def middle(image: Image.Image) -> tuple[int, int, int]:
    """The mean colour of the middle of the picture."""
    w, h = image.size
    return (
        image.crop((w * 2 // 5, h * 2 // 5, w * 3 // 5, h * 3 // 5))
        .resize((1, 1), Image.Resampling.BOX)
        .getpixel((0, 0))
    )


def nearest_colour(image: Image.Image) -> str:
    """The named colour nearest to the middle of the picture."""
    pixel = middle(image)
    return min(NAMED, key=lambda name: sum((a - b) ** 2 for a, b in zip(NAMED[name], pixel, strict=True)))


def test_render_is_deterministic() -> None:
    first, again = render(MUG, 3), render(MUG, 3)
    assert first.size == (320, 320) and first.mode == "RGB"
    assert first.tobytes() == again.tobytes()


def test_render_follows_the_size() -> None:
    assert render(MUG, 3, size=96).size == (96, 96)


def test_seeds_give_different_pictures() -> None:
    assert len({render(MUG, seed, size=64).tobytes() for seed in range(4)}) == 4


@pytest.mark.parametrize("field", FIELDS[1:])
def test_each_attribute_can_be_seen(field: str) -> None:
    """With all else equal, jitter included, any two values of an attribute look different."""
    kind = KINDS["mug"]
    values = {
        "colour": COLOURS,
        "pattern": PATTERNS,
        "style": STYLES,
        "shape": kind.shapes,
        "material": kind.materials,
    }[field]
    pictures = [render(replace(MUG, **{field: value}), 1, size=96) for value in values]
    for one, other in combinations(pictures, 2):
        assert sum(ImageStat.Stat(ImageChops.difference(one, other)).mean) > 5


@pytest.mark.parametrize("kind", KINDS)
def test_every_type_and_shape_renders(kind: str) -> None:
    rng = random.Random(kind)
    for shape in KINDS[kind].shapes:
        look = sample(rng, type=kind, shape=shape)
        assert look.is_valid()
        assert len(render(look, 0, size=64).getcolors(64 * 64)) > 50


def test_samples_are_valid_and_varied() -> None:
    looks = [sample(random.Random(seed)) for seed in range(600)]
    assert all(look.is_valid() for look in looks)
    for field in FIELDS:
        assert len({getattr(look, field) for look in looks}) >= 5
    assert {look.type for look in looks} == set(KINDS)


def test_a_sample_keeps_what_is_wanted() -> None:
    rng = random.Random(5)
    assert all(sample(rng, material="wood").material == "wood" for _ in range(20))
    assert all(look.is_valid() for look in (sample(rng, material="wood", style="rustic") for _ in range(50)))


def test_nonsense_is_not_valid() -> None:
    assert not replace(MUG, material="wool").is_valid()
    assert not replace(MUG, colour="mauve").is_valid()


def test_phrase_names_everything() -> None:
    assert MUG.phrase() == "a teal striped ceramic mug, rounded, in a retro style"
    look = Look("chair", "orange", "plain", "round-backed", "rustic", "wood")
    assert look.phrase() == "an orange plain wooden chair, round-backed, in a rustic style"


def test_title_names_the_type_and_at_most_one_other_attribute() -> None:
    rng = random.Random(1)
    named: Counter[int] = Counter()
    for _ in range(500):
        look = sample(rng)
        text = title(look, rng).lower()
        assert look.type in text
        rest = text.replace(look.type, "").split()
        words = (look.colour, look.pattern, look.shape, look.style, adjective(look.material))
        named[sum(word in rest for word in words)] += 1
    assert set(named) == {0, 1}
    assert named[0] > 100 and named[1] > 100


@pytest.mark.parametrize("colour", COLOURS)
def test_the_picture_has_the_named_colour(colour: str) -> None:
    pictures = [render(replace(PLAIN, colour=colour, style=style), 11, size=96) for style in STYLES]
    assert [nearest_colour(picture) for picture in pictures] == [colour] * len(STYLES)


@pytest.mark.parametrize(("colour", "degrees"), HUES.items())
def test_the_name_fits_the_hue(colour: str, degrees: tuple[int, int]) -> None:
    """The palette itself is held to the colour wheel, not only the picture to the palette."""
    hue, _, saturation = colorsys.rgb_to_hls(*(v / 255 for v in middle(render(replace(PLAIN, colour=colour), 4))))
    assert degrees[0] <= (hue * 360 + 15) % 360 - 15 <= degrees[1]
    assert saturation > 0.3


@pytest.mark.parametrize("pattern", PATTERNS[1:])
def test_a_pattern_brings_a_second_tone(pattern: str) -> None:
    def bright(look: Look) -> float:
        middle = render(look, 2, size=160).convert("L").crop((56, 56, 104, 104))
        return sum(middle.histogram()[190:]) / (48 * 48)

    assert bright(replace(PLAIN, colour="navy")) < 0.02
    assert 0.1 < bright(replace(PLAIN, colour="navy", pattern=pattern)) < 0.7


def test_counts_and_balance(items: list[dict[str, str]]) -> None:
    assert len(items) >= 240
    assert tuple(items[0]) == HEADER
    for field, least in (("type", 14), ("colour", 10), ("pattern", 6), ("style", 4), ("material", 5)):
        counts = Counter(item[field] for item in items)
        assert len(counts) >= least
        assert max(counts.values()) <= 1.5 * min(counts.values()), field


def test_ids_titles_and_looks_are_unique(items: list[dict[str, str]]) -> None:
    for key in (("id",), ("title",), FIELDS):
        assert len({tuple(item[field] for field in key) for item in items}) == len(items)


def test_every_row_is_a_valid_look(items: list[dict[str, str]]) -> None:
    assert all(Look(**{field: item[field] for field in FIELDS}).is_valid() for item in items)


def test_the_images_are_those_of_the_table(items: list[dict[str, str]]) -> None:
    assert {item["image"] for item in items} == {f"images/{path.name}" for path in (DEMO / "images").iterdir()}
    for item in items[::12]:
        with Image.open(DEMO / item["image"]) as image:
            assert image.size == (320, 320) and image.format == "WEBP"


def test_the_folder_is_small() -> None:
    assert sum(path.stat().st_size for path in DEMO.rglob("*") if path.is_file()) <= 4_000_000


def test_the_committed_files_are_what_the_program_makes(items: list[dict[str, str]], stories: list[dict]) -> None:
    made, told = build(seed=7, count=len(items))
    assert [(item.id, item.title, item.look.colour) for item in made] == [
        (item["id"], item["title"], item["colour"]) for item in items
    ]
    assert told == stories
    for number in range(0, len(made), 36):
        fresh = render(made[number].look, 70_000 + number)
        with Image.open(DEMO / made[number].image) as stored:
            difference = sum(
                abs(a - b) for a, b in zip(fresh.resize((8, 8)).tobytes(), stored.resize((8, 8)).tobytes(), strict=True)
            )
        assert difference / 192 < 6, made[number].id


def test_stories_refer_to_items_and_drift(items: list[dict[str, str]], stories: list[dict]) -> None:
    by_id = {item["id"]: item for item in items}
    assert len({story["id"] for story in stories}) == len(stories) == 4
    for story in stories:
        assert set(story) == {"id", "name", "tagline", "items", "taste"}
        assert len(set(story["items"])) == 9
        assert len(story["taste"]) >= 2 and story["taste"][0]["from_block"] == 0
        for block in range(3):
            wants = [taste["wants"] for taste in story["taste"] if taste["from_block"] <= block][-1]
            things = [by_id[i] for i in story["items"][3 * block : 3 * block + 3]]
            assert len(wants) == 2 and all(has(thing, wants) for thing in things)
            assert len({thing["type"] for thing in things}) == 3
        first, last = story["taste"][0]["wants"], story["taste"][-1]["wants"]
        assert not any(has(by_id[i], first) for i in story["items"][6:])
        assert not any(has(by_id[i], last) for i in story["items"][:3])
        assert sum(has(item, last) and item["id"] not in story["items"] for item in items) >= 6
