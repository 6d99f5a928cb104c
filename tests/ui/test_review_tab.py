"""Agreement as it is shown: a name costs nothing, so many of them must not cost much."""

from __future__ import annotations

import time

from msr.reviews import Judgement
from msr.ui.review import review_tab


def said(reviewer: str, item: str, verdict: str) -> Judgement:
    return Judgement(reviewer, "run", "description", item, verdict, "", "A mug.", "2026-01-01T00:00:00+00:00")


def test_thousands_of_names_do_not_hold_the_page() -> None:
    diligent = [said(name, item, "faithful") for name in ("ann", "bob") for item in ("mug", "lamp")]
    crowd = [said(f"nobody {n}", "mug", "wrong") for n in range(5_000)]
    began = time.monotonic()
    shown = review_tab.agreement([*crowd, *diligent])
    assert time.monotonic() - began < 10
    assert "<bdi>ann</bdi> and <bdi>bob</bdi>" in shown and "4990 more with fewer judgements" in shown


def test_few_reviewers_are_all_shown() -> None:
    shown = review_tab.agreement([said("ann", "mug", "faithful"), said("bob", "mug", "wrong")])
    assert "<bdi>ann</bdi> and <bdi>bob</bdi>" in shown and "more with fewer" not in shown
