"""The preference timeline: a card for each block with its items, the preference text, and how the text changed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from msr.evidence import compare
from msr.render.html import name, text, thumb
from msr.schema import Block, Item, ItemSummary, Preference
from msr.ui.run_state import RunState
from msr.ui.stores import Media

_UNSURE = ' <span class="tag unsure" title="Too small a chance that the model knows what this is">not sure</span>'
_MODEL = '<span class="tag model">model-written preference</span>'
_MOST = 8  # most words listed of a kind
_SKELETON = '<span class="skeleton" aria-hidden="true"></span>'


def timeline(state: RunState, media: Media) -> str:
    """The cards of all blocks as HTML; an explanation if there are none yet."""
    if not state.blocks or (state.phase == "failed" and not state.summaries):
        return _EMPTY
    items = {item.id: item for item in state.history}
    texts = {p.block.index: p for p in state.preferences}
    cards = "".join(_card(block, items, texts, state, media) for block in state.blocks)
    return f'<ol class="timeline" aria-label="Preference, block by block">{cards}</ol>{drift_plot(_finished(state))}'


def _finished(state: RunState) -> tuple[Preference, ...]:
    return state.preferences[:-1] if state.writing else state.preferences


def _card(
    block: Block, items: Mapping[str, Item], texts: Mapping[int, Preference], state: RunState, media: Media
) -> str:
    preference, before = texts.get(block.index), texts.get(block.index - 1)
    newest = preference is not None and preference is state.preferences[-1]
    growing = state.writing and newest
    phase = "writing" if growing else "waiting" if preference is None else "newest" if newest else "written"
    seen = "".join(_seen(items[i], state.summaries.get(i), state.ended, media) for i in block.item_ids)
    change = compare.change(before.text, preference.text) if before and preference and not growing else None
    return (
        f'<li class="step {phase}"><header><h3>{_heading(block, preference)}</h3>'
        f"<span>{_span(block, state)}</span></header>"
        f'<ul class="seen">{seen}</ul>{_text(preference, growing, state.ended, change)}</li>'
    )


def _heading(block: Block, preference: Preference | None) -> str:
    return "Your edit" if preference is not None and preference.edited else f"Block {block.index + 1}"


def _span(block: Block, state: RunState) -> str:
    if not block.item_ids:
        return "what candidates are scored by"
    first = 1 + sum(len(b.item_ids) for b in state.blocks[: block.index])
    last = first + len(block.item_ids) - 1
    return f"item {first}" if first == last else f"items {first}–{last}"


def _seen(item: Item, summary: ItemSummary | None, ended: bool, media: Media) -> str:
    if summary is None:
        said = '<span class="quiet">not described</span>' if ended else _SKELETON + _SKELETON
    else:
        said = f"<bdi>{text(summary.text)}</bdi>{'' if summary.familiar else _UNSURE}"
    return (
        f'<li>{thumb(item, media)}<div><p class="seen-title">{name(item)}</p><p class="seen-text">{said}</p></div></li>'
    )


def _text(preference: Preference | None, growing: bool, ended: bool, change: compare.Change | None) -> str:
    if preference is None:
        body = '<p class="quiet">not written</p>' if ended else f"<p>{_SKELETON * 3}</p>"
    else:
        caret = '<span class="caret" aria-hidden="true"></span>' if growing else ""
        words = _marked(preference.text, change.added) if change else text(preference.text)
        body = f'<p dir="auto">{words}{caret}</p>{_changes(change) if change else ""}'
    own = preference is not None and preference.edited
    tag = '<span class="tag own">written by you</span>' if own else _MODEL
    return f'<div class="preference">{tag}{body}</div>'


def _marked(words: str, added: tuple[str, ...]) -> str:
    """The text with the words that are new in it marked."""
    if not added:
        return text(words)
    parts = re.split(rf"\b({'|'.join(map(re.escape, added))})\b", words[:2_000], flags=re.IGNORECASE)
    return "".join(f"<mark>{text(part)}</mark>" if n % 2 else text(part) for n, part in enumerate(parts))


def _changes(change: compare.Change) -> str:
    """The words that are new, kept and gone since the previous block, as HTML."""
    rows = (("came", "new", change.added), ("stayed", "kept", change.kept), ("went", "gone", change.dropped))
    listed = "".join(
        f'<div class="{kind}"><dt>{label}</dt><dd><bdi>{text(", ".join(words[:_MOST]))}</bdi></dd></div>'
        for kind, label, words in rows
        if words
    )
    return f'<dl class="changes" title="Changed since the block before">{listed}</dl>'


def drift_plot(preferences: Sequence[Preference]) -> str:
    """A small line plot of how much each text differs from the previous one; empty for fewer than two texts."""
    shifts = [compare.change(a.text, b.text).drift for a, b in pairwise(preferences)]
    if not shifts:
        return ""
    wide, high = 46 * len(shifts) + 20, 44
    spots = [(33 + 46 * n, 6 + (high - 12) * (1 - shift)) for n, shift in enumerate(shifts)]
    line = " ".join(f"{x},{y:.1f}" for x, y in spots)
    dots = "".join(f'<circle cx="{x}" cy="{y:.1f}" r="3.5"/>' for x, y in spots)
    spoken = ", ".join(f"block {n}: {shift:.0%}" for n, shift in enumerate(shifts, start=2))
    shown = "".join(f"<span><b>{shift:.0%}</b> block {n}</span>" for n, shift in enumerate(shifts, start=2))
    return (
        f'<figure class="drift"><figcaption>Drift <span>share of words that changed since the block before</span>'
        f'</figcaption><svg viewBox="0 0 {wide} {high}" role="img" '
        f'aria-label="Drift, {spoken}"><path d="M4 {high - 6}H{wide - 4}" class="axis"/>'
        f'<polyline points="{line}"/>{dots}</svg><div class="drift-values" aria-hidden="true">{shown}</div></figure>'
    )


_EMPTY = """
<ol class="steps" aria-label="How it works">
<li><b>Describe</b><p>Each item, picture and title, becomes one factual sentence.</p></li>
<li><b>Summarise</b><p>Block by block, one running preference text is rewritten as the history goes on.</p></li>
<li><b>Rank and explain</b><p>Every catalogue item is scored Yes or No; the best are shown with a written reason and
a measured influence.</p></li>
</ol>
"""
