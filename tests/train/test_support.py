"""Preference quality of a fake model on one simulated user."""

from __future__ import annotations

import itertools

from msr.storage import TextCache
from tests.fakes import FakeBackbone
from train.evaluate import preference_quality
from train.teach import pictures
from train.teach.material import Material


def test_quality_of_texts_and_reasons_is_between_nothing_and_all():
    drawn = tuple(itertools.islice(pictures.drawn(60, 5), 60))
    found = preference_quality.of_simulated_users(FakeBackbone(), Material(drawn, ()), 1, seed=1)
    assert set(found) == {"drawn"}, "there are no photos"
    assert found["drawn"]["users"] == 1
    for name in ("preference precision", "preference recall"):
        assert 0 <= found["drawn"][name]["mean"] <= 1
        assert found["drawn"][name]["n"] == 1


def test_what_was_written_is_not_written_again(tmp_path):
    drawn = tuple(itertools.islice(pictures.drawn(60, 5), 60))
    first, second = FakeBackbone(), FakeBackbone()
    found = [
        preference_quality.of_simulated_users(b, Material(drawn, ()), 1, 1, TextCache(tmp_path))
        for b in (first, second)
    ]
    assert found[0] == found[1]
    assert first.calls["generate"] > 0 == second.calls["generate"]
