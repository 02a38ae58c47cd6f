"""Scan of the latent space as a figure, and its files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from novum.io.atomic import atomic_folder, make_folder, write_bytes, write_text
from novum.report.style import (
    Theme,
    axis_labels,
    new_figure,
    settle,
    tag,
    theme_context,
    to_bytes,
    write,
)
from novum.search.latent_scan import LatentScan, spread

SCAN_FILE = "latent_scan.json"
FIGURE_FOLDER = "figures"


def latent_figure(scan: LatentScan, theme: Theme = "light") -> Figure:
    """What is lost of the background, and the AUC where a signal was given, against the size.

    Points are medians over seeds, bars reach from the least to the largest.
    """
    sizes = [point.latent for point in scan.points]
    has_signal = any(point.auc for point in scan.points)
    with theme_context(theme) as palette:
        figure = new_figure(5.2 if has_signal else 3.2)
        panels = figure.subplots(1 + has_signal, sharex=True, squeeze=False)[:, 0]
        _draw(panels[0], sizes, [p.residual for p in scan.points], palette.fit)
        axis_labels(panels[0], y="residual of background")
        panels[0].set_ylim(bottom=0)
        if has_signal:
            _draw(panels[1], sizes, [p.auc for p in scan.points], palette.accent)
            axis_labels(panels[1], y="AUC (truth level)")
            panels[1].axhline(0.5, color=palette.muted, lw=0.9, ls=(0, (2, 2)))
        panels[-1].set_xticks(sizes)
        panels[-1].minorticks_off()
        axis_labels(panels[-1], x="latent variables")
        title = f"{scan.method}, {scan.n_events} events"
        write(panels[0], 0, 1.02, title, va="bottom", weight="bold")
        tag(panels[0], palette)
        return settle(figure)


def write_latent_scan(scan: LatentScan, folder: Path) -> None:
    """Write ``latent_scan.json`` and the figure as PNG and PDF into a new folder, or nothing.

    Raises
    ------
    OutputError
        If the folder exists or cannot be written.
    """
    with atomic_folder(folder) as temporary:
        figures = make_folder(temporary / FIGURE_FOLDER)
        write_text(temporary / SCAN_FILE, scan.to_json())
        figure = latent_figure(scan)
        write_bytes(figures / "latent_scan.png", to_bytes(figure, "png"))
        write_bytes(figures / "latent_scan.pdf", to_bytes(figure, "pdf"))


def _draw(ax: Axes, sizes: Sequence[int], values: Sequence[Sequence[float]], colour: str) -> None:
    middle, low, high = zip(*(spread(v) for v in values), strict=True)
    ax.vlines(sizes, low, high, color=colour, lw=1.2)
    ax.plot(sizes, middle, "o-", ms=4, color=colour)
