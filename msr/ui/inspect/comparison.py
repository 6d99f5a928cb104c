"""Two runs side by side: the edits, the moves in rank, and a scatter plot of all scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msr.evidence import compare
from msr.render.html import name, percent, text, thumb
from msr.schema import Item, Recommendation, Run
from msr.ui.results import item_of
from msr.ui.run_state import RunState
from msr.ui.stores import Kept, Media

NOTHING = """
<p class="awaited">Choose a run on the left, change something and press Re-rank: the edited run appears here beside
the one it came from. Or choose any two runs above.</p>
"""
_SIZE = 260  # of the scatter, in SVG units
_EDGE = 30


def side_by_side(one: Kept | None, two: Kept | None, media: Media) -> str:
    """Both runs as HTML; an explanation if there are fewer than two."""
    if one is None or two is None:
        return NOTHING
    items = {i.id: i for kept in (one, two) for i in (*kept.catalogue.items, *kept.run.offered)}
    edits = compare.edits(one.run, two.run)
    listed = "".join(f"<li>{text(e)}</li>" for e in edits) or "<li>nothing; both are the same run</li>"
    return (
        f'<section class="edits"><h3>What is different</h3><ul>{listed}</ul>{_agreement(one.run, two.run)}</section>'
        f'<div class="pair"><section><h3>A · {text(one.name)}</h3>{_preference(one.run, None)}'
        f"{_list(one, {}, items, media)}</section>"
        f"<section><h3>B · {text(two.name)}</h3>{_preference(two.run, one.run)}"
        f"{_list(two, _moves(one.run, two.run.recommendations), items, media)}</section></div>"
        f"{scatter(one.run, two.run, items)}"
    )


def growing(before: Kept, state: RunState, media: Media) -> str:
    """An edited run that is still running, beside the run that it edits."""
    items = {i.id: i for i in (*before.catalogue.items, *before.run.offered)}
    moved = _moves(before.run, state.recommendations)
    rows = "".join(_row(r, moved.get(r.item_id), item_of(r, state, items), media) for r in state.recommendations)
    return (
        f'<div class="pair"><section><h3>A · {text(before.name)}</h3>{_preference(before.run, None)}'
        f"{_list(before, {}, items, media)}</section><section><h3>B · being edited</h3>"
        f'<div class="side-text"><p dir="auto">{text(state.preferences[-1].text)}</p></div>'
        f'<ol class="side moving">{rows}</ol></section></div>'
    )


def _moves(before: Run, after: Sequence[Recommendation]) -> dict[str, compare.Move]:
    return {move.item_id: move for move in compare.moves(before, after)}


def _agreement(one: Run, two: Run) -> str:
    rho = compare.agreement(one, two)
    if rho is None:
        return '<p class="quiet">The two runs scored no candidates in common.</p>'
    return f'<p class="quiet">Rank correlation over shared candidates (Spearman): <b>{rho:.3f}</b></p>'


def _preference(run: Run, before: Run | None) -> str:
    """The preference text of a run; words that the other run does not have are marked."""
    if not run.preferences:
        return ""
    last = run.preferences[-1]
    new = set(compare.change(before.preferences[-1].text, last.text).added) if before and before.preferences else set()
    words = " ".join(
        f"<mark>{text(word)}</mark>" if new & set(compare.content_words(word)) else text(word)
        for word in last.text.split()
    )
    tag = (
        '<span class="tag own">written by you</span>'
        if last.edited
        else '<span class="tag model">model-written preference</span>'
    )
    return f'<div class="side-text">{tag}<p dir="auto">{words}</p></div>'


def _list(kept: Kept, moved: Mapping[str, compare.Move], items: Mapping[str, Item], media: Media) -> str:
    state = RunState.finished(kept.run)
    rows = "".join(_row(r, moved.get(r.item_id), item_of(r, state, items), media) for r in kept.run.recommendations)
    # Two names of one animation, so that it starts again for another run.
    animation = "moving" if sum(kept.key.encode()) % 2 else "moving-too"
    return f'<ol class="side {animation if moved else ""}">{rows}</ol>'


def _row(shown: Recommendation, move: compare.Move | None, item: Item, media: Media) -> str:
    style, badge = "", ""
    if move is not None:
        up = move.up
        kind, said, spoken = _said(move)
        badge = (
            f'<span class="move {kind}"><span aria-hidden="true">{said}</span>'
            f'<span class="sr-only">{spoken}</span></span>'
        )
        style = f' style="--from:{max(-9, min(9, up))}"' if up else ""
    return (
        f'<li{style}><span class="side-rank">{shown.rank}</span>{thumb(item, media)}'
        f'<span class="side-name">{name(item)}</span><span class="number">{percent(shown.score)}</span>{badge}</li>'
    )


def _said(move: compare.Move) -> tuple[str, str, str]:
    """A move in rank as a CSS class, as shown text, and as text for screen readers."""
    if move.up is None:
        return "new", "new", "was no candidate before"
    if move.up == 0:
        return "none", "–", "same rank"
    arrow, word = ("▲", "up") if move.up > 0 else ("▼", "down")
    return word, f"{arrow} {abs(move.up)}", f"{word} {abs(move.up)}, was {move.before}"


def scatter(one: Run, two: Run, items: Mapping[str, Item]) -> str:
    """A scatter plot of P(Yes) of the shared candidates in both runs."""
    second = {c.item_id: c.answer.score for c in two.scores}
    both = [(c.item_id, c.answer.score, second[c.item_id]) for c in one.scores if c.item_id in second]
    if not both:
        return ""
    best = {r.item_id for r in (*one.recommendations, *two.recommendations)}
    dots = "".join(_dot(i, x, y, i in best, items) for i, x, y in sorted(both, key=lambda spot: spot[0] in best))
    low, high = _EDGE, _SIZE - 8
    ticks = "".join(
        f'<text x="{_at(v):.0f}" y="{_SIZE - 10}" text-anchor="middle">{v:g}</text>'
        f'<text x="{low - 6}" y="{_SIZE - _at(v) + 4:.0f}" text-anchor="end">{v:g}</text>'
        for v in (0, 0.5, 1)
    )
    return (
        f'<figure class="scatter"><figcaption>P(Yes) of {len(both)} shared candidates: A across, B up. Recommended '
        f'ones are filled; on the diagonal nothing changed.</figcaption><svg viewBox="0 0 {_SIZE} {_SIZE}" role="img" '
        f'aria-label="Scores of {len(both)} candidates in both runs">'
        f'<path class="axis" d="M{low} {_SIZE - high}V{_SIZE - low}H{high}"/>'
        f'<path class="diagonal" d="M{low} {_SIZE - low}L{high} {_SIZE - high}"/>{ticks}{dots}</svg></figure>'
    )


def _dot(item_id: str, x: float, y: float, best: bool, items: Mapping[str, Item]) -> str:
    item = items.get(item_id)
    title = item.title if item and item.title else item_id
    return (
        f'<circle cx="{_at(x):.1f}" cy="{_SIZE - _at(y):.1f}" r="{4 if best else 2.5}"'
        f' class="{"best" if best else "other"}">'
        f"<title>{text(title)}: A {x:.3f}, B {y:.3f}</title></circle>"
    )


def _at(share: float) -> float:
    return _EDGE + share * (_SIZE - 8 - _EDGE)
