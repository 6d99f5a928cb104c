"""The ranked results: score, the reason that the model wrote, and the influence that was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msr.schema import Evidence, Item, Recommendation
from msr.ui.html import name, plain_name, text, thumb
from msr.ui.media import Media
from msr.ui.view import View

_SMALLEST_SCALE = 0.02  # two points: below that, bars would magnify noise


def results(view: View, catalogue: Mapping[str, Item], media: Media) -> str:
    """All result cards, placeholders while they are awaited."""
    if not view.recommendations:
        return _NOTHING if view.ended else f'<ol class="results" aria-busy="true">{_GHOST * 4}</ol>'
    scale = max([_SMALLEST_SCALE, *(abs(e.delta) for r in view.recommendations for e in r.influence)])
    cards = "".join(_card(r, catalogue, view, scale, media) for r in view.recommendations)
    return f'<ol class="results">{cards}</ol>{_legend(view, scale)}'


def _card(shown: Recommendation, catalogue: Mapping[str, Item], view: View, scale: float, media: Media) -> str:
    item = catalogue.get(shown.item_id) or Item(shown.item_id, shown.title or shown.item_id)
    described = view.summaries.get(shown.item_id)
    about = f'<p class="result-about"><bdi>{text(described.text)}</bdi></p>' if described else ""
    return (
        f'<li class="result"><div class="result-card"><div class="result-picture">{thumb(item, media)}'
        f'<span class="rank"><span class="sr-only">Rank </span>{shown.rank}</span></div>'
        f'<div class="result-main"><h3>{name(item)}</h3>{about}{_score(shown.score)}</div>'
        f'<div class="result-why">{_rationale(shown, view)}{_influence(shown, view, scale, media)}</div></div></li>'
    )


def _score(score: float) -> str:
    return (
        f'<p class="score" title="Probability of Yes against No: {score:.4f}"><b>{percent(score)}</b>'
        "<span>P(Yes)</span></p>"
        f'<span class="score-track" aria-hidden="true"><i style="width:{score:.1%}"></i></span>'
    )


def _rationale(shown: Recommendation, view: View) -> str:
    if shown.rationale:
        body = f'<p dir="auto">{text(shown.rationale)}</p>'
    elif view.ended:
        body = '<p class="quiet">No reason was written.</p>'
    else:
        body = '<p><span class="skeleton"></span><span class="skeleton"></span></p>'
    return f'<section class="rationale"><span class="tag model">model-written reason</span>{body}</section>'


def _influence(shown: Recommendation, view: View, scale: float, media: Media) -> str:
    readings = paired(view.history, shown.influence)
    if readings:
        columns = "".join(_column(r, scale, media) for r in readings)
        body = (
            f'<ol class="bars" style="--items:{len(readings)}">{columns}</ol><p class="said">{_strongest(readings)}</p>'
        )
    elif view.ended:
        body = '<p class="quiet">Not measured.</p>'
    else:
        body = '<p class="bars-awaited"><span class="skeleton"></span></p>'
    return f'<section class="influence"><span class="tag measured">measured influence</span>{body}</section>'


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


def _legend(view: View, scale: float) -> str:
    if not any(r.influence for r in view.recommendations):
        return ""
    return (
        '<p class="legend"><span class="tag measured">measured</span> Each bar is a history item: how many points of '
        "P(Yes) it adds (up) or takes away (down), found by leaving it out, writing the preference anew and scoring "
        "again. The dot is the same with the preference text left as it is. A full bar is "
        f"{points(scale).lstrip('+')} points. The model-written reason is a text, not a measurement.</p>"
    )


def percent(score: float) -> str:
    """A probability as people read it; the ends are not rounded to certainty."""
    if 0 < score < 0.001:
        return "< 0.1 %"
    if 0.999 < score < 1:
        return "> 99.9 %"
    return f"{score * 100:.1f} %"


def points(delta: float) -> str:
    """A signed difference of probabilities in percentage points."""
    return f"{delta * 100:+.1f}".replace("-", "−")


def _within(share: float) -> float:
    return max(-1.0, min(1.0, share))


_NOTHING = '<p class="awaited">Ranked items, each with its score, reason and influence, appear here.</p>'
_GHOST = (
    '<li class="result ghost" aria-hidden="true"><div class="result-card">'
    '<div class="result-picture"><span class="skeleton"></span></div>'
    '<div class="result-main"><span class="skeleton"></span><span class="skeleton"></span></div></div></li>'
)
