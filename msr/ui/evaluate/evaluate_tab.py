"""The Evaluate tab: choose an evaluation and a metric, and see plots and a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from msr import results
from msr.render.html import text
from msr.results import Figure, Result, Row
from msr.ui.parts import QUICK, heading, html
from msr.ui.studio import Studio

_MOST = 5  # most steps of a scale, so that the labels fit on a phone
_LEAST = 0.01  # shortest scale, since a shorter one would magnify noise
_SLACK = 1e-9  # tolerance in steps, so that 0.1 + 0.2 counts as 0.3


@dataclass(frozen=True)
class Scale:
    """A plot's scale: at least two evenly spaced ticks, and the number of decimals that distinguishes them."""

    ticks: tuple[float, ...]
    decimals: int

    @classmethod
    def over(cls, low: float, high: float) -> Scale:
        """The shortest scale from `low` to `high` with at most five steps of 1, 2 or 5 times a power of ten."""
        high = max(high, low + _LEAST)
        power = math.floor(math.log10(high - low)) - 1
        while True:
            for step in (digit * 10.0**power for digit in (1, 2, 5)):
                first, last = math.floor(low / step + _SLACK), math.ceil(high / step - _SLACK)
                if last - first <= _MOST:
                    return cls(tuple(n * step for n in range(first, last + 1)), max(0, -power))
            power += 1

    def at(self, value: float, left: bool = True) -> str:
        """The position of a value, as a percentage of the width from the left or right end."""
        share = (value - self.ticks[0]) / (self.ticks[-1] - self.ticks[0])
        return f"{100 * (share if left else 1 - share):.2f}%"


_KINDS = {
    "uniform": "uniform negatives",
    "popularity": "negatives by popularity",
    "hard": "hard negatives",
    "all": "the full catalogue",
}
EMPTY = """
<div class="awaited"><p><b>No evaluation found.</b></p><p>Write one with <code>python -m train eval --json FILE</code>
into the folder that <code>python app.py --results FOLDER</code> names, then press Look again.</p></div>
"""


def about(result: Result) -> str:
    """One line about an evaluation: data set, users, negatives, duration."""
    parts = [f"<b>{text(result.dataset)}</b>"]
    if result.users is not None:
        parts.append(f"{result.users:,} users".replace(",", "\u202f"))
    parts.append(", ".join(_of(kind) for kind in result.negatives))
    if result.seconds is not None:
        parts.append(f"{result.seconds:,.0f} s".replace(",", "\u202f"))
    return f'<p class="evaluation-about">{" · ".join(parts)} · bars are 95 % intervals</p>'


def plots(result: Result, metric: str) -> str:
    """A plot of one metric for each kind of negatives, all with the same scale."""
    shown = [row for row in result.rows if metric in row.figures]
    if not shown:
        return '<p class="awaited">No system has this metric.</p>'
    ends = [v for row in shown for v in _ends(row.figures[metric])]
    scale = Scale.over(min(0.5 if metric == "auc" else 0.0, *ends), max(*ends, 0.0))
    return "".join(
        _plot(kind, metric, [r for r in shown if r.negatives == kind], scale)
        for kind in result.negatives
        if any(r.negatives == kind for r in shown)
    )


def _of(kind: str) -> str:
    """The name of a kind of negatives, or of a part of an experiment."""
    return _KINDS.get(kind) or text(kind)


def _ends(figure: Figure) -> Sequence[float]:
    return [figure.mean, *(v for v in (figure.low, figure.high) if v is not None)]


def _plot(kind: str, metric: str, rows: Sequence[Row], scale: Scale) -> str:
    """One plot; the style sheet decides whether names are beside or above the bars."""
    best_first = sorted(rows, key=lambda row: -row.figures[metric].mean)
    ticks = "".join(f'<span style="left:{scale.at(tick)}">{tick:.{scale.decimals}f}</span>' for tick in scale.ticks)
    systems = "".join(_system(row, row.figures[metric], scale) for row in best_first)
    return (
        f'<figure class="plot" style="--step:{scale.at(scale.ticks[1])}">'
        f"<figcaption>{text(metric.upper())}, {_of(kind)}</figcaption><ol>{systems}</ol>"
        f'<p class="ticks" aria-hidden="true">{ticks}</p></figure>'
    )


def _system(row: Row, figure: Figure, scale: Scale) -> str:
    bar = ""
    if figure.low is not None and figure.high is not None:
        bar = f'<i class="interval" style="left:{scale.at(figure.low)};right:{scale.at(figure.high, left=False)}"></i>'
    return (
        f'<li class="{"baseline" if row.baseline else "system"}"><span class="plot-name">{text(row.system)}</span>'
        f'<span class="track" aria-hidden="true">{bar}<i class="mean" style="left:{scale.at(figure.mean)}"></i></span>'
        f'<span class="number">{_said(figure)}</span></li>'
    )


def table(result: Result) -> str:
    """All metrics of an evaluation as a table."""
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


def build(studio: Studio, page: gr.Blocks) -> None:
    """Build the tab. The folders are read when the page opens and when Look again is pressed."""

    def found() -> tuple[results.Result, ...]:
        return results.load(studio.results)

    def look(chosen: Any, metric: Any) -> tuple[Any, ...]:
        """The evaluations to choose from. The choice stays if it still exists."""
        known = found()
        names = [(f"{r.dataset} · {r.name}", r.name) for r in known]
        name = chosen if chosen in [r.name for r in known] else known[0].name if known else None
        return gr.update(choices=names, value=name), *show(name, metric)

    def change_metric(chosen: Any, metric: Any) -> tuple[Any, ...]:
        return metric, *show(chosen, metric)

    def show(chosen: Any, metric: Any) -> tuple[Any, ...]:
        result = next((r for r in found() if r.name == chosen), None)
        if result is None:
            return gr.update(choices=[], value=None), EMPTY, "", ""
        metric = metric if metric in result.metrics else result.metrics[0]
        choices = gr.update(choices=list(result.metrics), value=metric)
        return choices, about(result), plots(result, metric), table(result)

    with gr.Column(elem_id="evaluate", min_width=0):
        heading("Evaluate", "How well systems rank, with intervals over users and beside simple baselines.")
        with gr.Row(elem_id="evaluate-choice"):
            chosen = gr.Dropdown([], label="Evaluation", elem_id="evaluation")
            metric = gr.Dropdown([], label="Metric", elem_id="metric")
            again = gr.Button("Look again", size="sm", elem_id="look-again", min_width=90)
        line = html("", elem_id="evaluation-line")
        plot = html("", elem_id="evaluation-plots")
        values = html("", elem_id="evaluation-all")

    # The metric chosen last. The dropdown cannot hold it, since Gradio refuses a value outside the choices, and another
    # evaluation may have other metrics.
    asked = gr.State()
    shown = [metric, line, plot, values]
    page.load(look, [chosen, asked], [chosen, *shown], **QUICK)
    again.click(look, [chosen, asked], [chosen, *shown], **QUICK)
    chosen.input(show, [chosen, asked], shown, **QUICK)
    metric.input(change_metric, [chosen, metric], [asked, *shown], **QUICK)
