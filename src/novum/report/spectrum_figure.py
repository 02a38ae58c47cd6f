"""The mass spectrum before and after the selection, with its masked fits and pulls."""

from __future__ import annotations

from dataclasses import dataclass

import mplhep
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from novum.report.headline import headline
from novum.report.style import (
    Palette,
    Theme,
    axis_labels,
    new_figure,
    settle,
    tag,
    theme_context,
    write,
)
from novum.report.words import interval
from novum.search.records import WindowResult
from novum.search.result import SearchResult

Values = NDArray[np.float64]
MOST_BINS = 60


@dataclass(frozen=True)
class Histogram:
    """Counts and expectation in merged bins; `fitted` marks those inside the fit range."""

    edges: Values
    counts: Values
    expected: Values
    fitted: NDArray[np.bool_]

    @property
    def widths(self) -> Values:
        """Bin widths [GeV]."""
        return np.diff(self.edges)

    @property
    def equal(self) -> bool:
        """Whether all bins have one width."""
        return bool(np.allclose(self.widths, self.widths[0], rtol=1e-6))

    @property
    def scale(self) -> Values:
        """What counts are divided by for display: 1, or the widths where those differ."""
        return np.ones_like(self.widths) if self.equal else self.widths

    @property
    def label(self) -> str:
        """Label of the axis of counts."""
        return f"Events / {self.widths[0]:.4g} GeV" if self.equal else "Events / GeV"


def spectrum(
    result: SearchResult, window: WindowResult | None = None, theme: Theme = "light"
) -> Figure:
    """Spectrum before and after the selection with masked fits, and the pulls after it.

    Parameters
    ----------
    result : SearchResult
        The search.
    window : WindowResult, optional
        Default: the best window, or the first one where every window is withheld.
    theme : {"light", "dark"}
        Colours.

    Returns
    -------
    Figure
        Three panels on one mass axis. Neighbouring bins are merged to at most about
        `MOST_BINS`.
    """
    window = window or headline(result).shown
    after, fit_label = selected_expectation(result, window)
    before = merged(result, result.spectrum.counts, window.fit.expected)
    selected = merged(result, window.selected_counts, after)
    with theme_context(theme) as palette:
        figure = new_figure(7.2)
        axes = figure.subplots(3, 1, sharex=True, height_ratios=(3, 3, 1.5))
        p = f"masked fit (p = {window.fit.p_value:.2g})"
        _counts(axes[0], before, palette, "all events", p)
        _counts(axes[1], selected, palette, "selected events", fit_label)
        _pulls(axes[2], selected, palette)
        for ax in axes:
            _shade(ax, window, palette)
        shown = before.fitted | (before.counts > 0)
        axes[2].set_xlim(before.edges[:-1][shown].min(), before.edges[1:][shown].max())
        _region_names(axes[0], window, palette)
        axis_labels(axes[2], f"{result.config.get('mass', 'm')} [GeV]", "pull")
        tag(axes[0], palette)
        return settle(figure)


def selected_expectation(
    result: SearchResult, window: WindowResult
) -> tuple[tuple[float, ...], str]:
    """Expectation per bin after the selection, and what it is.

    The masked fit of the selected spectrum where there is one; else the inclusive fit scaled so
    that it gives the on/off expectation in the signal region.
    """
    if window.shape_fit is not None:
        return window.shape_fit.expected, f"masked fit (p = {window.shape_fit.p_value:.2g})"
    scale = window.counts.n_off / window.counts.n_sb if window.counts.n_sb else 0.0
    return tuple(scale * e for e in window.fit.expected), "inclusive fit, scaled"


def merged(
    result: SearchResult, counts: tuple[float, ...], expected: tuple[float, ...]
) -> Histogram:
    """Counts and expectation in bins merged for display to at most about `MOST_BINS`."""
    edges = np.asarray(result.spectrum.edges, dtype=np.float64)
    low, high = result.spectrum.fit_range
    inside = (edges[:-1] >= low * (1 - 1e-9)) & (edges[1:] <= high * (1 + 1e-9))
    n, step = len(edges) - 1, max(1, -(-int(inside.sum()) // MOST_BINS))
    first, last = (int(inside.argmax()), n - int(inside[::-1].argmax())) if inside.any() else (0, n)
    starts = np.unique([*range(first % step, n, step), 0, first, *([last] if last < n else [])])
    expected_sum = np.add.reduceat(np.asarray(expected, dtype=np.float64), starts)
    return Histogram(
        edges=np.append(edges[starts], edges[-1]),
        counts=np.add.reduceat(np.asarray(counts, dtype=np.float64), starts),
        expected=expected_sum,
        fitted=(starts >= first) & (starts < last) & (expected_sum > 0),
    )


def _counts(ax: Axes, h: Histogram, palette: Palette, title: str, fit_label: str) -> None:
    scale = h.scale
    filled = h.counts > 0
    expected = np.where(h.fitted, h.expected / scale, np.nan)
    ax.set_yscale("log")
    mplhep.histplot(
        np.where(filled, h.counts / scale, np.nan), h.edges, yerr=np.sqrt(h.counts) / scale,
        ax=ax, histtype="errorbar", flow="none", color=palette.data, markersize=5,
        elinewidth=1, label=title,
    )  # fmt: skip
    ax.stairs(expected, h.edges, color=palette.fit, lw=1.6, baseline=None, label=fit_label)
    values = (h.counts / scale)[filled]
    if len(values):
        ax.set_ylim(values.min() / 3, values.max() * 6)
    axis_labels(ax, y=h.label)
    ax.legend(loc="upper right")


def _pulls(ax: Axes, h: Histogram, palette: Palette) -> None:
    pull = np.full(len(h.counts), np.nan)
    good = h.fitted
    pull[good] = (h.counts[good] - h.expected[good]) / np.sqrt(h.expected[good])
    limit = max(3.5, 1.15 * float(np.nanmax(np.abs(pull), initial=0.0)))
    ax.axhline(0, color=palette.muted, lw=0.9)
    for level in (-2, 2):
        ax.axhline(level, color=palette.faint, lw=0.9, ls=(0, (5, 3)))
    ax.stairs(np.nan_to_num(pull), h.edges, fill=True, color=palette.fit, alpha=0.75)
    ax.set_ylim(-limit, limit)


def _shade(ax: Axes, window: WindowResult, palette: Palette) -> None:
    edges = window.window
    ax.axvspan(edges.low, edges.high, color=palette.accent, alpha=0.2, lw=0, zorder=0)
    for low, high in edges.sidebands:
        ax.axvspan(low, high, color=palette.second, alpha=0.12, lw=0, zorder=0)


def _region_names(ax: Axes, window: WindowResult, palette: Palette) -> None:
    name = f"SR {interval(window.window.low, window.window.high)} GeV"
    first = write(ax, 0, 1.015, name, va="bottom", weight="bold", color=palette.accent)
    ax.annotate(
        "sidebands", (1, 0), xycoords=first, xytext=(12, 0), textcoords="offset points",
        va="bottom", weight="bold", fontsize="small", color=palette.second,
    )  # fmt: skip
