"""The history editor: the page owns the order and the titles, the server owns the pictures.

What stands in the page is read as a *draft*, a list of `{"id", "title"}` in order, and comes along with every event.
Moving, removing, retitling and undoing therefore need no server, and nothing typed can be overwritten by one.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from msr import intake
from msr.catalog import Story
from msr.config import Limits
from msr.schema import Item
from msr.ui.html import text, thumb
from msr.ui.media import Media

Example = tuple[Story, tuple[Item, ...]]
Pool = Mapping[str, Item]  # every item that a visitor's page has shown, by id

SCRIPT = Path(__file__).with_name("history.js")
_ID = re.compile(r"[\w.:-]{1,64}", re.ASCII)


def from_draft(draft: Any, pool: Pool, limits: Limits) -> tuple[Item, ...]:
    """The history that a page shows: pictures from the pool, order and titles from the draft.

    A row that the server does not know (it was restarted) survives as a title; rows without anything are left out.
    """
    history: dict[str, Item] = {}
    for row in draft[: limits.max_history] if isinstance(draft, list) else ():
        if not isinstance(row, dict) or not isinstance(row.get("title"), str):
            continue
        item_id = row.get("id")
        if not isinstance(item_id, str) or not _ID.fullmatch(item_id) or item_id in history:
            item_id = new_id({**pool, **history})
        title = intake.title(row["title"], limits)
        known = pool.get(item_id)
        if known is not None and known.picture is not None:
            history[item_id] = replace(known, title=title)
        elif title:
            history[item_id] = Item(item_id, title)
    return tuple(history.values())


def add(history: Sequence[Item], new: Sequence[Item], pool: Pool, limits: Limits) -> tuple[tuple[Item, ...], list[str]]:
    """The history with `new` at its end, under ids of their own, and what had to be left out."""
    taken = {**pool, **{item.id: item for item in history}}
    room = max(0, limits.max_history - len(history))
    added = []
    for item in new[:room]:
        if item.id in taken:
            item = replace(item, id=new_id(taken))
        taken[item.id] = item
        added.append(item)
    left_out = len(new) - len(added)
    problems = []
    if left_out:
        problems.append(f"A history holds at most {limits.max_history} items; {left_out} more were left out.")
    return (*history, *added), problems


def pooled(pool: Pool, history: Sequence[Item], most: int = 500) -> Pool:
    """The pool with these items in it; the oldest leave when there are too many, but none of `history`."""
    current = {item.id: item for item in history}
    older = [item for item in pool.values() if item.id not in current]
    kept = older[max(0, len(older) + len(current) - most) :]
    return {**{item.id: item for item in kept}, **current}


def new_id(taken: Mapping[str, Any]) -> str:
    """An id that nothing has yet."""
    while (made := f"item-{secrets.token_hex(4)}") in taken:
        pass
    return made


def rows(history: Sequence[Item], media: Media, block_size: int, limits: Limits) -> str:
    """The editor as HTML; `history.js` numbers the rows, marks the blocks and answers the buttons."""
    body = "".join(_row(item, media, limits) for item in history)
    # A mark of its own makes every rendering differ, so the page takes it over even after local changes.
    return (
        f'<div class="editor" data-rendering="{secrets.token_hex(4)}" data-block-size="{int(block_size)}">'
        f'<div class="editor-head"><h3 class="editor-count"></h3><div class="editor-tools">'
        f'<button type="button" data-act="undo" disabled>Undo</button>'
        f'<button type="button" data-act="clear" disabled>Clear</button></div></div>'
        f'<ol class="rows" aria-label="History, oldest first">{body}</ol>'
        f'<p class="editor-empty">Nothing here yet. Pick a story above, or add pictures and titles of your own, '
        f"oldest first.</p></div>"
    )


def _row(item: Item, media: Media, limits: Limits) -> str:
    return (
        f'<li class="entry" data-id="{text(item.id)}"><div class="entry-block" aria-hidden="true"></div>'
        f'<div class="entry-body">{thumb(item, media)}'
        f'<input class="entry-title" type="text" dir="auto" value="{text(item.title)}" maxlength="{limits.max_title}" '
        f'placeholder="Title (optional)" autocomplete="off" spellcheck="false">'
        f'<span class="entry-tools"><button type="button" data-act="up"><svg viewBox="0 0 16 16" aria-hidden="true">'
        f'<path d="M8 13V3M3.5 7.5 8 3l4.5 4.5"/></svg></button>'
        f'<button type="button" data-act="down"><svg viewBox="0 0 16 16" aria-hidden="true">'
        f'<path d="M8 3v10M3.5 8.5 8 13l4.5-4.5"/></svg></button>'
        f'<button type="button" data-act="remove"><svg viewBox="0 0 16 16" aria-hidden="true">'
        f'<path d="m4 4 8 8M12 4l-8 8"/></svg></button></span></div></li>'
    )


def story_cards(examples: Sequence[Example], media: Media) -> str:
    """The stories as picture cards; each is a button."""
    cards = []
    for story, items in examples:
        pictures = "".join(thumb(item, media) for item in (items[0], items[len(items) // 2], items[-1]))
        cards.append(
            f'<button type="button" class="story" data-story="{text(story.id)}">'
            f'<span class="story-pictures" aria-hidden="true">{pictures}</span>'
            f'<span class="story-name">{text(story.name)}</span>'
            f'<span class="story-line">{text(story.tagline)}</span></button>'
        )
    return f'<div class="stories" role="group" aria-label="Stories to start from">{"".join(cards)}</div>'


STORY_SCRIPT = """
element.addEventListener('click', (event) => {
  const card = event.target.closest('button[data-story]');
  if (card) trigger('pick', { story: card.dataset.story });
});
"""
