from __future__ import annotations

import pytest

from msr.certainty import GROUP, NAME, NOTHING, Certainty


@pytest.mark.parametrize(
    ("name", "group", "level"),
    [(0.9, 0.95, NAME), (0.45, 0.45, NAME), (0.44, 0.55, GROUP), (0.44, 0.54, NOTHING), (0.0, 0.0, NOTHING)],
)
def test_what_is_told_follows_from_the_chances(name, group, level):
    assert Certainty(name, group).level == level


def test_a_model_of_which_nothing_is_known_may_name_all():
    assert Certainty().level == NAME
