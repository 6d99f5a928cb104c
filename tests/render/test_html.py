"""Strings become inert HTML, and numbers read as people write them."""

from __future__ import annotations

import pytest

from msr.render.html import (
    Inline,
    bar_width,
    block_name,
    figure,
    influence_table,
    listed,
    name,
    paired,
    percent,
    plain_name,
    points,
    sign,
    signed,
    text,
    thumb,
    unit_name,
)
from msr.schema import Influence, Item, Unit
from tests.fakes import picture
from tests.ui import hostile

HISTORY = (Item("h0", "plain mug", picture("red")), Item("h1", "", picture("blue")), Item("h2", "lamp"))


@pytest.mark.parametrize("words", hostile.ALL)
def test_no_string_comes_alive(words: str) -> None:
    drawn = [text(words), name(Item("x", words)), plain_name(Item("x", words)), unit_name(Unit("item", "x", words))]
    drawn += [block_name(Unit("block", words)), unit_name(Unit(words)), thumb(Item("x", words, picture()), Inline())]
    drawn += [figure("effects", words, "")]
    for html in drawn:
        assert not any(mark in html for mark in ("<script", "<img src=x", "${", "`", "{{", "\\")), html
        assert len(html) < 4_000, "over-long strings are cut"


def test_a_picture_holds_itself_and_is_never_cut() -> None:
    shown = picture("red", 320)
    assert f'src="{shown.data_url()}"' in thumb(Item("x", "mug", shown), Inline())


def test_a_picture_is_named_unless_its_name_stands_beside_it() -> None:
    named, untitled, bare = HISTORY
    assert 'alt="plain mug"' in thumb(named, Inline()) and 'alt="untitled picture"' in thumb(untitled, Inline())
    assert 'alt=""' in thumb(named, Inline(), beside_name=True)
    assert 'aria-label="no picture"' in thumb(bare, Inline())
    for missing in (bare, None):
        assert 'aria-hidden="true"' in thumb(missing, Inline(), beside_name=True)


@pytest.mark.parametrize(
    ("score", "shown"), [(0, "0.0 %"), (0.0001, "< 0.1 %"), (0.876, "87.6 %"), (0.99999, "> 99.9 %"), (1, "100.0 %")]
)
def test_percent(score: float, shown: str) -> None:
    assert percent(score) == shown


def test_signed_numbers_have_a_real_minus_sign() -> None:
    assert [points(x) for x in (0.0421, -0.1, 0.0)] == ["+4.2", "−10.0", "+0.0"]
    assert [signed(x) for x in (0.125, -1.0, 0.004, -0.004)] == ["+0.12", "−1.00", "0.00", "0.00"]
    assert [sign(x) for x in (0.125, -1.0, 0.004)] == ["up", "down", "none"]
    assert [bar_width(x, 2.0) for x in (1.0, -1.0, 5.0)] == ["50.0%", "50.0%", "100.0%"]


def test_names_in_a_sentence() -> None:
    assert [listed(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a, b and c"]


def test_readings_are_paired_in_the_order_of_the_history() -> None:
    rows = [Influence("h2", 0.1), Influence("h0", -0.2, "direct"), Influence("h0", 0.3), Influence("gone", 0.4)]
    first, last = paired(HISTORY, rows)
    assert (first.item, first.regenerated, first.direct, first.main) == (HISTORY[0], 0.3, -0.2, 0.3)
    assert (last.item, last.regenerated, last.direct) == (HISTORY[2], 0.1, None)


def test_the_table_of_influences_has_a_column_for_each_reading_that_was_measured() -> None:
    direct = paired(HISTORY, [Influence("h0", -0.2, "direct"), Influence("h1", 0.0, "direct")])
    table = influence_table(direct)
    assert "text left as it is" in table and "written anew" not in table and "<img" not in table
    assert '<span class="delta down">−20.0</span>' in table and '<span class="delta none">+0.0</span>' in table
    both = influence_table([*direct, *paired(HISTORY, [Influence("h2", 0.5)])], Inline())
    assert both.count("<th scope") == 3 + 3 and both.count('class="quiet">–<') == 3 and both.count("<img") == 2
