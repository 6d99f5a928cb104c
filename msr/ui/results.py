"""The ranked results, as cards and as a table, and a sheet with all evidence of one result.

`studio.js` shows the sheet in a dialog when the result is clicked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msr.render.html import Reading, influence_table, name, paired, percent, plain_name, points, text, thumb
from msr.schema import Item, Recommendation
from msr.ui.run_state import RunState
from msr.ui.stores import Media

_SMALLEST_SCALE = 0.02  # two points: below that, bars would magnify noise
DIALOG = """
<dialog id="sheet" aria-labelledby="sheet-title"><button type="button" class="sheet-close" data-close="sheet"
aria-label="Close the evidence">Close</button><div id="sheet-body"></div></dialog>
"""
DIALOG_SCRIPT = """
element.addEventListener('click', (event) => {
  const more = event.target.closest('button[data-measure]');
  if (!more) return;
  document.getElementById('sheet').close();
  trigger('measure', { run: more.dataset.run, item: more.dataset.measure });
});
"""


def results(state: RunState, catalogue: Mapping[str, Item], media: Media) -> str:
    """All results as cards and as a table, of which the page shows one; placeholders while they are awaited."""
    if not state.recommendations:
        return _NOTHING if state.ended else f'<ol class="results" aria-busy="true">{_GHOST * 4}</ol>'
    scale = max([_SMALLEST_SCALE, *(abs(e.delta) for r in state.recommendations for e in r.influence)])
    shown = [(r, item_of(r, state, catalogue)) for r in state.recommendations]
    cards = "".join(_card(r, item, state, scale, media) for r, item in shown)
    sheets = "".join(sheet(r, item, state, media) for r, item in shown if state.ended or r.rationale)
    below = f"{_legend(state, scale)}{_shortlisted(state)}"
    return f'<ol class="results">{cards}</ol>{_table(shown, state, media)}{below}{sheets}'


def item_of(shown: Recommendation, state: RunState, catalogue: Mapping[str, Item]) -> Item:
    """The recommended item: as the run keeps it, as the catalogue has it, or at least by its title."""
    kept = {item.id: item for item in state.run.offered} if state.run else {}
    return kept.get(shown.item_id) or catalogue.get(shown.item_id) or Item(shown.item_id, shown.title or shown.item_id)


def _card(shown: Recommendation, item: Item, state: RunState, scale: float, media: Media) -> str:
    described = state.summaries.get(shown.item_id)
    about = f'<p class="result-about"><bdi>{text(described.text)}</bdi></p>' if described else ""
    return (
        f'<li class="result"><div class="result-card"><div class="result-picture">{thumb(item, media)}'
        f'<span class="rank"><span class="sr-only">Rank </span>{shown.rank}</span></div>'
        f'<div class="result-main"><h3>{_opener(shown, item)}</h3>{about}{_score(shown.score)}</div>'
        f'<div class="result-why">{_rationale(shown, state)}{_influence(shown, state, scale, media)}</div></div></li>'
    )


def _opener(shown: Recommendation, item: Item) -> str:
    """The item's name as the button that opens its evidence."""
    return (
        f'<button type="button" class="open" data-open="{text(shown.item_id)}" aria-haspopup="dialog">{name(item)}'
        '<span class="sr-only">, show the evidence</span></button>'
    )


def _table(shown: Sequence[tuple[Recommendation, Item]], state: RunState, media: Media) -> str:
    rows = "".join(
        f'<tr><td class="number">{r.rank}</td><th scope="row">{thumb(item, media)}{_opener(r, item)}</th>'
        f'<td class="number">{percent(r.score)}{_track(r.score)}</td><td>{text(r.rationale)}</td>'
        f"<td>{_most(r, state)}</td></tr>"
        for r, item in shown
    )
    return (
        '<div class="results-table"><table><thead><tr><th scope="col">Rank</th><th scope="col">Item</th>'
        '<th scope="col">P(Yes)</th><th scope="col"><span class="tag model">model-written reason</span></th>'
        f'<th scope="col"><span class="tag measured">strongest measured influence</span></th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _most(shown: Recommendation, state: RunState) -> str:
    readings = paired(state.history, shown.influence)
    if not readings:
        return ""
    most = max(readings, key=lambda r: abs(r.main))
    return f'{name(most.item)} <b class="number">{points(most.main)}</b>'


def _score(score: float) -> str:
    return (
        f'<p class="score" title="Probability of Yes against No: {score:.4f}"><b>{percent(score)}</b>'
        f"<span>P(Yes)</span></p>{_track(score)}"
    )


def _track(score: float) -> str:
    return f'<span class="score-track" aria-hidden="true"><i style="width:{score:.1%}"></i></span>'


def _rationale(shown: Recommendation, state: RunState) -> str:
    if shown.rationale:
        body = f'<p dir="auto">{text(shown.rationale)}</p>'
    elif state.ended:
        body = '<p class="quiet">No reason was written.</p>'
    else:
        body = '<p><span class="skeleton"></span><span class="skeleton"></span></p>'
    head = '<span class="tag model">model-written reason</span>'
    return f'<section class="rationale">{head}{body}{agreement(shown)}</section>'


def _influence(shown: Recommendation, state: RunState, scale: float, media: Media) -> str:
    readings = paired(state.history, shown.influence)
    if readings:
        columns = "".join(_column(r, scale, media) for r in readings)
        body = (
            f'<ol class="bars" style="--items:{len(readings)}">{columns}</ol><p class="said">{_strongest(readings)}</p>'
        )
    elif state.ended:
        body = '<p class="quiet">Not measured.</p>'
    else:
        body = '<p class="bars-awaited"><span class="skeleton"></span></p>'
    return f'<section class="influence"><span class="tag measured">measured influence</span>{body}</section>'


def _column(reading: Reading, scale: float, media: Media) -> str:
    """One bar: up where the item helped, down where it hurt; a dot marks the direct reading."""
    sign = "up" if reading.main >= 0 else "down"
    dot = ""
    spoken = f"{plain_name(reading.item)}: {points(reading.main)} points"
    if reading.direct is not None and reading.regenerated is not None:
        dot = f'<u style="bottom:{50 + 50 * _within(reading.direct / scale):.1f}%"></u>'
        spoken += f", with the preference left as it is {points(reading.direct)}"
    return (
        f'<li title="{spoken}"><span class="bar" aria-hidden="true">'
        f'<i class="{sign}" style="height:{50 * _within(abs(reading.main) / scale):.1f}%"></i>{dot}</span>'
        f'{thumb(reading.item, media)}<span class="sr-only">{spoken}</span></li>'
    )


def _strongest(readings: Sequence[Reading]) -> str:
    most = max(readings, key=lambda r: abs(r.main))
    if abs(most.main) < 0.0005:
        return "Taking away any one item changes nothing."
    moves = "falls" if most.main > 0 else "rises"
    return f"Strongest: without {name(most.item)} the score {moves} by {points(abs(most.main)).lstrip('+')} points."


def _legend(state: RunState, scale: float) -> str:
    readings = {e.reading for r in state.recommendations for e in r.influence}
    if not readings:
        return ""
    how = (
        "leaving it out, writing the preference anew and scoring again"
        if "regenerated" in readings
        else "striking its title, with the preference text left as it is, and scoring again"
    )
    dot = " The dot is the same with the preference text left as it is." if len(readings) == 2 else ""
    return (
        '<p class="legend"><span class="tag measured">measured</span> Each bar is a history item: how many points of '
        f"P(Yes) it adds (up) or takes away (down), found by {how}.{dot} A full bar is "
        f"{points(scale).lstrip('+')} points. The model-written reason is a text, not a measurement.</p>"
    )


def _shortlisted(state: RunState) -> str:
    """Says so where not all of the catalogue was scored."""
    found = state.run.settings.get("shortlisted") if state.run else None
    return (
        f'<p class="legend">Scored {text(found)} items: those near the history, and those like what did well.</p>'
        if found
        else ""
    )


def _within(share: float) -> float:
    return max(-1.0, min(1.0, share))


SWITCH = """
<div class="switch" role="group" aria-label="Show results as">
<button type="button" data-view="gallery" aria-pressed="true">Gallery</button>
<button type="button" data-view="table" aria-pressed="false">Table</button></div>
"""
_NOTHING = '<p class="awaited">Ranked items, each with its score, reason and influence, appear here.</p>'
_GHOST = (
    '<li class="result ghost" aria-hidden="true"><div class="result-card">'
    '<div class="result-picture"><span class="skeleton"></span></div>'
    '<div class="result-main"><span class="skeleton"></span><span class="skeleton"></span></div></div></li>'
)


def sheet(shown: Recommendation, item: Item, state: RunState, media: Media) -> str:
    """The source of a sheet, invisible where it stands."""
    described = state.summaries.get(shown.item_id)
    about = f"<p>{text(described.text)}</p>" if described else '<p class="quiet">Not described.</p>'
    reason = f"<p>{text(shown.rationale)}</p>" if shown.rationale else '<p class="quiet">No reason was written.</p>'
    return (
        f'<div hidden class="sheet-source" data-sheet="{text(shown.item_id)}"><header class="sheet-head">'
        f'<div class="sheet-picture">{thumb(item, media)}</div><div><p class="quiet">Rank {shown.rank}</p>'
        f'<h2 data-title="sheet">{name(item)}</h2><p class="sheet-score"><b>{percent(shown.score)}</b> '
        f"P(Yes) against P(No), read at the answer position</p></div></header>"
        f'<section><span class="tag model">model-written description</span>{about}</section>'
        f'<section><span class="tag model">model-written reason</span>{reason}{agreement(shown)}</section>'
        f'<section><span class="tag measured">measured influence</span>{_influence_table(shown, state, media)}'
        f"{_more(shown, state)}</section>"
        f"{_prompt(shown)}</div>"
    )


def agreement(shown: Recommendation) -> str:
    """The reason held against the measurement, in plain words; nothing where there is nothing to say."""
    told = shown.agreement.sentences() if shown.agreement else []
    if shown.agreement is None or not told:
        return ""
    kind, tag = ("agrees", "measured") if shown.agreement.whole else ("doubt", "unsure")
    said = "reason and measurement agree" if shown.agreement.whole else "reason against measurement"
    listed = "".join(f"<p>{text(sentence)}</p>" for sentence in told)
    return f'<div class="held {kind}"><span class="tag {tag}">{said}</span>{listed}</div>'


def _influence_table(shown: Recommendation, state: RunState, media: Media) -> str:
    readings = paired(state.history, shown.influence)
    return influence_table(readings, media) if readings else '<p class="quiet">Not measured.</p>'


def _more(shown: Recommendation, state: RunState) -> str:
    """The way on to the Inspect tab, for a run that is kept."""
    if state.run is None:
        return ""
    return (
        f'<button type="button" class="sheet-more" data-measure="{text(shown.item_id)}" '
        f'data-run="{text(state.run.id)}">Measure more in Inspect</button>'
    )


def _prompt(shown: Recommendation) -> str:
    if not shown.prompt:
        return ""
    return (
        f'<section><div class="sheet-row"><h3>What the model read</h3><span class="quiet">{shown.tokens} tokens, '
        f'&lt;image&gt; stands for the picture</span><button type="button" data-copy>Copy</button></div>'
        f'<pre tabindex="0" aria-label="The exact prompt">{text(shown.prompt, 6_000)}</pre></section>'
    )
