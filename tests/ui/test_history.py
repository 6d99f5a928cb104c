from __future__ import annotations

from dataclasses import replace

import pytest

from msr.config import Limits
from msr.schema import Item
from msr.ui import history
from msr.ui.media import Media
from tests import fakes
from tests.ui import hostile

LIMITS = Limits(max_history=4)
POOL = {item.id: item for item in fakes.items(4)}


def draft(*rows: tuple[str, str]) -> list[dict[str, str]]:
    return [{"id": i, "title": t} for i, t in rows]


def test_order_and_titles_come_from_the_page_and_pictures_from_the_server() -> None:
    read = history.from_draft(draft(("h2", "new title"), ("h0", "plain mug")), POOL, LIMITS)
    assert read == (replace(POOL["h2"], title="new title"), POOL["h0"])


def test_a_row_that_the_server_forgot_survives_as_a_title() -> None:
    assert history.from_draft(draft(("gone", "a kite"), ("lost", "")), {}, LIMITS) == (Item("gone", "a kite"),)


def test_a_picture_without_a_title_is_an_item() -> None:
    assert history.from_draft(draft(("h1", "  ")), POOL, LIMITS) == (replace(POOL["h1"], title=""),)


def test_equal_ids_are_told_apart() -> None:
    read = history.from_draft(draft(("a", "one"), ("a", "two")), {}, LIMITS)
    assert [item.title for item in read] == ["one", "two"]
    assert len({item.id for item in read}) == 2


@pytest.mark.parametrize("junk", [None, 3, "x", {}, [1, None, {"id": 1}, {"title": 5}, {"id": "a"}]])
def test_a_draft_that_is_none_is_an_empty_history(junk: object) -> None:
    assert history.from_draft(junk, POOL, LIMITS) == ()


@pytest.mark.parametrize("odd", ["../x", "<b>", "", "x" * 65, 7, None])
def test_an_odd_id_is_replaced(odd: object) -> None:
    (item,) = history.from_draft([{"id": odd, "title": "t"}], POOL, LIMITS)
    assert item.id.startswith("item-")


def test_no_more_rows_than_allowed() -> None:
    rows = draft(*((f"r{n}", "t") for n in range(9)))
    assert len(history.from_draft(rows, {}, LIMITS)) == LIMITS.max_history


def test_hostile_titles_are_cleaned_and_cut() -> None:
    read = history.from_draft(draft(*((f"r{n}", t) for n, t in enumerate(hostile.ALL))), {}, LIMITS)
    assert all(len(item.title) <= LIMITS.max_title for item in read)
    assert "\u202e" not in "".join(item.title for item in read)


def test_added_items_keep_their_ids_unless_taken() -> None:
    items, problems = history.add([POOL["h0"]], [Item("h1", "other"), Item("n", "new")], POOL, LIMITS)
    assert [item.title for item in items] == ["plain mug", "other", "new"]
    assert items[1].id != "h1" and items[2].id == "n"
    assert problems == []


def test_what_has_no_room_is_named() -> None:
    items, problems = history.add(fakes.items(3), fakes.items(3, "n"), {}, LIMITS)
    assert len(items) == 4
    assert problems == ["A history holds at most 4 items; 2 more were left out."]


def test_the_pool_forgets_old_items_but_none_that_are_shown() -> None:
    pool = history.pooled(POOL, fakes.items(2, "n"), most=3)
    assert list(pool) == ["h3", "n0", "n1"]


def test_rows_are_escaped_and_differ_each_time() -> None:
    items = [Item(f"r{n}", title) for n, title in enumerate(hostile.ALL)]
    first, second = (history.rows(items, Media(), 3, LIMITS) for _ in range(2))
    assert first != second
    assert "<img src=x" not in first and "${" not in first and first.count('<li class="entry"') == 4
