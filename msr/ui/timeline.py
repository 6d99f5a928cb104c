"""The preference timeline: a card a block, with what was seen and the text that came of it."""

from __future__ import annotations

from collections.abc import Mapping

from msr.schema import Block, Item, ItemSummary, Preference
from msr.ui.html import name, text, thumb
from msr.ui.media import Media
from msr.ui.view import View

_UNSURE = ' <span class="tag unsure" title="Unlike all pictures that the model was trained on">not sure</span>'
_SKELETON = '<span class="skeleton" aria-hidden="true"></span>'


def timeline(view: View, media: Media) -> str:
    """All block cards of a run, or what is going to appear here."""
    if not view.blocks or (view.phase == "failed" and not view.summaries):
        return _EMPTY
    items = {item.id: item for item in view.history}
    texts = {p.block.index: p for p in view.preferences}
    cards = "".join(_card(block, items, texts.get(block.index), view, media) for block in view.blocks)
    return f'<ol class="timeline" aria-label="Preference, block by block">{cards}</ol>'


def _card(block: Block, items: Mapping[str, Item], preference: Preference | None, view: View, media: Media) -> str:
    first = 1 + sum(len(b.item_ids) for b in view.blocks[: block.index])
    last = first + len(block.item_ids) - 1
    span = f"item {first}" if first == last else f"items {first}–{last}"
    seen = "".join(_seen(items[i], view.summaries.get(i), view.ended, media) for i in block.item_ids)
    growing = view.writing and preference is not None and preference is view.preferences[-1]
    newest = preference is not None and preference is view.preferences[-1]
    state = "writing" if growing else "waiting" if preference is None else "newest" if newest else "written"
    return (
        f'<li class="step {state}"><header><h3>Block {block.index + 1}</h3><span>{span}</span></header>'
        f'<ul class="seen">{seen}</ul>{_text(preference, growing, view.ended)}</li>'
    )


def _seen(item: Item, summary: ItemSummary | None, ended: bool, media: Media) -> str:
    if summary is None:
        said = '<span class="quiet">not described</span>' if ended else _SKELETON + _SKELETON
    else:
        said = f"<bdi>{text(summary.text)}</bdi>{'' if summary.familiar else _UNSURE}"
    return (
        f'<li>{thumb(item, media)}<div><p class="seen-title">{name(item)}</p><p class="seen-text">{said}</p></div></li>'
    )


def _text(preference: Preference | None, growing: bool, ended: bool) -> str:
    if preference is None:
        body = '<p class="quiet">not written</p>' if ended else f"<p>{_SKELETON * 3}</p>"
    else:
        caret = '<span class="caret" aria-hidden="true"></span>' if growing else ""
        body = f'<p dir="auto">{text(preference.text)}{caret}</p>'
    return f'<div class="preference"><span class="tag model">model-written preference</span>{body}</div>'


_EMPTY = """
<ol class="steps" aria-label="How it works">
<li><b>Describe</b><p>Each item, picture and title, becomes one factual sentence.</p></li>
<li><b>Summarise</b><p>Block by block, one running preference text is rewritten as the history goes on.</p></li>
<li><b>Rank and explain</b><p>Every catalogue item is scored Yes or No; the best are shown with a written reason and
a measured influence.</p></li>
</ol>
"""
