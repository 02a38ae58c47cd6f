"""Single anomalous events: what carries their scores, and how far they are from background."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from novum.report.outlier_figures import MOST_MARKED
from novum.report.style import Palette, Theme, new_figure, settle, tag, theme_context, write
from novum.report.words import clean, number
from novum.search.explained import QUANTILES, ExplainedEvent, Explanation, leading
from novum.search.records import Numbers

MOST_BARS = 6
MOST_ROWS = 12
_LINEAR = 4.0  # σ up to which the axis of values is linear
_TICKS = (-1000, -100, -10, -4, -2, -1, 0, 1, 2, 4, 10, 100, 1000)


def contribution_figure(explanation: Explanation, theme: Theme = "light") -> Figure:
    """Bars of the largest contributions, a panel for each of the first few events."""
    events = explanation.events[:MOST_MARKED]
    columns = min(2, len(events))
    rows = math.ceil(len(events) / columns)
    bars = min(MOST_BARS, len(explanation.pieces))
    with theme_context(theme) as palette:
        figure = new_figure(0.3 + (0.75 + 0.24 * bars) * rows)
        axes = figure.subplots(rows, columns, squeeze=False)
        for place, (ax, event) in enumerate(zip(axes.flat, events, strict=False)):
            _bars(ax, event, place, explanation, palette)
        for ax in axes.flat[len(events) :]:
            ax.set_axis_off()
        for ax in axes[-1]:
            ax.set_xlabel("contribution to the score", fontsize="small")
        write(
            axes[0, -1],
            1,
            1.17,
            "novum",
            ha="right",
            va="bottom",
            color=palette.muted,
            style="italic",
        )
        return settle(figure)


def _bars(
    ax: Axes, event: ExplainedEvent, place: int, explanation: Explanation, palette: Palette
) -> None:
    first = leading(event, MOST_BARS)
    values = [event.contributions[j] for j in first]
    colours = [palette.accent if v >= 0 else palette.hatch for v in values]
    at = np.arange(len(first))
    ax.barh(at, values, height=0.68, color=colours, lw=0)
    names = [clean(explanation.pieces[j].name, 15) for j in first]
    ax.set_yticks(at, names, fontsize="small", parse_math=False)
    ax.tick_params(axis="y", which="both", length=0)
    ax.tick_params(axis="x", labelsize="small")
    ax.set_ylim(len(first) - 0.4, -0.6)
    ax.xaxis.set_major_locator(MaxNLocator(3))
    ax.axvline(0, color=palette.muted, lw=0.9)
    write(ax, 0, 1.03, event_title(event, place), va="bottom", weight="bold")


def event_title(event: ExplainedEvent, place: int) -> str:
    """Number, score and p-value of an event that a figure shows."""
    return f"{place + 1}. score {number(event.score, 3)}, p {number(event.p_value, 2)}"


def value_figure(explanation: Explanation, theme: Theme = "light") -> Figure:
    """Values of the first few events beside the quantiles of background.

    Rows are the features that carry most of the scores drawn. Values count from the median, in
    half-widths of the central 68 %; logarithmic beyond 4.

    Raises
    ------
    ValueError
        If pieces have no values, as those of images.
    """
    events = explanation.events[:MOST_MARKED]
    if not events[0].values:
        raise ValueError("pixels have no values of their own")
    carried = np.sum([np.abs(e.contributions) for e in events], axis=0)
    first = np.argsort(-carried, kind="stable")[:MOST_ROWS]
    with theme_context(theme) as palette:
        figure = new_figure(1.1 + (0.26 + 0.075 * len(events)) * len(first))
        ax = figure.subplots()
        reached = [
            v
            for row, j in enumerate(first)
            for v in _value_row(ax, row, explanation.pieces[j].quantiles, events, int(j), palette)
        ]
        _value_axis(ax, reached)
        names = [clean(explanation.pieces[j].name, 20) for j in first]
        ax.set_yticks(range(len(first)), names, parse_math=False)
        ax.tick_params(axis="y", which="both", length=0)
        ax.set_ylim(len(first) - 0.4, -0.6)
        central = round(100 * (QUANTILES[-1] - QUANTILES[0]))
        write(ax, 0, 1.015, f"background: 68 % and {central} %", va="bottom", color=palette.muted)
        tag(ax, palette)
        return settle(figure)


def _value_row(
    ax: Axes,
    row: int,
    quantiles: Numbers,
    events: Sequence[ExplainedEvent],
    j: int,
    palette: Palette,
) -> list[float]:
    """Draw one feature; all places that are drawn."""
    low, inner_low, _, inner_high, high = ends = _scaled(quantiles, quantiles)
    ax.barh(row, high - low, 0.74, left=low, color=palette.faint, lw=0)
    ax.barh(row, inner_high - inner_low, 0.74, left=inner_low, color=palette.hatch, lw=0)
    ax.plot([0, 0], [row - 0.37, row + 0.37], color=palette.ink, lw=1.2)
    values = _scaled([event.values[j] for event in events], quantiles)
    heights = np.linspace(-0.27, 0.27, len(values)) if len(values) > 1 else [0.0]
    for place, (value, height) in enumerate(zip(values, heights, strict=True)):
        ax.plot(value, row + height, "o", ms=8.5, color=palette.accent, mec=palette.paper, mew=0.6)
        ax.text(
            value, row + height, str(place + 1), ha="center", va="center_baseline", fontsize=6.5,
            color=palette.paper, weight="bold",
        )  # fmt: skip
    return [*ends, *values]


def _value_axis(ax: Axes, reached: Sequence[float]) -> None:
    low, high = min(reached), max(reached)
    ax.set_xscale("symlog", linthresh=_LINEAR, linscale=1.6)
    margin = 0.3
    ax.set_xlim(
        *(
            v * (1 + margin) if abs(v) > _LINEAR else v + s * margin * 2
            for v, s in ((low, -1), (high, 1))
        )
    )
    ticks = [t for t in _TICKS if low <= t <= high]
    ax.set_xticks(ticks, [f"{t:g}".replace("-", "−") for t in ticks])
    ax.minorticks_off()
    ax.set_xlabel("distance from the median of background [σ]")


def _scaled(values: Sequence[float], quantiles: Numbers) -> list[float]:
    """Values counted from the median, in half-widths of the central 68 %."""
    low, lower, middle, upper, high = quantiles
    # Of a feature with few values the inner ones may all be the same.
    width = (upper - lower) / 2 or (high - low) / 4 or 1.0
    return [(value - middle) / width for value in values]
