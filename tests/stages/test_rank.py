from __future__ import annotations

import math
import random
import threading

import pytest

from msr.backbones.protocol import StopRequested
from msr.events import StageProgress
from msr.schema import Candidate, Item, YesNo
from msr.stages import rank
from tests.fakes import FakeBackbone, catalogue, items, picture

TEXT = "The user appears to have a preference for mug and red."


def scored(candidates, fake=None, recent=(), text=TEXT):
    work = rank.score(fake or FakeBackbone(), text, recent, candidates)
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def test_scores_by_hand():
    first, second, third = scored(
        [Item("a", "mug"), Item("b", "mug", picture("red")), Item("c", "lamp")], recent=["striped mug", "dotted mug"]
    )
    # The fake's Yes logit is half the number of the candidate's words in the context, minus 2; No is 0.
    assert (first.item_id, first.answer) == ("b", YesNo(0.0, 0.0))  # mug 3 times, red once
    assert (second.item_id, second.answer) == ("a", YesNo(-0.5, 0.0))  # mug 3 times
    assert (third.item_id, third.answer) == ("c", YesNo(-2.0, 0.0))
    top = rank.recommendations((first, second, third), {i: Item(i, i.upper()) for i in "abc"}, 2)
    assert [(r.rank, r.item_id, r.title) for r in top] == [(1, "b", "B"), (2, "a", "A")]
    assert top[0].score == 0.5
    assert top[1].score == pytest.approx(1 / (1 + math.exp(0.5)))


def test_the_order_of_candidates_changes_nothing():
    class Batchy(FakeBackbone):
        """Scores that depend on the batch, as rounding does on real hardware."""

        def score(self, prompts, stop=None):
            return [YesNo(answer.yes + n * 1e-3, answer.no) for n, answer in enumerate(super().score(prompts, stop))]

    candidates = list(catalogue(60))
    expected = scored(candidates, Batchy())
    for seed in range(3):
        shuffled = candidates[:]
        random.Random(seed).shuffle(shuffled)
        assert shuffled != candidates
        assert scored(shuffled, Batchy()) == expected


def test_a_gpu_is_asked_about_more_at_once():
    class OnAGpu(FakeBackbone):
        def identity(self):
            return {**super().identity(), "name": "pocket", "device": "cuda"}

    laptop, gpu = FakeBackbone(), OnAGpu()
    assert scored(catalogue(60), laptop) == scored(catalogue(60), gpu)
    assert (laptop.calls["score"], gpu.calls["score"]) == (2, 1)


def test_ties_are_broken_by_id():
    ids = [c.item_id for c in scored([Item(i, "lamp") for i in ("z", "b", "m", "a")])]
    assert ids == ["a", "b", "m", "z"]


def test_extreme_logits_stay_scores_and_keep_their_order():
    certain = (Candidate("a", YesNo(900.0, -900.0)), Candidate("b", YesNo(-900.0, 900.0)))
    scores = [r.score for r in rank.recommendations(certain, {"a": Item("a", "a"), "b": Item("b", "b")}, 5)]
    assert scores == [1.0, 0.0]


def test_work_is_cut_into_even_chunks_with_progress():
    fake = FakeBackbone()
    events = list(rank.score(fake, TEXT, [], catalogue(110)))
    assert events == [StageProgress("rank", done, 110) for done in (0, 36, 73, 110)]
    assert fake.calls["score"] == 3


def test_stop_ends_the_work_at_the_next_chunk():
    stop = threading.Event()
    fake = FakeBackbone()
    work = rank.score(fake, TEXT, [], catalogue(110), stop)
    next(work)
    next(work)
    stop.set()
    with pytest.raises(StopRequested):
        list(work)
    assert fake.calls["score"] == 2


def test_what_the_history_holds_is_no_candidate():
    history = [Item("h1", "plain mug", picture("red")), Item("h2", "striped mug")]
    offered = [
        Item("h1", "another title"),  # the same id
        Item("c1", "plain mug", picture("red")),  # the same picture and title
        Item("c2", "plain mug", picture("blue")),
        Item("c3", "plain mug"),
        Item("c4", "striped mug"),  # the same title, both without a picture
        Item("c5", "striped mug", picture("red")),
    ]
    assert [item.id for item in rank.candidates(history, offered)] == ["c2", "c3", "c5"]
    assert rank.candidates(items(3), items(3)) == []


def test_all_prompts_share_the_preference_and_end_in_the_candidate():
    fake = FakeBackbone()
    scored(catalogue(5), fake, recent=["plain mug"])
    lines = [prompt.text.splitlines() for prompt in fake.prompts["score"]]
    assert {tuple(head) for *head, _ in lines} == {
        (TEXT, 'Recent: "plain mug"', "Would the user like this item? Answer Yes or No.")
    }
    assert sorted(last for *_, last in lines) == sorted(f'<image> "{item.title}"' for item in catalogue(5))
