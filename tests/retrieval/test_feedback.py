"""Scores lead to further candidates: each is asked once, and a taste that the query does not know is found."""

from __future__ import annotations

import numpy as np
import pytest

from msr.events import StageProgress
from msr.retrieval.index import Index
from msr.retrieval.shortlist import ROUNDS, promising, search, sizes
from msr.retrieval.spaces import PICTURE, TEXT, PictureSpace, TextSpace, unit
from msr.schema import Candidate, InputProblem, Item, YesNo
from tests.retrieval.test_index import nearest
from tests.stages.test_preference import finish

ITEMS = [Item(f"i{n:03d}", f"thing {n}") for n in range(400)]


@pytest.fixture(scope="module")
def index() -> Index:
    """Items at random places."""
    places = unit(np.random.default_rng(5).standard_normal((len(ITEMS), TEXT + PICTURE)))
    texts, pictures = TextSpace.fit([item.title for item in ITEMS]), PictureSpace.fit(np.zeros((0, 0)))
    return Index(tuple(i.id for i in ITEMS), ("",) * len(ITEMS), places, texts, pictures, "tower", len(ITEMS))


@pytest.mark.parametrize(("count", "found"), [(400, [50] * 8), (3, [1, 1, 1]), (10, [1, 1, 1, 2, 1, 1, 1, 2]), (0, [])])
def test_rounds_are_even_and_none_is_empty(count, found):
    assert sizes(count) == found if count else not sizes(count)
    assert sum(sizes(count)) == count and len(sizes(count)) <= ROUNDS


def test_what_is_promising_lies_where_scores_rose_and_is_not_known_yet():
    places = np.array([[0.0, 1.0], [1.0, 0.0], [0.9, 0.1], [-1.0, 0.0], [0.8, 0.6], [0.1, 0.9]], np.float32)
    assert promising(places, [0, 1, 3], [0.0, 2.0, -2.0], 2) == [2, 4]
    assert sorted(promising(places, [0], [1.0], 9)) == [1, 2, 3, 4, 5]


def test_a_taste_that_the_query_does_not_know_is_found(index):
    taste = unit(np.random.default_rng(6).standard_normal((1, TEXT + PICTURE)))[0]
    logits = dict(zip(index.ids, (index.vectors @ taste).tolist(), strict=True))
    asked: list[list[str]] = []

    def score(items):
        asked.append([item.id for item in items])
        yield StageProgress("rank", len(items), len(items))
        return tuple(Candidate(item.id, YesNo(logits[item.id], 0.0)) for item in items)

    query = unit(np.random.default_rng(7).standard_normal((1, TEXT + PICTURE)))[0]
    events, found = finish(search(index, query, ITEMS[::-1], 120, score))
    assert [len(some) for some in asked] == [15] * 8
    assert len({name for some in asked for name in some}) == 120, "each is asked once"
    assert asked[0] == [item.id for item in nearest(index, query, ITEMS, 15)], "the query leads first"
    assert [(e.done, e.total) for e in events] == [(15 * n, 120) for n in range(1, 9)]
    assert [c.answer.logit for c in found] == sorted((c.answer.logit for c in found), reverse=True)
    best = set(sorted(logits, key=logits.get)[-10:])
    near = {item.id for item in nearest(index, query, ITEMS, 120)}
    assert len(best & {c.item_id for c in found}) >= 8 > len(best & near)


def test_more_than_there_is_is_all(index):
    def score(items):
        yield StageProgress("rank", 0, 1)
        return tuple(Candidate(item.id, YesNo(1.0, 0.0)) for item in items)

    _, found = finish(search(index, index.vectors[0], ITEMS[:5], 100, score))
    assert [c.item_id for c in found] == [item.id for item in ITEMS[:5]], "equal ones by id"


def test_an_unknown_item_is_named(index):
    with pytest.raises(InputProblem, match="does not hold 1 of 1 items"):
        finish(search(index, index.vectors[0], [Item("z", "lamp")], 1, lambda items: iter(())))
