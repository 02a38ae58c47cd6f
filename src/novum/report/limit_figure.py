"""CLs against the signal strength, with the band that background alone would give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from novum.io.atomic import make_folder, write_bytes
from novum.report.style import (
    Palette,
    Theme,
    axis_labels,
    legend_above,
    new_figure,
    settle,
    tag,
    theme_context,
    to_bytes,
    write,
)
from novum.statistics import Limit

LOWEST = 3e-3
FIGURE_FOLDER = "figures"


def limit(found: Limit, theme: Theme = "light") -> Figure:
    """CLs scan of an upper limit.

    Parameters
    ----------
    found : Limit
        Its scan is drawn as it is, on a logarithmic axis from `LOWEST` to 1.
    theme : {"light", "dark"}
        Colours.

    Returns
    -------
    Figure
        One panel: observed CLs, expected median with its 1σ and 2σ bands, and the level.
    """
    with theme_context(theme) as palette:
        figure = new_figure(4.0)
        ax = figure.subplots()
        ax.set_yscale("log")
        _curves(ax, found, palette)
        _level(ax, found, palette)
        ax.set_ylim(LOWEST, 1.3)
        ax.set_xlim(0, found.mu[-1])
        axis_labels(ax, "signal strength μ", "CLs")
        legend_above(ax, ax.get_legend_handles_labels()[0])
        tag(ax, palette)
        return settle(figure)


def write_limit_figure(found: Limit, folder: str | Path) -> None:
    """Write ``figures/limit.png`` and ``limit.pdf`` into `folder`.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    save_limit(limit(found), folder)


def save_limit(figure: Figure, folder: str | Path) -> None:
    """The figure of a limit as PNG and PDF; see `write_limit_figure`."""
    plots = make_folder(Path(folder) / FIGURE_FOLDER)
    write_bytes(plots / "limit.png", to_bytes(figure, "png"))
    write_bytes(plots / "limit.pdf", to_bytes(figure, "pdf"))


def _curves(ax: Axes, found: Limit, palette: Palette) -> None:
    mu = np.asarray(found.mu)
    observed, *expected = np.maximum([found.cls, *found.cls_expected], LOWEST / 10)
    outer, inner, median = (expected[0], expected[4]), (expected[1], expected[3]), expected[2]
    ax.plot(mu, observed, "o-", color=palette.data, markersize=4, zorder=4, label="observed")
    ax.plot(mu, median, color=palette.fit, ls="--", zorder=3, label="expected")
    for band, alpha, name in ((inner, 0.35, "±1σ"), (outer, 0.15, "±2σ")):
        ax.fill_between(mu, *band, color=palette.fit, alpha=alpha, lw=0, label=name)


def _level(ax: Axes, found: Limit, palette: Palette) -> None:
    alpha = 1 - found.level
    ax.axhline(alpha, color=palette.accent, lw=1.0)
    ax.plot([found.observed] * 2, [LOWEST, alpha], color=palette.accent, lw=1.0, ls=":")
    text = f"{100 * found.level:g} % CL: μ < {found.observed:.3g}, expected {found.expected[2]:.3g}"
    write(ax, 0.98, 0.95, text, ha="right", va="top", color=palette.accent)
