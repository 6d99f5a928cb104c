from __future__ import annotations

import html as stdlib_html

import pytest

from msr.render import html
from msr.schema import Item
from msr.ui.stores import Media
from tests import fakes
from tests.ui import hostile


@pytest.mark.parametrize("title", hostile.ALL)
def test_nothing_in_a_text_is_left_to_mean_something(title: str) -> None:
    escaped = html.text(title)
    assert not set(escaped) & set("<>\"'`\\{}$")


def test_a_text_reads_as_it_was_written() -> None:
    assert stdlib_html.unescape(html.text(hostile.TEMPLATE)) == hostile.TEMPLATE
    assert stdlib_html.unescape(html.text(hostile.MARKUP)) == hostile.MARKUP


def test_long_texts_are_cut() -> None:
    assert len(html.text(hostile.LONG)) == 2_000
    assert html.text("abcdef", limit=4) == "abc…"


def test_a_hostile_item_stays_in_its_attributes() -> None:
    item = Item("i", hostile.MARKUP, fakes.picture())
    for shown in (html.thumb(item, Media()), html.name(item)):
        assert "<img src=x" not in shown and "<script" not in shown and "onfocus=alert(3) autofocus x='" not in shown


def test_a_notice_escapes_every_line() -> None:
    shown = html.notice("problem", "<b>", ["<i>", "${x}"])
    assert "<b>" not in shown and "<i>" not in shown and "${" not in shown
    assert 'role="alert"' in shown


def test_media_forgets_the_least_recently_used() -> None:
    red, blue = fakes.picture("red"), fakes.noise(1)
    media = Media(budget=len(blue.data) + 1)
    assert media.url(red) == f"media/{red.digest}.webp"
    assert media.get(red.digest) == red
    media.url(blue)
    assert media.get(red.digest) is None and media.get(blue.digest) == blue
