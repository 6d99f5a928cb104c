"""Draw the plots of experiments: means with intervals at named places, and shares over steps.

Figures are made without `pyplot`, so no state is shared and no window system is needed.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

Interval = Mapping[str, float]  # "mean", "low", "high"

_COLOURS = ("#1f5fbf", "#c2571a", "#2e8540", "#7a3fa0", "#8a6d00", "#5b6770")  # each 4.5:1 or more on white
_APART = 0.06  # distance between the points of several lines at one position


@dataclass(frozen=True)
class Plot:
    """Lines of intervals over named positions of the x-axis.

    across, up: labels of the axes; lines: intervals by position, by line; levels: means that are drawn as dashed
    horizontal lines; joined: the points of a line are joined, because the x-axis has an order.
    """

    title: str
    across: str
    up: str
    lines: Mapping[str, Mapping[str, Interval]]
    levels: Mapping[str, float] = field(default_factory=dict)
    joined: bool = False

    def places(self) -> list[str]:
        """The positions of the x-axis, in the order in which the lines name them."""
        return list(dict.fromkeys(place for points in self.lines.values() for place in points))


def intervals(plot: Plot) -> Figure:
    """Draw a plot: points with intervals for the lines, and a dashed horizontal line for each level."""
    figure, axes = _figure(plot.title, plot.across)
    places = plot.places()
    for n, (name, points) in enumerate(plot.lines.items()):
        shift = (n - (len(plot.lines) - 1) / 2) * _APART
        means = [point["mean"] for point in points.values()]
        axes.errorbar(
            [places.index(place) + shift for place in points],
            means,
            [
                [point["mean"] - point["low"] for point in points.values()],
                [point["high"] - point["mean"] for point in points.values()],
            ],
            fmt="-o" if plot.joined else "o",
            capsize=4,
            color=_COLOURS[n % len(_COLOURS)],
            label=textwrap.fill(name, 26),
        )
    for n, (name, value) in enumerate(plot.levels.items(), start=len(plot.lines)):
        axes.axhline(value, linestyle="--", color=_COLOURS[n % len(_COLOURS)], label=textwrap.fill(name, 26))
    axes.set_xticks(range(len(places)), [textwrap.fill(place, max(8, 90 // len(places))) for place in places])
    axes.set_xlim(-0.5, len(places) - 0.5)
    axes.set_ylabel(plot.up)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return figure


def shares(title: str, across: str, steps: Sequence[str], curves: Mapping[str, Sequence[float | None]]) -> Figure:
    """Draw curves of shares in [0, 1] over named steps; None leaves a gap."""
    figure, axes = _figure(title, across)
    for n, (name, values) in enumerate(curves.items()):
        known = [float("nan") if value is None else value for value in values]
        axes.plot(range(len(steps)), known, "-o", color=_COLOURS[n % len(_COLOURS)], label=name)
    axes.set_xticks(range(len(steps)), steps)
    axes.set_ylim(-0.02, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return figure


def png(figure: Figure) -> bytes:
    """The figure as a PNG of 1000 by 572 pixels; the same bytes for the same figure."""
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def svg(figure: Figure) -> str:
    """The figure as SVG; the same text for the same figure."""
    file = io.StringIO()
    with rc_context({"svg.hashsalt": "msr", "svg.fonttype": "none"}):
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def _figure(title: str, across: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(10, 5.72), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left")
    axes.set_xlabel(across)
    axes.grid(axis="y", color="#dddddd")
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes
