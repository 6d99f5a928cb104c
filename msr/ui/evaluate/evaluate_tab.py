"""The Evaluate tab: choose an evaluation and a metric, and see plots and a table."""

from __future__ import annotations

from typing import Any

import gradio as gr

from msr import results
from msr.ui.evaluate import charts
from msr.ui.parts import QUICK, heading, html
from msr.ui.studio import Studio


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
            return gr.update(choices=[], value=None), charts.EMPTY, "", ""
        metric = metric if metric in result.metrics else result.metrics[0]
        choices = gr.update(choices=list(result.metrics), value=metric)
        return choices, charts.about(result), charts.plots(result, metric), charts.table(result)

    with gr.Column(elem_id="evaluate", min_width=0):
        heading("Evaluate", "How well systems rank, with intervals over users and beside simple baselines.")
        with gr.Row(elem_id="evaluate-choice"):
            chosen = gr.Dropdown([], label="Evaluation", elem_id="evaluation")
            metric = gr.Dropdown([], label="Metric", elem_id="metric")
            again = gr.Button("Look again", size="sm", elem_id="look-again", min_width=90)
        line = html("", elem_id="evaluation-line")
        plot = html("", elem_id="evaluation-plots")
        table = html("", elem_id="evaluation-all")

    # The metric chosen last. The dropdown cannot hold it, since Gradio refuses a value outside the choices, and another
    # evaluation may have other metrics.
    asked = gr.State()
    shown = [metric, line, plot, table]
    page.load(look, [chosen, asked], [chosen, *shown], **QUICK)
    again.click(look, [chosen, asked], [chosen, *shown], **QUICK)
    chosen.input(show, [chosen, asked], shown, **QUICK)
    metric.input(change_metric, [chosen, metric], [asked, *shown], **QUICK)
