from __future__ import annotations

import pytest

from msr.evidence.drift import change, content_words


def test_the_frame_of_a_text_does_not_count():
    text = "The user appears to have a preference for striped navy chairs in a rustic style; earlier for mugs."
    assert content_words(text) == ("striped", "navy", "chairs", "rustic", "mugs")


def test_what_came_stayed_and_went_by_hand():
    moved = change("a preference for navy striped chairs", "a preference for striped wooden clocks")
    assert (moved.added, moved.kept, moved.dropped) == (("wooden", "clocks"), ("striped",), ("navy", "chairs"))
    assert moved.drift == pytest.approx(4 / 5)


@pytest.mark.parametrize(("before", "after", "drift"), [("", "", 0), ("", "mugs", 1), ("red mugs", "mugs, red", 0)])
def test_the_ends_of_the_scale(before, after, drift):
    assert change(before, after).drift == drift
