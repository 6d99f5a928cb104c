"""All evidence of one result on one sheet; `studio.js` shows it in a dialog when the result is clicked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from msr import claims
from msr.schema import Evidence, Item, Recommendation
from msr.ui.html import name, percent, points, text, thumb
from msr.ui.media import Media
from msr.ui.view import View

DIALOG = """
<dialog id="sheet" aria-labelledby="sheet-title"><button type="button" class="sheet-close" data-close="sheet"
aria-label="Close the evidence">Close</button><div id="sheet-body"></div></dialog>
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
        f'<section><span class="tag model">model-written reason</span>{reason}{_doubt(shown, view)}</section>'
        f'<section><span class="tag measured">measured influence</span>{_table(shown, view, media)}</section>'
        f"{_prompt(shown)}</div>"
    )


def _doubt(shown: Recommendation, view: View) -> str:
    """Says so where the reason names something whose removal changes nothing."""
    words = claims.unmoved(shown.rationale, view.history, view.summaries, shown.influence)
    if not words:
        return ""
    listed = ", ".join(f"“{word}”" for word in words)
    return (
        f'<p class="doubt"><span class="tag unsure">not supported</span> The reason names {text(listed)}; leaving out '
        "each history item described so moves the score by less than half a point.</p>"
    )


def _table(shown: Recommendation, view: View, media: Media) -> str:
    readings = paired(view.history, shown.influence)
    if not readings:
        return '<p class="quiet">Not measured.</p>'
    rows = "".join(
        f'<tr><th scope="row">{thumb(r.item, media)}<span>{name(r.item)}</span></th>'
        f"<td>{_cell(r.regenerated)}</td><td>{_cell(r.direct)}</td></tr>"
        for r in readings
    )
    return (
        '<table class="influences"><caption>Points of P(Yes) that each history item adds, found by leaving it out'
        '</caption><thead><tr><th scope="col">Without</th><th scope="col">preference written anew</th>'
        f'<th scope="col">text left as it is</th></tr></thead><tbody>{rows}</tbody></table>'
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
