"""A run as slides: the history, one slide for each block, the best results, and the evidence for the first one."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path

from msr.evidence import compare
from msr.render.html import Reading, name, paired, percent, points, text, thumb
from msr.schema import Item, Preference, Recommendation
from msr.ui.results import item_of
from msr.ui.run_state import RunState
from msr.ui.stores import Kept, Media

SCRIPT = Path(__file__).with_name("slides.js")
_BEST = 5  # results on a slide
_PACES = (("Slow", "1.8"), ("Normal", "1"), ("Fast", "0.5"))


def presentation(kept: Kept, media: Media) -> str:
    """The presentation as HTML; `slides.js` opens and plays it as soon as it is in the page."""
    state = RunState.finished(kept.run)
    slides = [_opening(kept, media)]
    before = ""
    for step in state.preferences:
        slides.append(_block(step, before, state, media))
        before = step.text
    slides += [_results(state, media), _evidence(state, media)]
    shown = [slide for slide in slides if slide]
    body = "".join(
        f'<section class="slide" aria-label="Slide {n} of {len(shown)}">{s}</section>' for n, s in enumerate(shown, 1)
    )
    paces = "".join(f'<option value="{v}"{" selected" if v == "1" else ""}>{label}</option>' for label, v in _PACES)
    # A random mark makes each rendering differ, so that the same run can be presented again.
    return (
        f'<dialog class="stage" data-rendering="{secrets.token_hex(4)}" data-key="{text(kept.key)}" '
        f'aria-label="Presentation of {text(kept.name)}"><header><span class="tag recorded">recorded</span>'
        f'<span>{text(kept.name)}</span><span class="quiet">{text(kept.run.model.get("name", ""))}, run '
        f'{text(kept.run.id)}</span><button type="button" data-stage="live">Run it live</button>'
        f'<button type="button" data-stage="close">Close</button></header><div class="slides">{body}</div>'
        f'<footer><button type="button" data-stage="back" aria-label="Slide before">‹</button>'
        f'<button type="button" data-stage="play" autofocus>Pause</button>'
        f'<button type="button" data-stage="next" aria-label="Next slide">›</button>'
        f'<label>Pace <select data-stage="pace">{paces}</select></label>'
        f'<span class="stage-place" role="status"></span><span class="stage-keys quiet">← → slides · space plays · Esc '
        f"closes</span></footer></dialog>"
    )


def _opening(kept: Kept, media: Media) -> str:
    shown = "".join(f"<li>{thumb(item, media)}</li>" for item in kept.run.history[:24])
    return (
        f'<p class="eyebrow">A history of {len(kept.run.history)} items</p><h2>{text(kept.name)}</h2>'
        f'<ol class="stage-history">{shown}</ol>'
    )


def _block(step: Preference, before: str, state: RunState, media: Media) -> str:
    items = {item.id: item for item in state.history}
    seen = "".join(_seen(items[i], state, media) for i in step.block.item_ids if i in items)
    title = "In somebody's own words" if step.edited else f"Block {step.block.index + 1}"
    tag = '<span class="tag own">written by a person</span>' if step.edited else _MODEL
    gone = compare.change(before, step.text).dropped if before else ()
    lost = f'<p class="gone">no longer: <s>{text(", ".join(gone[:8]))}</s></p>' if gone else ""
    return (
        f'<p class="eyebrow">{title}</p><div class="stage-block"><ul>{seen}</ul><div>{tag}'
        f'<p class="stage-text" dir="auto">{_words(step.text, before)}</p>{lost}</div></div>'
    )


def _seen(item: Item, state: RunState, media: Media) -> str:
    said = state.summaries.get(item.id)
    about = f"<span>{text(said.text)}</span>" if said else ""
    return f"<li>{thumb(item, media)}<p><b>{name(item)}</b>{about}</p></li>"


def _words(words: str, before: str) -> str:
    """Each word in its own element, for the animation; words that are new since the previous block are marked."""
    new = set(compare.change(before, words).added) if before else set()
    spans = []
    for word in words[:2_000].split():
        tag = "mark" if new & set(compare.content_words(word)) else "span"
        spans.append(f'<{tag} class="word">{text(word)}</{tag}>')
    return " ".join(spans)


def _results(state: RunState, media: Media) -> str:
    if not state.recommendations:
        return ""
    rows = "".join(_result(r, item_of(r, state, {}), media) for r in state.recommendations[:_BEST])
    return f'<p class="eyebrow">Recommendations</p><ol class="stage-results">{rows}</ol>'


def _result(shown: Recommendation, item: Item, media: Media) -> str:
    return (
        f'<li class="word"><span class="stage-rank">{shown.rank}</span>{thumb(item, media)}<b>{name(item)}</b>'
        f'<span class="stage-score">{percent(shown.score)}</span>'
        f'<span class="score-track" aria-hidden="true"><i style="width:{shown.score:.1%}"></i></span></li>'
    )


def _evidence(state: RunState, media: Media) -> str:
    best = next((r for r in state.recommendations if r.rationale), None)
    if best is None:
        return ""
    readings = sorted(paired(state.history, best.influence), key=lambda r: -abs(r.main))[:5]
    bars = f'<ol class="stage-bars">{_bars(readings, media)}</ol>' if readings else ""
    return (
        f'<p class="eyebrow">Why {name(item_of(best, state, {}))}?</p><div class="stage-why">'
        f'<div><span class="tag model">model-written reason</span><p class="stage-text" dir="auto">'
        f'{_words(best.rationale, "")}</p></div><div><span class="tag measured">measured influence</span>'
        f'<p class="quiet">Points of P(Yes) that an item adds, found by leaving it out</p>{bars}</div></div>'
    )


def _bars(readings: Sequence[Reading], media: Media) -> str:
    most = max(0.02, *(abs(r.main) for r in readings))
    return "".join(
        f'<li class="word">{thumb(r.item, media)}<span>{name(r.item)}</span><b>{points(r.main)}</b>'
        f'<i class="{"up" if r.main >= 0 else "down"}" style="width:{abs(r.main) / most:.1%}"></i></li>'
        for r in readings
    )


_MODEL = '<span class="tag model">model-written preference</span>'
