"""One function per figure: a record and a theme in, a matplotlib `Figure` out."""

from __future__ import annotations

import math

import mplhep
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from novum.report.calibration_figure import calibration
from novum.report.display_figure import displays
from novum.report.scan_figure import pvalue_scan
from novum.report.spectrum_figure import spectrum
from novum.report.stability_figure import stability
from novum.report.style import (
    Palette,
    Theme,
    new_figure,
    settle,
    tag,
    theme_context,
    write,
)
from novum.report.template_figure import template
from novum.report.validation_figure import validation
from novum.report.words import clean
from novum.search.records import EvaluationRecord, FeatureRecord, WindowResult

__all__ = [
    "MOST_FEATURES",
    "calibration",
    "displays",
    "evaluation",
    "features",
    "pvalue_scan",
    "spectrum",
    "stability",
    "template",
    "validation",
]

MOST_FEATURES = 24


def features(window: WindowResult, theme: Theme = "light") -> Figure:
    """Densities of the features in the signal region, selected against rejected events.

    Parameters
    ----------
    window : WindowResult
        The window to show; at most `MOST_FEATURES` of its features are drawn.
    theme : {"light", "dark"}
        Colours.

    Returns
    -------
    Figure
        Small multiples on a common layout.

    Raises
    ------
    ValueError
        If the window has no feature records.
    """
    shown = window.features[:MOST_FEATURES]
    if not shown:
        raise ValueError("the window has no feature records")
    columns = 1 if len(shown) == 1 else 2 if len(shown) <= 8 else 3
    rows = math.ceil(len(shown) / columns)
    with theme_context(theme) as palette:
        figure = new_figure(0.4 + 2.05 * rows)
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for ax, record in zip(axes, shown, strict=False):
            _feature(ax, record, palette, narrow=columns == 3)
        for ax in axes[len(shown) :]:
            ax.set_axis_off()
        handles = axes[0].get_legend_handles_labels()[0][::-1]
        figure.legend(handles=handles, loc="outside upper left", ncols=2, borderaxespad=0)
        tag(axes[columns - 1], palette)
        return settle(figure)


def _feature(ax: Axes, record: FeatureRecord, palette: Palette, narrow: bool) -> None:
    edges = np.asarray(record.edges)
    selected, rejected = np.nan_to_num(record.selected), np.nan_to_num(record.rejected)
    mplhep.histplot(
        rejected, edges, ax=ax, histtype="fill", flow="none",
        color=palette.faint, label="rejected in the SR",
    )  # fmt: skip
    mplhep.histplot(
        selected, edges, ax=ax, histtype="step", flow="none",
        color=palette.accent, linewidth=1.6, label="selected in the SR",
    )  # fmt: skip
    ax.set_xlim(edges[0], edges[-1])
    ax.set_ylim(0, 1.12 * max(*selected, *rejected, 1e-12))
    ax.xaxis.set_major_locator(MaxNLocator(2 if narrow else 4))
    ax.yaxis.set_major_locator(MaxNLocator(3))
    ax.ticklabel_format(scilimits=(-3, 4), useMathText=True)
    ax.set_xlabel(clean(record.name, 17 if narrow else 25), parse_math=False, fontsize="small")
    ax.set_ylabel("density", fontsize="small")


def evaluation(record: EvaluationRecord, theme: Theme = "light") -> Figure:
    """Significance improvement ε_S/√ε_B against ε_B, from truth labels.

    Parameters
    ----------
    record : EvaluationRecord
        Already cut to the points where at least 25 background events pass.
    theme : {"light", "dark"}
        Colours.

    Returns
    -------
    Figure
        One panel with a logarithmic ε_B axis, titled "truth level".
    """
    eps_b, sic = np.asarray(record.eps_b), np.asarray(record.sic)
    with theme_context(theme) as palette:
        figure = new_figure(3.7)
        ax = figure.subplots()
        ax.set_xscale("log")
        ax.axhline(1, color=palette.muted, lw=0.9, ls="--")
        if len(eps_b):
            ax.plot(eps_b, sic, color=palette.fit)
            top = int(np.argmax(sic))
            ax.plot(eps_b[top], sic[top], "o", color=palette.accent, markersize=6)
            ax.set_ylim(0, 1.25 * max(sic[top], 1))
            side, offset = ("right", -9) if eps_b[top] > 0.05 else ("left", 9)
            ax.annotate(
                rf"max {sic[top]:.3g} at $\varepsilon_B$ = {eps_b[top]:.2g}",
                (eps_b[top], sic[top]), xytext=(offset, 6), textcoords="offset points",
                ha=side, fontsize="small", color=palette.accent,
            )  # fmt: skip
        else:
            note = "nowhere do 25 background events pass"
            write(ax, 0.5, 0.5, note, ha="center", color=palette.muted)
        ax.set_xlabel(r"background efficiency $\varepsilon_B$")
        ax.set_ylabel(r"SIC = $\varepsilon_S/\sqrt{\varepsilon_B}$")
        write(ax, 0, 1.015, "truth level", va="bottom", weight="bold")
        tag(ax, palette)
        return settle(figure)
