"""One evaluation as plots (a dot and its interval for each system) and as a table of all its metrics."""

from __future__ import annotations

from collections.abc import Sequence

from msr.results import Figure, Result, Row
from msr.ui.html import text

_LINE, _NAME, _WIDE, _FIGURE = 30, 190, 560, 150  # SVG units: row height, name column, plot, figures


EMPTY = """
<div class="awaited"><p><b>No evaluation found.</b></p><p>Write one with <code>python -m train eval --json FILE</code>
into the folder that <code>python app.py --results FOLDER</code> names, then press Look again.</p></div>
"""


def about(result: Result) -> str:
    parts = [f"<b>{text(result.dataset)}</b>"]
    if result.users is not None:
        parts.append(f"{result.users:,} users".replace(",", "\u202f"))
    parts.append(", ".join(text(kind) for kind in result.negatives) + " negatives")
    if result.seconds is not None:
        parts.append(f"{result.seconds:,.0f} s".replace(",", "\u202f"))
    return f'<p class="evaluation-about">{" · ".join(parts)} · bars are 95 % intervals</p>'


def plots(result: Result, metric: str) -> str:
    """A plot for each kind of negatives; all share their scale."""
    shown = [row for row in result.rows if metric in row.figures]
    if not shown:
        return '<p class="awaited">No system has this metric.</p>'
    ends = [v for row in shown for v in _ends(row.figures[metric])]
    low, high = min(0.5 if metric == "auc" else 0.0, *ends), max(*ends, 0.0)
    room = 0.04 * (high - low or 1)
    return "".join(
        _plot(kind, metric, [r for r in shown if r.negatives == kind], low - room * (low < 0), high + room)
        for kind in result.negatives
        if any(r.negatives == kind for r in shown)
    )


def _ends(figure: Figure) -> Sequence[float]:
    return [figure.mean, *(v for v in (figure.low, figure.high) if v is not None)]


def _plot(kind: str, metric: str, rows: Sequence[Row], low: float, high: float) -> str:
    rows = sorted(rows, key=lambda row: -row.figures[metric].mean)
    tall = _LINE * len(rows) + 34

    def at(value: float) -> float:
        return _NAME + (value - low) / ((high - low) or 1) * _WIDE

    ticks = "".join(
        f'<path class="grid" d="M{at(v):.1f} 4V{tall - 26}"/><text class="tick" x="{at(v):.1f}" y="{tall - 8}" '
        f'text-anchor="middle">{v:.2f}</text>'
        for v in (low + (high - low) * share for share in (0, 0.25, 0.5, 0.75, 1))
    )
    body = "".join(_system(row, row.figures[metric], 19 + _LINE * n, at) for n, row in enumerate(rows))
    spoken = "; ".join(f"{row.system} {_said(row.figures[metric])}" for row in rows)
    return (
        f'<figure class="plot" tabindex="0"><figcaption>{text(metric.upper())}, {text(kind)} negatives</figcaption>'
        f'<svg viewBox="0 0 {_NAME + _WIDE + _FIGURE} {tall}" role="img" aria-label="{text(spoken)}">'
        f"{ticks}{body}</svg></figure>"
    )


def _system(row: Row, figure: Figure, y: int, at) -> str:
    kind = "baseline" if row.baseline else "system"
    name = row.system if len(row.system) <= 26 else f"{row.system[:25]}…"
    bar = ""
    if figure.low is not None and figure.high is not None:
        bar = f'<path class="interval" d="M{at(figure.low):.1f} {y}H{at(figure.high):.1f}"/>'
    return (
        f'<g class="{kind}"><text x="{_NAME - 14}" y="{y + 4}" text-anchor="end">{text(name)}</text>{bar}'
        f'<circle cx="{at(figure.mean):.1f}" cy="{y}" r="5"/>'
        f'<text class="figure" x="{_NAME + _WIDE + 14}" y="{y + 4}">{_said(figure)}</text></g>'
    )


def table(result: Result) -> str:
    head = "".join(f'<th scope="col" class="number">{text(metric)}</th>' for metric in result.metrics)
    rows = "".join(
        f'<tr class="{"baseline" if row.baseline else "system"}"><th scope="row">{text(row.system)}</th>'
        f"<td>{text(row.negatives)}</td>{''.join(_cell(row.figures.get(m)) for m in result.metrics)}</tr>"
        for row in result.rows
    )
    return (
        f'<div class="evaluation-table" tabindex="0" role="region" aria-label="All figures"><table><thead><tr>'
        f'<th scope="col">System</th><th scope="col">Negatives</th>{head}</tr></thead><tbody>{rows}</tbody></table>'
        "</div>"
    )


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return '<td class="number quiet">–</td>'
    interval = "" if figure.low is None or figure.high is None else f"<small>{figure.low:.3f}–{figure.high:.3f}</small>"
    return f'<td class="number">{figure.mean:.3f}{interval}</td>'


def _said(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return f"{figure.mean:.3f}"
    return f"{figure.mean:.3f} [{figure.low:.3f}, {figure.high:.3f}]"
