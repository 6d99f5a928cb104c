"""How prompts are cut into families that share a prefix."""

from __future__ import annotations

from types import SimpleNamespace

from msr.backbones.prefixes import Family, common, families, repeatable

IMAGE = 99
A, B = list(range(20)), list(range(40, 60))


def test_what_is_common_ends_before_a_difference_a_picture_and_the_last_token():
    assert common([[1, 2, 3, 4], [1, 2, 5, 6]], IMAGE) == 2
    assert common([[1, IMAGE, 3, 4], [1, IMAGE, 3, 5]], IMAGE) == 1
    assert common([[1, 2], [1, 2, 3]], IMAGE) == 1
    assert common([[1, 2, 3]], IMAGE) == 2
    assert common([[1], [1, 2]], IMAGE) == 0


def test_one_context_is_one_family_whatever_its_candidates_share():
    titles = [[7, 7, 1], [7, 7, 2], [8, 1], [8, 2], [9]]
    assert families([A + title for title in titles], IMAGE) == [Family(5, 20)]


def test_contexts_are_families_of_their_own():
    titles = [[7, 1], [8, 2], [9, 3]]
    asked = [context + title for context in (A, B, A[:5] + B) for title in titles]
    assert families(asked, IMAGE) == [Family(3, 20), Family(3, 20), Family(3, 25)]


def test_a_family_is_not_cut_where_that_would_cost_more():
    assert families([A + [7], A[:19] + [8, 8]], IMAGE) == [Family(2, 19)]


def test_a_lonely_prompt_and_prompts_that_share_nothing_have_no_prefix():
    assert families([A], IMAGE) == [Family(1, 0)]
    assert families([A, B], IMAGE) == [Family(2, 0)]
    assert families([[*A, 1], [*A, 2], [IMAGE, 3]], IMAGE) == [Family(3, 0)], "all or none"


def test_families_cover_all_prompts_in_their_order():
    asked = [A[:n] + B[m:] for n in range(1, 15) for m in range(10)]
    assert sum(family.size for family in families(asked, IMAGE)) == len(asked)


def test_a_running_state_is_not_repeated():
    assert repeatable(SimpleNamespace())
    assert repeatable(SimpleNamespace(layer_types=["full_attention", "sliding_attention"]))
    assert not repeatable(SimpleNamespace(layer_types=["full_attention", "linear_attention"]))
