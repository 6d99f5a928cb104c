"""The four tasks' examples: what is asked supports what is to be answered, and nothing gives the answer away."""

from __future__ import annotations

import random
import re
from collections import Counter

import pytest

from msr import prompts
from msr.certainty import GROUP, NOTHING
from msr.prompts import IMAGE
from tests.train.shots import ALL, DRAWN, FASHION, MOVIES, OBJECTS, THINGS, false_claims, movie, unsupported, views
from train.data.dataset import UserLog
from train.teach.tasks import Tasks, as_item, movie_blocks
from train.teach.things import many, meant, plural

EXTRA = [movie(100 + n, f"Film {n} (19{50 + n})", ("comedy", "drama", "war")[n % 3]) for n in range(30)]
LOGS = [
    UserLog("a", tuple(str(100 + n) for n in range(20))),
    UserLog("b", tuple(str(100 + n) for n in range(5))),  # too short to train on
]
BY_KEY = {s.key: s for s in (*ALL, *EXTRA)}


@pytest.fixture(scope="module")
def tasks() -> Tasks:
    return Tasks([*ALL, *EXTRA], LOGS, views([*ALL, *EXTRA]))


_ALONE = {kind for kind in THINGS if kind not in ("umbrella", "chair", "watch")}  # those are drawn or sold, too
_GROUPS = {many(meant(kind).group) for kind in _ALONE}
_OF_OBJECTS = re.compile(
    rf"\b(?:{'|'.join(sorted({plural(k) for k in _ALONE} | _ALONE | _GROUPS))})\b"
    r"|\(no title\): An? (?:umbrella|chair|watch)\."
)


def kind_of(text: str) -> str:
    """Which kind of things a text over one user's items is about."""
    if "movie" in text:
        return "movie"
    if _OF_OBJECTS.search(text):
        return "object"
    return "drawn" if re.search(r" style|ot sure", text) else "fashion"


def test_an_item_is_shown_as_the_pipeline_would():
    mug, panda, unseen = DRAWN[0], OBJECTS[0], MOVIES[5]
    assert as_item(mug).title == mug.title
    assert as_item(mug).picture.digest == mug.key
    assert as_item(mug, titled=False).title == ""
    assert as_item(mug, titled=False, pictured=False).title == mug.title, "something must be there"
    assert as_item(panda).title == ""
    assert as_item(unseen).picture is None
    assert as_item(unseen, titled=False).title == unseen.title


@pytest.mark.parametrize("kind", ["fashion", "object", "drawn", "movie"])
def test_a_description_is_true_of_the_picture_that_is_shown(tasks, kind):
    rng = random.Random(kind)
    for _ in range(60):
        example = tasks.describe(rng, {kind: 1.0})
        if example.prompt.pictures:
            assert false_claims(example.answer, kind, BY_KEY[example.prompt.pictures[0].digest]) == []
        else:
            assert "No picture." in example.prompt.text
            assert example.answer.startswith("Not pictured: ")
        hedged = "ot sure" in example.answer
        said = [level for level, line in prompts.CERTAIN.items() if line and line in example.prompt.text]
        assert not hedged or said == [NOTHING if example.answer.startswith("Not sure what this is") else GROUP]
        assert hedged or not said or "No title." not in example.prompt.text, "only a title makes up for the picture"
        assert example.answer not in example.prompt.text


def test_a_preference_names_only_what_its_prompt_names(tasks):
    rng = random.Random(1)
    for _ in range(200):
        example = tasks.preference(rng)
        lines = example.prompt.text.splitlines()
        assert lines[0].startswith("Preference so far: ")
        assert example.prompt.pictures == ()
        kind = kind_of("\n".join(lines))
        now = example.answer.split("; earlier for ")[0]
        assert unsupported(now, kind, example.prompt.text) == [], (example.prompt.text, example.answer)


def test_a_preference_counts_what_its_prompt_does_not_show(tasks):
    rng = random.Random(2)
    numbers = {1: "One item", 2: "Two items", 3: "Three items", 4: "4 items", 5: "5 items"}
    seen = 0
    for _ in range(200):
        example = tasks.preference(rng)
        items = [line for line in example.prompt.text.splitlines() if line.startswith("- ")]
        count = sum("Not pictured: " in line for line in items)
        if count:
            assert f" {numbers[count]} had no picture." in example.answer, example
        elif "movie" not in example.prompt.text:  # a movie without a poster is told by its title
            assert "had no picture" not in example.answer, example
        seen += count > 0
    assert seen > 10


def test_an_explanation_names_only_what_its_prompt_names(tasks):
    rng = random.Random(4)
    decisions: Counter[str] = Counter()
    for _ in range(200):
        example = tasks.explain(rng)
        preference, candidate, decision = example.prompt.text.splitlines()
        decisions[decision] += 1
        kind = kind_of(candidate)
        item, _, user = re.split(r"(, but the user looks for |, while the user prefers |$)", example.answer, maxsplit=1)
        assert unsupported(item, kind, candidate) == [], (candidate, example.answer)
        assert unsupported(user, kind_of(preference), preference) == [], (preference, example.answer)
    assert min(decisions.values()) > 40, "both decisions occur"


# -- slates -------------------------------------------------------------------------------------------------


def candidate_keys(slate) -> list[str]:
    return [p.pictures[0].digest if p.pictures else p.text.splitlines()[-1] for p in slate.prompts]


def test_a_slate_shares_everything_but_the_candidate(tasks):
    rng = random.Random(5)
    for make in (tasks.simulated_slate, tasks.movie_slate):
        for _ in range(20):
            slate = make(rng)
            shared = {p.text.rpartition("\n")[0] for p in slate.prompts}
            assert len(shared) == 1, "nothing before the candidate tells the answer"
            assert any(slate.liked) and not all(slate.liked)
            assert len(slate.prompts) == len(slate.liked)
            liked, disliked = (
                {key for key, is_liked in zip(candidate_keys(slate), slate.liked, strict=True) if is_liked is wanted}
                for wanted in (True, False)
            )
            assert liked.isdisjoint(disliked)


def test_a_simulated_user_is_not_asked_about_what_the_history_shows(tasks):
    rng = random.Random(6)
    for _ in range(30):
        slate = tasks.simulated_slate(rng)
        for prompt in slate.prompts:
            *context, last = prompt.text.splitlines()
            title = last.removeprefix(IMAGE).strip()
            recent = next((line for line in context if line.startswith("Recent: ")), "")
            # Two products may bear one title; then the picture tells them apart.
            assert not title or prompt.pictures or title not in recent


def test_a_real_users_next_movies_are_asked_and_never_shown(tasks):
    rng = random.Random(7)
    titles = {s.title: int(s.key.removeprefix("movie/")) - 100 for s in EXTRA}
    for _ in range(30):
        slate = tasks.movie_slate(rng)
        recent = next(line for line in slate.prompts[0].text.splitlines() if line.startswith("Recent: "))
        shown = [titles[t] for t in re.findall(r'"([^"]+)"', recent)]
        asked = [p.text.splitlines()[-1].removeprefix(IMAGE).strip().strip('"') for p in slate.prompts]
        liked = [titles[t] for t, is_liked in zip(asked, slate.liked, strict=True) if is_liked]
        assert shown == list(range(shown[0], shown[-1] + 1)), "in the order of the log"
        assert liked[0] == shown[-1] + 1 and liked == sorted(liked)
        disliked = [t for t, is_liked in zip(asked, slate.liked, strict=True) if not is_liked]
        assert not {titles[t] for t in disliked if t in titles} & set(range(20)), "nothing that the user touched"


def test_the_last_movies_before_a_place_in_the_log_make_blocks(tasks):
    blocks = movie_blocks(tasks.movies, LOGS[0], 12)
    assert [[s.key for s in block] for block in blocks] == [
        [f"movie/{100 + n}" for n in range(start, start + 3)] for start in (3, 6, 9)
    ]


def test_short_logs_and_pictures_without_a_view_are_not_used():
    few = Tasks([*FASHION, *MOVIES], LOGS, views(FASHION[:4]))
    assert few.shots["fashion"] == FASHION[:4]
    assert few.shots["movie"] == MOVIES, "a movie is known by its title"
    assert [log.user for log in few.logs] == ["a"]


def test_a_sample_depends_on_its_random_numbers_alone(tasks):
    for make in (tasks.preference, tasks.explain, tasks.simulated_slate, tasks.movie_slate):
        assert make(random.Random("7/3")) == make(random.Random("7/3"))
        assert make(random.Random("7/3")) != make(random.Random("7/4"))
