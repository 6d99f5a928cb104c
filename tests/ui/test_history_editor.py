from __future__ import annotations

from dataclasses import replace

import pytest

from msr.config import Limits
from msr.schema import Item
from msr.ui import history_editor
from msr.ui.stores import Media
from tests import fakes
from tests.ui import hostile

LIMITS = Limits(max_history=4)
ITEMS = {item.id: item for item in fakes.items(4)}


def store(*items: Item) -> Media:
    """What the server remembers of pictures."""
    media = Media()
    for item in items or ITEMS.values():
        media.url(item.picture)
    return media


def row(item_id: str, title: str, hidden: str = "") -> dict[str, str]:
    shot = ITEMS[item_id].picture if item_id in ITEMS else None
    return {"id": item_id, "title": title, "picture": shot.digest if shot else "", "hidden": hidden}


def test_order_and_titles_come_from_the_page_and_pictures_from_the_server() -> None:
    read = history_editor.from_draft([row("h2", "new title"), row("h0", "plain mug")], store(), LIMITS)
    assert read == (replace(ITEMS["h2"], title="new title"), ITEMS["h0"])


def test_a_row_that_the_server_forgot_survives_as_a_title() -> None:
    rows = [row("h1", "a kite"), row("h2", "")]
    assert history_editor.from_draft(rows, Media(), LIMITS) == (Item("h1", "a kite"),)


def test_a_picture_without_a_title_is_an_item() -> None:
    assert history_editor.from_draft([row("h1", "  ")], store(), LIMITS) == (replace(ITEMS["h1"], title=""),)


def test_what_is_masked_is_hidden_but_never_all_of_an_item() -> None:
    rows = [row("h0", "mug", "picture"), row("h1", "lamp", "title"), row("t", "no picture", "title")]
    read = history_editor.from_draft(rows, store(), LIMITS)
    assert read == (Item("h0", "mug"), replace(ITEMS["h1"], title=""), Item("t", "no picture"))


def test_equal_ids_are_told_apart() -> None:
    read = history_editor.from_draft([row("a", "one"), row("a", "two")], Media(), LIMITS)
    assert [item.title for item in read] == ["one", "two"]
    assert len({item.id for item in read}) == 2


@pytest.mark.parametrize("junk", [None, 3, "x", {}, [1, None, {"id": 1}, {"title": 5}, {"id": "a"}]])
def test_a_draft_that_is_none_is_an_empty_history(junk: object) -> None:
    assert history_editor.from_draft(junk, store(), LIMITS) == ()


@pytest.mark.parametrize("odd", ["../x", "<b>", "", "x" * 65, 7, None])
def test_an_odd_id_is_replaced(odd: object) -> None:
    (item,) = history_editor.from_draft([{"id": odd, "title": "t"}], Media(), LIMITS)
    assert item.id.startswith("item-")


def test_no_more_rows_than_allowed() -> None:
    rows = [row(f"r{n}", "t") for n in range(9)]
    assert len(history_editor.from_draft(rows, Media(), LIMITS)) == LIMITS.max_history


def test_hostile_titles_are_cleaned_and_cut() -> None:
    read = history_editor.from_draft([row(f"r{n}", t) for n, t in enumerate(hostile.ALL)], Media(), LIMITS)
    assert all(len(item.title) <= LIMITS.max_title for item in read)
    assert "\u202e" not in "".join(item.title for item in read)


def test_added_items_keep_their_ids_unless_taken_or_odd() -> None:
    new = [Item("h0", "other"), Item("n", "new"), Item("a b", "odd")]
    items, problems = history_editor.add([ITEMS["h0"]], new, LIMITS)
    assert [item.title for item in items] == ["plain mug", "other", "new", "odd"]
    assert items[1].id.startswith("item-") and items[2].id == "n" and items[3].id.startswith("item-")
    assert problems == []


def test_what_has_no_room_is_named() -> None:
    items, problems = history_editor.add(fakes.items(3), fakes.items(3, "n"), LIMITS)
    assert len(items) == 4
    assert problems == ["A history holds at most 4 items; 2 more were left out."]


def test_rows_are_escaped_and_differ_each_time() -> None:
    items = [Item(f"r{n}", title) for n, title in enumerate(hostile.ALL)]
    first, second = (history_editor.rows(items, Media(), 3, LIMITS) for _ in range(2))
    assert first != second
    assert "<img src=x" not in first and "${" not in first and first.count('<li class="entry"') == 4


def test_only_what_has_both_can_be_masked() -> None:
    items = [ITEMS["h0"], Item("t", "title alone")]
    assert "hide-" not in history_editor.rows(items, Media(), 3, LIMITS)
    assert history_editor.rows(items, Media(), 3, LIMITS, "whatif").count('data-act="hide-picture') == 1
