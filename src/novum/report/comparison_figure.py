"""Methods side by side: ROC and SIC curves with their 68 % bands, and the files they go to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from novum.evaluation import Comparison
from novum.evaluation.records import EVALUATION_FILE, Estimate, MassCut, Method
from novum.io.atomic import atomic_folder, make_folder, write_bytes, write_text
from novum.report.style import (
    Palette,
    Theme,
    looks,
    new_figure,
    settle,
    tag,
    theme_context,
    to_bytes,
    write,
)
from novum.report.words import clean

FloatArray = NDArray[np.float64]

FIGURE_FOLDER = "figures"
MOST_LEGEND = 30  # characters of a method's name
TOO_FEW = "nowhere do 25 background events pass"


def roc(comparison: Comparison, theme: Theme = "light") -> Figure:
    """Background rejection 1/ε_B against signal efficiency ε_S, all methods in one panel.

    Parameters
    ----------
    comparison : Comparison
        Its curves end where 25 background events pass.
    theme : {"light", "dark"}
        Colours.

    Returns
    -------
    Figure
        One panel with a logarithmic 1/ε_B axis; the dashed line is a random choice. Bands are the
        68 % interval of ε_S at each ε_B.
    """
    with theme_context(theme) as palette:
        figure = new_figure(4.6)
        ax = figure.subplots()
        ax.set_yscale("log")
        diagonal = np.geomspace(1e-3, 1, 50)
        ax.plot(diagonal, 1 / diagonal, color=palette.muted, lw=0.9, ls=(0, (2, 2)))
        top = 10.0
        for method, colour, dashes in _styled(comparison, palette):
            eps_b = np.array([point.eps_b for point in method.figures.curve])
            value, low, high = _band([point.eps_s for point in method.figures.curve])
            ax.fill_betweenx(1 / eps_b, low, high, color=colour, alpha=0.18, lw=0)
            ax.plot(value, 1 / eps_b, color=colour, ls=dashes, label=_label(method))
            top = max(top, *(1 / eps_b)) if len(eps_b) else top
        ax.set_xlim(0, 1)
        ax.set_ylim(1, 2 * top)
        ax.set_xlabel(r"signal efficiency $\varepsilon_S$")
        ax.set_ylabel(r"background rejection $1/\varepsilon_B$")
        _finish(ax, palette, "truth level, 68 % bands", _without_points(comparison))
        return settle(figure)


def sic(comparison: Comparison, theme: Theme = "light") -> Figure:
    """Significance improvement ε_S/√ε_B against ε_B, all methods in one panel.

    Parameters
    ----------
    comparison : Comparison
        Its curves end where 25 background events pass.
    theme : {"light", "dark"}
        Colours.

    Returns
    -------
    Figure
        One panel with a logarithmic ε_B axis; the dashed line is a random choice, √ε_B.
    """
    with theme_context(theme) as palette:
        figure = new_figure(4.6)
        ax = figure.subplots()
        ax.set_xscale("log")
        lowest, top = 0.1, 1.0
        for method, colour, dashes in _styled(comparison, palette):
            eps_b = np.array([point.eps_b for point in method.figures.curve])
            value, low, high = _band([point.sic for point in method.figures.curve])
            ax.fill_between(eps_b, low, high, color=colour, alpha=0.18, lw=0)
            ax.plot(eps_b, value, color=colour, ls=dashes, label=_label(method))
            lowest = min(lowest, *eps_b) if len(eps_b) else lowest
            top = max(top, float(np.nanmax(high, initial=1.0)))
        diagonal = np.geomspace(lowest, 1, 50)
        ax.plot(diagonal, np.sqrt(diagonal), color=palette.muted, lw=0.9, ls=(0, (2, 2)))
        ax.set_xlim(lowest, 1)
        ax.set_ylim(0, 1.12 * top)
        ax.set_xlabel(r"background efficiency $\varepsilon_B$")
        ax.set_ylabel(r"SIC = $\varepsilon_S/\sqrt{\varepsilon_B}$")
        _finish(ax, palette, "truth level, 68 % bands", _without_points(comparison))
        return settle(figure)


def mass(comparison: Comparison, theme: Theme = "light") -> Figure:
    """Mass spectra of all background and of what passes the tightest measured cut of each method.

    Parameters
    ----------
    comparison : Comparison
        With masses; over seeds, the spectrum of the first is drawn.
    theme : {"light", "dark"}
        Colours.

    Returns
    -------
    Figure
        One panel of densities.
    """
    with theme_context(theme) as palette:
        figure = new_figure(4.6)
        ax = figure.subplots()
        for method, colour, dashes in _styled(comparison, palette):
            cut = _tightest(method)
            if cut is None or cut.spectrum is None:
                continue
            edges = cut.spectrum.edges
            if not ax.patches:  # the same of all methods
                _density(ax, cut.spectrum.inclusive, edges, palette.muted, "-", "all background")
            label = f"{_label(method)}, {100 * cut.eps_b:g} %"
            _density(ax, cut.spectrum.selected, edges, colour, dashes, label)
        ax.set_xlabel(_mass_of(comparison), parse_math=False)
        ax.set_ylabel("density")
        ax.set_ylim(bottom=0)
        _finish(ax, palette, "background", "" if ax.patches else "too few events pass")
        return settle(figure)


def _tightest(method: Method) -> MassCut | None:
    found = method.figures.decorrelation
    cuts = [cut for cut in found.cuts if cut.spectrum is not None] if found else []
    return min(cuts, key=lambda cut: cut.eps_b, default=None)


def _mass_of(comparison: Comparison) -> str:
    found = (method.figures.decorrelation for method in comparison.methods)
    return next((d.mass for d in found if d is not None), "")


def _density(
    ax: Axes, counts: Sequence[int], edges: Sequence[float], colour: str, dashes: Any, label: str
) -> None:
    density = np.array(counts) / (sum(counts) * np.diff(edges))
    ax.stairs(density, edges, color=colour, ls=dashes, label=label)


def write_comparison(comparison: Comparison, folder: str | Path) -> None:
    """Write ``evaluation.json`` and ``figures/roc``, ``figures/sic`` (.png, .pdf) to a new folder.

    Where there are masses, also ``figures/mass``. All of them or nothing.

    Raises
    ------
    OutputError
        If the folder exists or a file cannot be written.
    """
    with atomic_folder(folder) as temporary:
        plots = make_folder(temporary / FIGURE_FOLDER)
        figures = {"roc": roc(comparison), "sic": sic(comparison)}
        if _mass_of(comparison):
            figures["mass"] = mass(comparison)
        for name, figure in figures.items():
            write_bytes(plots / f"{name}.png", to_bytes(figure, "png"))
            write_bytes(plots / f"{name}.pdf", to_bytes(figure, "pdf"))
        write_text(temporary / EVALUATION_FILE, comparison.to_json())


def _styled(comparison: Comparison, palette: Palette) -> list[tuple[Method, str, str]]:
    return [(m, *look) for m, look in zip(comparison.methods, looks(palette), strict=False)]


def _band(estimates: Sequence[Estimate | None]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Value, low and high, shape (p,); NaN where there is none, which is not drawn."""
    columns = [(e.value, e.low, e.high) if e else (None, None, None) for e in estimates]
    table = np.array(columns, dtype=np.float64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]


def _label(method: Method) -> str:
    seeds = f" ({len(method.seeds)} seeds)" if len(method.seeds) > 1 else ""
    return clean(method.name, MOST_LEGEND) + seeds


def _without_points(comparison: Comparison) -> str:
    return "" if any(method.figures.curve for method in comparison.methods) else TOO_FEW


def _finish(ax: Axes, palette: Palette, title: str, empty: str) -> None:
    """The legend, or why there is none, and the title."""
    if empty:
        write(ax, 0.5, 0.5, empty, ha="center", color=palette.muted)
    else:
        legend = ax.legend(loc="best")
        for text in legend.get_texts():
            text.set_parse_math(False)
    write(ax, 0, 1.015, title, va="bottom", weight="bold")
    tag(ax, palette)
