"""How far the significance of a window depends on how the folds were drawn."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

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
from novum.search.records import WindowResult

_TAIL = (1 - 0.6827) / 2


def band(values: tuple[float, ...]) -> tuple[float, float, float]:
    """Lower end of the central 68 % of some values, their median, and the upper end."""
    low, middle, high = np.quantile(values, [_TAIL, 0.5, 1 - _TAIL])
    return float(low), float(middle), float(high)


def stability(
    window: WindowResult, theme: Theme = "light", *, fold_seed_spread: float | None = None
) -> Figure:
    """Observed against expected per fold, and the significance of each redrawn cross-fit.

    Parameters
    ----------
    window : WindowResult
        The window to show.
    theme : {"light", "dark"}
        Colours.
    fold_seed_spread : float, optional
        Standard deviation of z when only the folds are drawn anew, from a calibration.

    Returns
    -------
    Figure
        Two panels; the second one says so where there is one cross-fit only.
    """
    with theme_context(theme) as palette:
        figure = new_figure(3.4)
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        _folds(left, window, palette)
        _repeats(right, window, fold_seed_spread, palette)
        tag(right, palette)
        return settle(figure)


def _folds(ax: Axes, window: WindowResult, palette: Palette) -> None:
    place = np.arange(len(window.folds))
    expected = np.array([f.expected for f in window.folds])
    observed = np.array([f.n_on for f in window.folds])
    ax.errorbar(
        place, expected, yerr=np.sqrt(expected), fmt="_", color=palette.fit, markersize=13,
        markeredgewidth=2, elinewidth=5, alpha=0.55, label="expected ± √expected",
    )  # fmt: skip
    ax.plot(place, observed, "o", color=palette.data, markersize=5, label="observed")
    ax.set_xticks(place, [str(f.fold) for f in window.folds])
    ax.tick_params(axis="x", which="minor", bottom=False, top=False)
    ax.set_xlim(-0.6, len(place) - 0.4)
    top = max([*observed, *(expected + np.sqrt(expected)), 1])
    ax.set_ylim(0, 1.15 * top)
    axis_labels(ax, "fold", "selected events in the SR")
    legend_above(ax, ax.get_legend_handles_labels()[0][::-1])


def _repeats(
    ax: Axes, window: WindowResult, fold_seed_spread: float | None, palette: Palette
) -> None:
    z = np.asarray(window.repeat_z)
    axis_labels(ax, "cross-fit", "local z")
    if len(z) > 1:
        low, middle, high = band(window.repeat_z)
        ax.axhspan(low, high, color=palette.fit, alpha=0.2, lw=0)
        ax.axhline(middle, color=palette.fit, lw=1.2)
    ax.plot(np.arange(1, len(z) + 1), z, "o", color=palette.data, markersize=5)
    if fold_seed_spread is not None and window.z is not None:
        ax.errorbar(
            len(z) + 1, window.z, yerr=fold_seed_spread, fmt="s", color=palette.accent,
            markersize=6, elinewidth=2,
        )  # fmt: skip
    places = len(z) + (fold_seed_spread is not None)
    ax.set_xlim(0.4, max(places, 1) + 0.6)
    ax.set_xticks(np.arange(1, len(z) + 1, max(1, len(z) // 5)))
    ax.tick_params(axis="x", which="minor", bottom=False, top=False)
    ax.margins(y=0.35)
    if len(z) < 2:
        note = "one cross-fit only:\nspread not known" if len(z) else "no cross-fit recorded"
        write(ax, 0.5, 0.94, note, ha="center", va="top", color=palette.muted)
