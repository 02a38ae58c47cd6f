"""The p-value scan: local p-values of all windows against the mass."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, NullLocator
from scipy import special

from novum.report.headline import Headline, calibrated_p, headline, judged
from novum.report.style import (
    Palette,
    Theme,
    axis_labels,
    legend_above,
    new_figure,
    settle,
    tag,
    theme_context,
)
from novum.report.words import interval, signed
from novum.search.records import WindowResult
from novum.search.result import SearchResult
from novum.statistics.pvalue import PValue

FLOOR = 1e-300  # below this a double underflows
_TOP = 3.0


def pvalue_scan(result: SearchResult, theme: Theme = "light") -> Figure:
    """Local p-value against window centre, of the selected and of the inclusive spectrum.

    Parameters
    ----------
    result : SearchResult
        The search; withheld windows are hatched, bounds carry an arrow downwards.
    theme : {"light", "dark"}
        Colours.

    Returns
    -------
    Figure
        One panel with guide lines for one-sided Gaussian significances.
    """
    result = judged(result)
    with theme_context(theme) as palette:
        figure = new_figure(4.3)
        ax = figure.subplots()
        ax.set_yscale("log")
        chosen = headline(result)
        best, calibration = chosen.best, result.calibration
        guides(ax, _bottom(result), palette)
        _withheld(ax, result.windows, palette)
        for window in result.windows:
            _point(ax, window, window.inclusive.p, palette.muted, thin=True)
        for window in result.windows:
            colour = palette.accent if window is best else palette.fit
            _point(ax, window, window.p, colour)
            _point(ax, window, calibrated_p(calibration, window), palette.second, marker="D")
        if best is not None:
            _highlight(ax, chosen, palette)
        spans = [w.window for w in result.windows]
        margin = 0.03 * (spans[-1].high - spans[0].low)
        ax.set_xlim(spans[0].low - margin, spans[-1].high + margin)
        axis_labels(ax, f"{result.config.get('mass', 'm')} [GeV]", "local p-value")
        _legend(ax, result, palette)
        tag(ax, palette)
        return settle(figure)


def _bottom(result: SearchResult) -> float:
    tests = [p for w in result.windows for p in (w.p, w.inclusive.p)]
    tests += [calibrated_p(result.calibration, w) for w in result.windows]
    return lowest_p(max(p.value, FLOOR) for p in tests if p is not None)


def lowest_p(values: Iterable[float]) -> float:
    """Lower end of an axis that shows these p-values, at least 3.6σ deep."""
    least = min(values, default=1.0)
    return float(max(min(least**1.18, special.ndtr(-3.6)), 1e-305))


def sigma_guides(bottom: float) -> list[tuple[int, float]]:
    """Whole σ and their one-sided p-values down to `bottom`, so few that they can be told apart."""
    deepest = -special.ndtri(bottom)
    step = 1 if deepest < 10 else 2 if deepest < 16 else 5
    return [(s, float(special.ndtr(-s))) for s in range(step, int(deepest) + 1, step)]


def guides(ax: Axes, bottom: float, palette: Palette) -> None:
    """Lines at whole σ, and a logarithmic axis of p-values down to `bottom`."""
    ax.set_ylim(bottom, _TOP)
    for sigma, p in sigma_guides(bottom):
        ax.axhline(p, color=palette.faint, lw=0.9, ls=(0, (5, 3)), zorder=0.5)
        ax.annotate(
            f"{sigma}σ", (1, p), xycoords=("axes fraction", "data"), xytext=(5, 0),
            textcoords="offset points", va="center", fontsize="small", color=palette.muted,
        )  # fmt: skip
    ax.yaxis.set_major_locator(LogLocator(numticks=8))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.tick_params(axis="y", which="both", right=False)


def _point(
    ax: Axes,
    window: WindowResult,
    p: PValue | None,
    colour: str,
    thin: bool = False,
    marker: str = "o",
) -> None:
    if p is None:
        return
    edges, y = window.window, max(p.value, FLOOR)
    bar = 1 if thin else 2
    ax.plot([edges.low, edges.high], [y, y], color=colour, lw=bar, zorder=2 + (not thin))
    size = 3 if thin else 6
    ax.plot(edges.center, y, marker, color=colour, markersize=size, zorder=3 + (not thin))
    if p.is_bound or p.value < FLOOR:
        ax.annotate(
            "", (edges.center, y), xytext=(0, -20), textcoords="offset points",
            arrowprops={"arrowstyle": "<|-", "color": colour, "lw": 1.4, "shrinkA": 0},
        )  # fmt: skip


def _withheld(ax: Axes, windows: tuple[WindowResult, ...], palette: Palette) -> None:
    centres = [w.window.center for w in windows]
    middles = [(a + b) / 2 for a, b in pairwise(centres)]
    bounds = [windows[0].window.low, *middles, windows[-1].window.high]
    flags = np.array([False, *(w.p is None for w in windows), False]).astype(int)
    starts, ends = np.flatnonzero(np.diff(flags) == 1), np.flatnonzero(np.diff(flags) == -1)
    for start, end in zip(starts, ends, strict=True):
        low, high = bounds[start], bounds[end]
        ax.axvspan(
            low, high, facecolor="none", edgecolor=palette.faint, hatch="////", lw=0, zorder=0.6
        )
        fraction = (high - low) / (bounds[-1] - bounds[0])
        ax.text(
            (low + high) / 2, 0.42, "withheld", transform=ax.get_xaxis_transform(),
            ha="center", va="center", rotation=0 if fraction > 0.22 else 90, fontsize="small",
            color=palette.muted,
            bbox={"facecolor": palette.paper, "edgecolor": "none", "pad": 1.5},
        )  # fmt: skip


def _highlight(ax: Axes, chosen: Headline, palette: Palette) -> None:
    best, calibrated = chosen.shown, chosen.calibrated
    p, z, name = best.p, best.z, "local z"
    if calibrated is not None:
        p, z, name = calibrated.p, calibrated.z_cal, "calibrated z"
    assert p is not None
    edges, y = best.window, max(p.value, FLOOR)
    ax.plot(
        edges.center, y, "o", markersize=12, markerfacecolor="none", zorder=5,
        markeredgecolor=palette.accent, markeredgewidth=1.4,
    )  # fmt: skip
    low, high = ax.dataLim.intervalx
    right_half = edges.center > (low + high) / 2
    at, side = (edges.low, "right") if right_half else (edges.high, "left")
    ax.annotate(
        f"{interval(edges.low, edges.high)} GeV\n{name} = {signed(z)}", (at, y),
        xytext=(-7 if right_half else 7, 0), textcoords="offset points", ha=side, va="center",
        fontsize="small", color=palette.accent, zorder=6, parse_math=False,
        bbox={"facecolor": palette.paper, "edgecolor": "none", "pad": 1, "alpha": 0.85},
    )  # fmt: skip


def _legend(ax: Axes, result: SearchResult, palette: Palette) -> None:
    handles: list[Artist] = [
        Line2D([], [], marker="o", color=palette.fit, ms=6, lw=2, label="selected (on/off)"),
        Line2D([], [], marker="o", color=palette.muted, ms=3, lw=1, label="inclusive"),
    ]
    if result.calibration is not None:
        handles[0].set_label("on/off")
        handles.insert(
            1,
            Line2D([], [], marker="D", color=palette.second, ms=6, lw=2, label="calibrated"),
        )
    if any(w.p is None for w in result.windows):
        handles.append(
            Patch(label="withheld", facecolor="none", edgecolor=palette.muted, hatch="////", lw=0.5)
        )
    legend_above(ax, handles)
