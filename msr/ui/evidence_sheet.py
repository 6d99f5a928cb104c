"""All evidence of one result on one sheet; `studio.js` shows it in a dialog when the result is clicked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from msr.render.html import name, percent, points, text, thumb
from msr.schema import Evidence, Item, Recommendation
from msr.ui.media import Media
from msr.ui.run_state import View

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


@dataclass(frozen=True)
class Reading:
    """What taking one history item away did to one score; None where it was not measured."""

    item: Item
    regenerated: float | None
    direct: float | None

    @property
    def main(self) -> float:
        """The reading that a bar shows: the preference written anew, if there is one."""
        return self.regenerated if self.regenerated is not None else self.direct or 0.0


def paired(history: Sequence[Item], influence: Sequence[Evidence]) -> list[Reading]:
    """Both readings of every history item that has one, in the order of the history."""
    found = {(e.history_id, e.reading): e.delta for e in influence}
    pairs = [Reading(i, found.get((i.id, "regenerated")), found.get((i.id, "direct"))) for i in history]
    return [r for r in pairs if r.regenerated is not None or r.direct is not None]


def sheet(shown: Recommendation, item: Item, view: View, media: Media) -> str:
    """The source of a sheet, invisible where it stands."""
    described = view.summaries.get(shown.item_id)
    about = f"<p>{text(described.text)}</p>" if described else '<p class="quiet">Not described.</p>'
    reason = f"<p>{text(shown.rationale)}</p>" if shown.rationale else '<p class="quiet">No reason was written.</p>'
    return (
        f'<div hidden class="sheet-source" data-sheet="{text(shown.item_id)}"><header class="sheet-head">'
        f'<div class="sheet-picture">{thumb(item, media)}</div><div><p class="quiet">Rank {shown.rank}</p>'
        f'<h2 data-title="sheet">{name(item)}</h2><p class="sheet-score"><b>{percent(shown.score)}</b> '
        f"P(Yes) against P(No), read at the answer position</p></div></header>"
        f'<section><span class="tag model">model-written description</span>{about}</section>'
        f'<section><span class="tag model">model-written reason</span>{reason}{agreement(shown)}</section>'
        f'<section><span class="tag measured">measured influence</span>{_table(shown, view, media)}'
        f"{_more(shown, view)}</section>"
        f"{_prompt(shown)}</div>"
    )


def agreement(shown: Recommendation) -> str:
    """The reason held against the measurement, in plain words; nothing where there is nothing to say."""
    told = shown.agreement.sentences() if shown.agreement else []
    if not told:
        return ""
    kind, tag = ("agrees", "measured") if shown.agreement.whole else ("doubt", "unsure")
    said = "reason and measurement agree" if shown.agreement.whole else "reason against measurement"
    listed = "".join(f"<p>{text(sentence)}</p>" for sentence in told)
    return f'<div class="held {kind}"><span class="tag {tag}">{said}</span>{listed}</div>'


def _table(shown: Recommendation, view: View, media: Media) -> str:
    readings = paired(view.history, shown.influence)
    if not readings:
        return '<p class="quiet">Not measured.</p>'
    columns = [
        (heading, values)
        for heading, values in (
            ("preference written anew", [r.regenerated for r in readings]),
            ("text left as it is", [r.direct for r in readings]),
        )
        if any(value is not None for value in values)
    ]
    heads = "".join(f'<th scope="col">{heading}</th>' for heading, _ in columns)
    rows = "".join(
        f'<tr><th scope="row"><div>{thumb(r.item, media)}<span>{name(r.item)}</span></div></th>'
        + "".join(f"<td>{_cell(values[n])}</td>" for _, values in columns)
        + "</tr>"
        for n, r in enumerate(readings)
    )
    return (
        '<table class="influences"><caption>Points of P(Yes) that each history item adds, found by leaving it out'
        f'</caption><thead><tr><th scope="col">Without</th>{heads}</tr></thead><tbody>{rows}</tbody></table>'
    )


def _more(shown: Recommendation, view: View) -> str:
    """The way on to the Inspect tab, for a run that is kept."""
    if view.run is None:
        return ""
    return (
        f'<button type="button" class="sheet-more" data-measure="{text(shown.item_id)}" '
        f'data-run="{text(view.run.id)}">Measure more in Inspect</button>'
    )


def _cell(delta: float | None) -> str:
    if delta is None:
        return '<span class="quiet">–</span>'
    sign = "up" if delta >= 0.0005 else "down" if delta <= -0.0005 else "none"
    return f'<span class="delta {sign}">{points(delta)}</span>'


def _prompt(shown: Recommendation) -> str:
    if not shown.prompt:
        return ""
    return (
        f'<section><div class="sheet-row"><h3>What the model read</h3><span class="quiet">{shown.tokens} tokens, '
        f'&lt;image&gt; stands for the picture</span><button type="button" data-copy>Copy</button></div>'
        f'<pre tabindex="0" aria-label="The exact prompt">{text(shown.prompt, 6_000)}</pre></section>'
    )
