"""The history editor: the page keeps order and titles, and the server keeps the pictures.

What stands in the page is read as a *draft*, a list of `{"id", "title", "picture", "hidden"}` in order, and comes
along with every event; `picture` is a digest, `hidden` names what is masked. Moving, removing, retitling and undoing
therefore need no server, and nothing typed can be overwritten by one. The browser keeps the draft over a reload.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from msr import intake
from msr.catalogue import Example
from msr.config import Limits
from msr.render.html import text, thumb
from msr.schema import Item
from msr.ui.stores import Media

SCRIPT = Path(__file__).with_name("history_editor.js")
_EMPTY = "Nothing here yet. Pick a story above, or add pictures and titles of your own, oldest first."
_ICONS = {  # SVG paths on a grid of 16
    "up": "M8 13V3M3.5 7.5 8 3l4.5 4.5",
    "down": "M8 3v10M3.5 8.5 8 13l4.5-4.5",
    "remove": "m4 4 8 8M12 4l-8 8",
    "picture": "M2.5 3h11v10h-11zM2.5 11l3.5-3.5 3 3 2-2 2.5 2.5",
    "title": "M3.5 5V3.5h9V5M8 3.5v9M6 12.5h4",
}
_ID = re.compile(r"[\w.:-]{1,64}", re.ASCII)


def from_draft(draft: Any, media: Media, limits: Limits) -> tuple[Item, ...]:
    """The history that a page shows: pictures by their digest, order and titles from the draft.

    A row whose picture the server does not know (it was restarted) survives as a title; rows without anything are
    left out.
    """
    history: dict[str, Item] = {}
    for row in draft[: limits.max_history] if isinstance(draft, list) else ():
        if not isinstance(row, dict) or not isinstance(row.get("title"), str):
            continue
        item_id = row.get("id")
        if not isinstance(item_id, str) or not _ID.fullmatch(item_id) or item_id in history:
            item_id = new_id(history)
        digest, hidden = row.get("picture"), row.get("hidden")
        shot = media.get(digest) if isinstance(digest, str) and hidden != "picture" else None
        title = intake.title(row["title"], limits) if hidden != "title" or shot is None else ""
        if title or shot:
            history[item_id] = Item(item_id, title, shot)
    return tuple(history.values())


def add(history: Sequence[Item], new: Sequence[Item], limits: Limits) -> tuple[tuple[Item, ...], list[str]]:
    """The history with `new` at its end under unique ids, and a sentence for each item that was left out."""
    joined = {item.id: item for item in history}
    room = max(0, limits.max_history - len(history))
    for item in new[:room]:
        item_id = item.id if item.id not in joined and _ID.fullmatch(item.id) else new_id(joined)
        joined[item_id] = replace(item, id=item_id)
    left_out = max(0, len(new) - room)
    problems = []
    if left_out:
        problems.append(f"A history holds at most {limits.max_history} items; {left_out} more were left out.")
    return tuple(joined.values()), problems


def new_id(taken: Collection[str]) -> str:
    """A new random id."""
    while (made := f"item-{secrets.token_hex(4)}") in taken:
        pass
    return made


def rows(
    history: Sequence[Item], media: Media, block_size: int, limits: Limits, name: str = "history", empty: str = _EMPTY
) -> str:
    """The editor as HTML; `history_editor.js` numbers the rows, marks the blocks and answers the buttons.

    `name` tells editors of one page apart; the one of what-if questions can mask pictures and titles too.
    """
    body = "".join(_row(item, media, limits, masks=name != "history") for item in history)
    # A random mark makes each rendering differ, so that Gradio updates the page even after local changes.
    return (
        f'<div class="editor" data-editor="{text(name)}" data-rendering="{secrets.token_hex(4)}" '
        f'data-block-size="{int(block_size)}">'
        f'<div class="editor-head"><h3 class="editor-count"></h3><div class="editor-tools">'
        f'<button type="button" data-act="undo" disabled>Undo</button>'
        f'<button type="button" data-act="clear" disabled>Clear</button></div></div>'
        f'<ol class="rows" aria-label="History, oldest first">{body}</ol><p class="editor-empty">{text(empty)}</p>'
        f'<p class="editor-said sr-only" aria-live="polite"></p></div>'
    )


def _row(item: Item, media: Media, limits: Limits, masks: bool) -> str:
    digest = item.picture.digest if item.picture else ""
    both = masks and item.title and item.picture
    masking = "".join(_tool(f"hide-{what}", _ICONS[what], ' aria-pressed="false"') for what in ("picture", "title"))
    moving = "".join(_tool(act, _ICONS[act]) for act in ("up", "down", "remove"))
    return (
        f'<li class="entry" data-id="{text(item.id)}" data-picture="{text(digest)}">'
        f'<div class="entry-block" aria-hidden="true"></div><div class="entry-body">{thumb(item, media)}'
        f'<input class="entry-title" type="text" dir="auto" value="{text(item.title)}" maxlength="{limits.max_title}" '
        f'placeholder="Title (optional)" autocomplete="off" spellcheck="false">'
        f'<span class="entry-tools">{masking if both else ""}{moving}</span></div></li>'
    )


def _tool(act: str, icon: str, more: str = "") -> str:
    return (
        f'<button type="button" data-act="{act}"{more}><svg viewBox="0 0 16 16" aria-hidden="true">'
        f'<path d="{icon}"/></svg></button>'
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
