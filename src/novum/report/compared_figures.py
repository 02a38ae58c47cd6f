"""Searches side by side: local p-values over the mass, and SIC curves."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from novum.report.compared import ComparedSearch, SearchComparison
from novum.report.scan_figure import FLOOR, guides, lowest_p
from novum.report.style import (
    Palette,
    Theme,
    axis_labels,
    looks,
    new_figure,
    settle,
    tag,
    theme_context,
)
from novum.report.words import clean

MOST_LEGEND = 30  # characters of a search's name
MARKERS = "osD^v"


def compared_pvalues(comparison: SearchComparison, theme: Theme = "light") -> Figure:
    """Local p-value against the centre of the window, all searches in one panel.

    Parameters
    ----------
    comparison : SearchComparison
        Windows without a p-value are left out.
    theme : {"light", "dark"}
        Colours.
    """
    with theme_context(theme) as palette:
        figure = new_figure(4.3)
        ax = figure.subplots()
        ax.set_yscale("log")
        found = [p.p.value for s in comparison.searches for p in s.scan if p.p is not None]
        guides(ax, lowest_p(max(p, FLOOR) for p in found), palette)
        for i, (search, colour, dashes) in enumerate(_styled(comparison, palette)):
            at = [(p.low + p.high) / 2 for p in search.scan]
            p = [np.nan if p.p is None else max(p.p.value, FLOOR) for p in search.scan]
            ax.plot(
                at, p, color=colour, ls=dashes, marker=MARKERS[i % len(MARKERS)], ms=6,
                label=clean(search.name, MOST_LEGEND), zorder=3,
            )  # fmt: skip
        edges = [edge for s in comparison.searches for p in s.scan for edge in (p.low, p.high)]
        ax.set_xlim(min(edges), max(edges))
        axis_labels(ax, "centre of the signal region [GeV]", "local p-value")
        _legend(ax)
        tag(ax, palette)
        return settle(figure)


def compared_sic(comparison: SearchComparison, theme: Theme = "light") -> Figure:
    """SIC against background efficiency, of the searches that have labels.

    Parameters
    ----------
    comparison : SearchComparison
        Curves end where 25 background events pass.
    theme : {"light", "dark"}
        Colours.
    """
    with theme_context(theme) as palette:
        figure = new_figure(4.3)
        ax = figure.subplots()
        ax.set_xscale("log")
        lowest, top = 0.1, 1.0
        for search, colour, dashes in _styled(comparison, palette):
            record = search.evaluation
            if record is None:
                continue
            quoted = [(b, s) for b, s in zip(record.eps_b, record.sic, strict=True) if b > 0]
            eps_b, sic = np.array(quoted, float).reshape(-1, 2).T
            ax.plot(eps_b, sic, color=colour, ls=dashes, label=clean(search.name, MOST_LEGEND))
            lowest, top = min([lowest, *eps_b]), max([top, *sic])
        diagonal = np.geomspace(lowest, 1, 50)
        ax.plot(diagonal, np.sqrt(diagonal), color=palette.muted, lw=0.9, ls=(0, (2, 2)))
        ax.set_xlim(lowest, 1)
        ax.set_ylim(0, 1.12 * top)
        ax.set_xlabel(r"background efficiency $\varepsilon_B$")
        ax.set_ylabel(r"SIC = $\varepsilon_S/\sqrt{\varepsilon_B}$")
        _legend(ax)
        tag(ax, palette)
        return settle(figure)


def _styled(
    comparison: SearchComparison, palette: Palette
) -> list[tuple[ComparedSearch, str, str]]:
    return [(s, *look) for s, look in zip(comparison.searches, looks(palette), strict=False)]


def _legend(ax: Axes) -> None:
    for text in ax.legend(loc="best").get_texts():
        text.set_parse_math(False)
