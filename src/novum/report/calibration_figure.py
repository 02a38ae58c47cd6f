"""The largest significance of the search among those of retrained null searches."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

from novum.report.style import (
    Palette,
    Theme,
    axis_labels,
    legend_above,
    new_figure,
    settle,
    tag,
    theme_context,
    write,
)
from novum.report.words import number, signed
from novum.search.calibration_records import CalibratedScan

MOST_BINS = 40


def calibration(scan: CalibratedScan, theme: Theme = "light") -> Figure:
    """Histogram of T = max z_cal of the null searches, and T of the search.

    Parameters
    ----------
    scan : CalibratedScan
        The search among its null searches.
    theme : {"light", "dark"}
        Colours.

    Returns
    -------
    Figure
        One panel; the curve is the extrapolation beyond the null searches.
    """
    with theme_context(theme) as palette:
        figure = new_figure(3.6)
        ax = figure.subplots()
        edges = _edges(scan)
        counts = ax.hist(
            scan.t_null, bins=list(edges), color=palette.faint, label="null searches",
        )[0]  # fmt: skip
        top = max(float(np.max(counts, initial=0)), 1.0)
        if scan.effective_windows is not None:
            top = max(top, _curve(ax, scan, edges, scan.effective_windows, palette))
        ax.set_ylim(0, 1.3 * top)
        ax.set_xlim(edges[0], edges[-1])
        if scan.t_observed is not None:
            _observed(ax, scan.t_observed, palette)
        axis_labels(ax, "largest calibrated significance T", "null searches")
        legend_above(ax, ax.get_legend_handles_labels()[0])
        tag(ax, palette)
        return settle(figure)


def _edges(scan: CalibratedScan) -> np.ndarray:
    values = [*scan.t_null, *(() if scan.t_observed is None else (scan.t_observed,))] or [0.0]
    low, high = min(values), max(values)
    margin = 0.06 * max(high - low, 1.0)
    spread = [min(scan.t_null, default=low), max(scan.t_null, default=high)]
    width = max(spread[1] - spread[0], 1.0) / max(6, min(22, round(len(scan.t_null) ** 0.5)))
    n = int(min(np.ceil((high - low + 2 * margin) / width), MOST_BINS))
    return np.linspace(low - margin, high + margin, n + 1)


def _curve(ax: Axes, scan: CalibratedScan, edges: np.ndarray, n: float, palette: Palette) -> float:
    t = np.linspace(edges[0], edges[-1], 400)
    log_density = np.log(n) + stats.norm.logpdf(t) + (n - 1) * stats.norm.logcdf(t)
    curve = len(scan.t_null) * (edges[1] - edges[0]) * np.exp(log_density)
    label = f"extrapolation, {number(n, 2)} effective windows"
    ax.plot(t, curve, color=palette.fit, lw=1.4, label=label)
    return float(curve.max())


def _observed(ax: Axes, t: float, palette: Palette) -> None:
    ax.axvline(t, color=palette.accent, lw=1.8)
    low, high = ax.get_xlim()
    right = t > (low + high) / 2
    text = write(
        ax, t, 0.93, f"T = {signed(t)}", transform=ax.get_xaxis_transform(), va="top",
        ha="right" if right else "left", color=palette.accent, weight="bold",
    )  # fmt: skip
    text.set_text(f"this search: T = {signed(t)} " if right else f" this search: T = {signed(t)}")
