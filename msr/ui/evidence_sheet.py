"""All evidence of one result on one sheet; `studio.js` shows it in a dialog when the result is clicked."""

from __future__ import annotations

from msr.render.html import influence_table, name, paired, percent, text, thumb
from msr.schema import Item, Recommendation
from msr.ui.media import Media
from msr.ui.run_state import RunState

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
        f'<section><span class="tag measured">measured influence</span>{_table(shown, state, media)}'
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


def _table(shown: Recommendation, state: RunState, media: Media) -> str:
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
