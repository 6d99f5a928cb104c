"""Every word of the training targets is supported by what is known, or belongs to the sentence around it.

Examples come from the samplers that training uses. The drawn things are at hand everywhere; the data sets of users
are looked at where they are. Unlike `test_targets`, no list of attribute words decides what is a claim: a word is a
claim unless it is one of FRAME.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
import torch

from msr import prompts
from train.data.readers import movielens
from train.teach import pictures, targets, things
from train.teach.pictures import Shot
from train.teach.tasks import TASTE_SLOTS, Tasks
from train.teach.things import plural

SHARED = Path(__file__).parents[4] / "shared" / "data"
FOLDERS = {
    "fashion": "fashion-products",
    "object": "caltech-101",
    "scene": "flickr8k-1000",
    "movie": "movielens-posters",
}


def _movies(folder):
    return map(pictures.movie, movielens.films(folder))


READERS = {"fashion": pictures.fashion, "object": pictures.objects, "scene": pictures.scenes, "movie": _movies}
SAMPLE, EXAMPLES = 150, 250  # shots of a source; targets of a task

# Words of sentences, none of which names an attribute.
FRAME = set(
    re.findall(
        r"\w+",
        """a an the is it had and or of in for from to as with which that but while such user appears have like looks
        prefers preference earlier item items movie movies one two three no not picture pictures title pair photo
        style various all shares little stated sure pictured poster says what which this""",
    )
)


def words(text: str) -> list[str]:
    """Lower-case words; digits count, so that a decade is one."""
    return re.findall(r"[a-z0-9][\w'-]*", text.lower())


def forms(value: str) -> set[str]:
    """The words in which a value may be said."""
    said = {value, plural(value), {"wood": "wooden"}.get(value, value)}
    return {word for form in said for word in words(form)}


def known(shots: Iterable[Shot]) -> set[str]:
    """Every word that some attribute of the shots supports."""
    found: set[str] = set()
    for shot in shots:
        for value in shot.facts.values():
            for one in value if isinstance(value, tuple) else (value,):
                found |= forms(str(one))
        kind = str(shot.facts.get("type", "film"))
        if thing := things.meant(kind):
            found |= forms(thing.group) | set(words(things.many(thing.group))) | set(words(things.GROUPS[thing.group]))
    return found


def unsupported(text: str, shots: Iterable[Shot], more: Iterable[str] = ()) -> list[str]:
    """Words of a text that are neither of its frame nor supported."""
    true = FRAME | known(shots) | set(more)
    return [word for word in words(text) if word not in true]


def views(shots: Sequence[Shot]) -> dict[str, torch.Tensor]:
    """A stored view of each pictured shot: its mean colour is that of the picture, the rest is not read here."""
    made = {}
    for shot in shots:
        if shot.pictured:
            view = torch.zeros(17, 9)
            view[:, -6:-3] = torch.tensor(list(shot.open().resize((1, 1)).getpixel((0, 0)))) / 255
            made[shot.key] = view
    return made


def tones(shot: Shot) -> set[str]:
    """What may be said of the picture's colours, worked out from its pixels: light, and the strongest channel."""
    red, green, blue = (value / 255 for value in shot.open().resize((1, 1)).getpixel((0, 0)))
    light = (red + green + blue) / 3
    found = {"dark"} if light < 0.35 else {"bright"} if light > 0.68 else set()
    if max(red, green, blue) - min(red, green, blue) < 0.08:
        return found or {"grey"}
    strongest = max((red, {"reddish", "yellowish"}), (green, {"greenish"}), (blue, {"bluish"}), key=lambda c: c[0])
    return found | strongest[1]


def frame_of(text: str) -> str:
    """A sentence with its claims blanked out, so that two of one frame are equal."""
    blanked = re.sub(r"[a-z0-9][\w'-]*", lambda m: m[0] if m[0] in FRAME else "#", text.lower())
    return re.sub(r"#(?:(?:,| and|) #)*", "#", blanked)


@pytest.fixture(scope="module", params=["drawn", *FOLDERS])
def tasks(request) -> Tasks:
    """Samplers over some shots of one source; real users' films are replaced by samples of them."""
    kind, rng = request.param, random.Random(request.param)
    if kind == "drawn":
        shots = list(pictures.drawn(SAMPLE, 41))
    elif (folder := SHARED / FOLDERS[kind]).is_dir():
        shots = rng.sample(list(READERS[kind](folder)), SAMPLE)
    else:
        pytest.skip(f"needs {FOLDERS[kind]} in ../shared/data, which is not published here")
    made = Tasks(shots, [], views(shots))
    made.kind = kind
    return made


def blocks(tasks: Tasks, rng: random.Random) -> list[list[Shot]]:
    """One to three blocks of a simulated user; of films, any that share nothing in particular."""
    count = rng.choice((1, 2, 3))
    if tasks.kind in TASTE_SLOTS:
        return tasks.history(rng, count, rng.choice((1, 2, 3, 4)))[0]
    return [rng.sample(list(tasks.movies.values()), 3) for _ in range(count)]


def tastes(tasks: Tasks, rng: random.Random) -> tuple[targets.Taste, list[list[Shot]]]:
    made, taste = blocks(tasks, rng), targets.Taste()
    for block in made:
        taste = taste.update(block)
    return taste, made


@pytest.mark.slow
def test_every_word_of_a_description_is_true(tasks):
    rng, frames = random.Random(1), set()
    everything = [*tasks.movies.values(), *(s for shots in tasks.shots.values() for s in shots)]
    by_key = {shot.key: shot for shot in everything}
    for _ in range(EXAMPLES):
        example = tasks.describe(rng, {tasks.kind: 1.0})
        if example.prompt.pictures:
            true = [by_key[example.prompt.pictures[0].digest]]
            more = tones(true[0]) | set(words(targets.colour(tasks.store[true[0].key])))
        else:
            true, more = [s for s in everything if prompts.quoted(s.title) in example.prompt.text], set()
        assert true and unsupported(example.answer, true, more) == [], (example.answer, true[0].facts)
        frames.add(frame_of(example.answer))
    # Objects and scenes have no titles, so they are never described without their pictures.
    assert len(frames) >= (2 if tasks.kind == "object" else 3), frames


def test_every_word_of_a_preference_is_true(tasks):
    if tasks.kind == "scene":
        pytest.skip("scenes have no attributes to prefer")
    rng, frames = random.Random(2), set()
    for _ in range(EXAMPLES):
        taste, made = tastes(tasks, rng)
        text = taste.text(made[-1], rng.choice((0, 0, 1)), rng.choice((0, 0, 2)))
        now, _, earlier = text.partition("; earlier for ")
        assert unsupported(now, made[-1]) == [], (text, made[-1])
        assert unsupported(earlier, made[-2] if earlier else []) == [], (text, made)
        frames.add(frame_of(text))
    assert len(frames) >= 6, frames


def test_every_word_of_an_explanation_is_true(tasks):
    if tasks.kind == "scene":
        pytest.skip("scenes have no attributes to prefer")
    rng, frames = random.Random(3), set()
    for _ in range(EXAMPLES):
        taste, made = tastes(tasks, rng)
        shot = rng.choice(made[-1]) if rng.random() < 0.3 else tasks.shot(tasks.kind, rng)
        text = targets.explain(taste, shot, liked=rng.random() < 0.5)
        item, _, user = re.split(r"(, but the user looks for |, while the user prefers |$)", text, maxsplit=1)
        assert unsupported(item, [shot]) == [], (text, shot.facts)
        assert unsupported(user, made[-1]) == [], (text, made[-1])
        frames.add(frame_of(text))
    assert len(frames) >= 4, frames


@pytest.mark.parametrize(
    ("text", "false"),
    [
        ("A navy striped cotton mug, round, in a retro style.", []),
        ("A red striped cotton mug, square, in a retro style.", ["red", "square"]),
        ("The user appears to have a preference for navy mugs; earlier for lamps.", ["lamps"]),
        ("It is wooden, which the user appears to like.", ["wooden"]),
    ],
)
def test_a_false_word_is_found(text, false):
    facts = {"type": "mug", "colour": "navy", "pattern": "striped", "material": "cotton", "shape": "round"}
    assert unsupported(text, [Shot("x", "drawn", "", facts | {"style": "retro"})]) == false


def test_frames_are_what_is_left_without_claims():
    assert frame_of("It is wooden and in a retro style, which the user appears to like.") == frame_of(
        "It is striped and in a rustic style, which the user appears to like."
    )
    assert frame_of("A red mug.") != frame_of("Not pictured: a red mug.")
