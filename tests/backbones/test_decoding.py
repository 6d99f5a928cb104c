"""Guessing ahead changes how many passes an answer takes, never the answer."""

from __future__ import annotations

import math

import pytest
import torch

from msr.backbones.protocol import StopRequested
from msr.backbones.transformers import decoding
from msr.backbones.transformers.decoding import AHEAD, NGRAM, Answer, lookup
from tests import tiny
from tests.backbones import reference
from tests.tiny import MIXED, asked

LENGTH = 40
NEVER = 0  # a token that no answer here holds


@pytest.fixture(scope="module")
def backbone():
    return tiny.pocket_backbone()


@torch.inference_mode()
def answered(backbone, prompts, sources, limit=LENGTH, eos=NEVER, check=lambda: None, heard=lambda ids: None):
    """The answers, and the batch sizes of the passes they took."""
    asked = [Answer(row, known) for row, known in zip(backbone.rows(prompts), sources, strict=True)]
    with reference.counted(backbone.model.get_decoder()) as passes:
        decoding.greedy(backbone.model, asked, limit, eos, check, heard)
    return asked, passes


@pytest.fixture(scope="module")
def plain(backbone) -> list[tuple[list[int], list[float]]]:
    """Ids and log probabilities of greedy answers, by full forward passes."""
    found = [reference.greedy(backbone, prompt, LENGTH) for prompt in MIXED]
    assert all(NEVER not in ids for ids, _ in found)
    return found


# -- what is looked up ----------------------------------------------------------------------------------------


def test_what_followed_the_longest_known_ending_is_guessed():
    source = [7, 1, 2, 3, 9, 9, 2, 3, 4]
    assert lookup([1, 2, 3], [source], 3) == [9, 9, 2], "the whole ending, though (2, 3) comes later again"
    assert lookup([0, 2, 3], [source], 3) == [4], "the last place of the longest ending that is there"


def test_an_earlier_source_wins_and_the_unknown_is_not_guessed():
    assert lookup([5], [[5, 6], [5, 7]], 3) == [6]
    assert lookup([5], [[1, 2], [5, 7]], 3) == [7]
    assert lookup([8], [[1, 2]], 3) == []
    assert lookup([2], [[1, 2]], 3) == [], "nothing follows at a source's end"
    assert lookup([1, 2], [[1, 2, 3]], 0) == []


def test_an_answer_is_guessed_to_begin_as_its_draft():
    assert lookup([], [[4, 5, 6], [7]], 2) == [4, 5]
    assert lookup([], [], 2) == []


def test_endings_longer_than_the_limit_are_not_compared():
    ending = list(range(NGRAM))
    assert lookup([99, *ending], [[98, *ending, 5]], 1) == [5]


# -- the answer -----------------------------------------------------------------------------------------------


def test_any_guesses_give_the_greedy_answer(backbone, plain):
    ids = [answer for answer, _ in plain]
    wrong = [[(token + 1) % 300 for token in answer] for answer in ids]
    half = [answer[:7] + other for answer, other in zip(ids, wrong, strict=True)]
    for sources in ([[]] * len(ids), [[a] for a in ids], [[w] for w in wrong], [[h] for h in half]):
        found, _ = answered(backbone, MIXED, sources)
        for row, (expected, chances) in zip(found, plain, strict=True):
            assert row.written == expected
            assert row.confidence == pytest.approx(math.exp(sum(chances) / LENGTH), rel=1e-3)


def test_right_guesses_save_passes_and_wrong_ones_cost_none(backbone, plain):
    prompt, expected = MIXED[0], plain[0][0]
    _, known = answered(backbone, [prompt], [[expected]])
    assert len(known) <= math.ceil(LENGTH / (AHEAD + 1)) + 1
    _, unknown = answered(backbone, [prompt], [[]])
    assert len(unknown) == LENGTH


def test_a_row_that_ends_leaves_the_batch_and_the_others_go_on(backbone, plain):
    first, second = plain[0][0], plain[1][0]
    end = next(k for k in range(2, LENGTH) if first[k] not in first[:k] and first[k] not in second)
    found, passes = answered(backbone, MIXED[:2], [[], []], eos=first[end])
    assert found[0].written == first[: end + 1]
    assert found[1].written == second
    assert set(passes) == {1, 2}


def test_the_head_is_multiplied_once_for_all_rows(backbone):
    """Given a slice, `linear` would copy it for each row of the batch."""
    flat = []
    head = backbone.model.get_output_embeddings()
    handle = head.register_forward_pre_hook(lambda module, inputs: flat.append(inputs[0].ndim == 2))
    try:
        answered(backbone, MIXED[:2], [[], []], limit=3)
        answered(backbone, MIXED[:1], [[]], limit=2)
    finally:
        handle.remove()
    assert flat == [True] * 5


def test_no_answer_is_longer_than_asked(backbone, plain):
    for limit in (1, 2, AHEAD, AHEAD + 1, AHEAD + 2):
        (row,), _ = answered(backbone, MIXED[:1], [[plain[0][0]]], limit)
        assert row.written == plain[0][0][:limit]


def test_what_is_heard_is_what_is_written(backbone, plain):
    heard: list[list[int]] = []
    answered(backbone, MIXED[:2], [[plain[0][0]], []], heard=heard.append)
    assert [token for part in heard for token in part] == plain[0][0]
    assert max(map(len, heard)) > 1


def test_a_check_ends_the_work_before_the_next_pass(backbone):
    calls = []

    def check() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise StopRequested

    with reference.counted(backbone.model.get_decoder()) as passes, pytest.raises(StopRequested):
        answered(backbone, MIXED[:2], [[], []], check=check)
    assert len(passes) == 2


def test_a_long_beginning_that_prompts_share_is_read_once(backbone):
    alike = [asked(None, "very long " * 40 + f"item {n}") for n in range(3)]
    found, passes = answered(backbone, alike, [[]] * 3, limit=6)
    assert passes[:2] == [1, 3]
    for answer, prompt in zip(found, alike, strict=True):
        assert answer.written == reference.greedy(backbone, prompt, 6)[0]
    _, apart = answered(backbone, MIXED[:2], [[]] * 2, limit=6)
    assert apart[0] == 2, "a short one is not worth a pass"


def test_a_failed_guess_makes_the_next_one_short(backbone, plain):
    (right, _), *_ = plain
    wrong = [token + 1 if token + 1 not in right else NEVER for token in right]
    misleading = [pair for k, token in enumerate(right) for pair in (token, *[wrong[k]] * 9)]
    answer = decoding.Answer(backbone.rows(MIXED[:1])[0], [misleading])
    guessed = []
    guesses = decoding._guesses
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "_guesses", lambda *args: guessed.append(guesses(*args)[0]) or [guessed[-1]])
        decoding.greedy(backbone.model, [answer], LENGTH, NEVER, lambda: None)
    assert answer.written == right[:LENGTH]
    assert max(map(len, guessed[1:])) < len(guessed[0]) == decoding.AHEAD
