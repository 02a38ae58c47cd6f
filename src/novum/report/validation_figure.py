"""Mean of each feature against the mass: CWoLa's assumption, looked at."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from novum.report.ranking import correlation_z
from novum.report.style import Palette, Theme, new_figure, settle, theme_context, write
from novum.report.words import clean, number, signed
from novum.search.records import FeatureRecord, MassProfile, WindowResult

MOST_PROFILES = 24


def profiled(window: WindowResult) -> tuple[tuple[FeatureRecord, MassProfile], ...]:
    """The features that carry a profile, as many as are drawn."""
    found = tuple((f, f.profile) for f in window.features if f.profile is not None)
    return found[:MOST_PROFILES]


def validation(window: WindowResult, theme: Theme = "light") -> Figure:
    """Mean of each feature against the mass, in sideband standard deviations.

    Parameters
    ----------
    window : WindowResult
        The window to show; at most `MOST_PROFILES` of its features are drawn.
    theme : {"light", "dark"}
        Colours.

    Returns
    -------
    Figure
        Small multiples on a common mass axis; the signal region is shaded.

    Raises
    ------
    ValueError
        If no feature of the window carries a profile.
    """
    shown = profiled(window)
    if not shown:
        raise ValueError("no feature of the window carries a profile")
    columns = 1 if len(shown) == 1 else 2 if len(shown) <= 8 else 3
    rows = math.ceil(len(shown) / columns)
    with theme_context(theme) as palette:
        figure = new_figure(0.5 + 1.75 * rows)
        axes = figure.subplots(rows, columns, squeeze=False, sharex=True).ravel()
        for i, (ax, (record, profile)) in enumerate(zip(axes, shown, strict=False)):
            _profile(ax, record, profile, window, palette, narrow=columns == 3)
            ax.tick_params(axis="x", labelbottom=i + columns >= len(shown))
        for ax in axes[len(shown) :]:
            ax.set_axis_off()
        figure.supxlabel("mass [GeV]", fontsize="small")
        figure.supylabel("mean [sideband standard deviations]", fontsize="small")
        write(
            axes[columns - 1], 1, 1.16, "novum", ha="right", va="bottom", color=palette.muted,
            style="italic",
        )  # fmt: skip
        return settle(figure)


def _profile(
    ax: Axes,
    record: FeatureRecord,
    profile: MassProfile,
    window: WindowResult,
    palette: Palette,
    narrow: bool,
) -> None:
    edges = np.asarray(profile.edges)
    mean = np.array([np.nan if v is None else v for v in profile.mean])
    error = np.array([np.nan if v is None else v for v in profile.error])
    ax.axvspan(window.window.low, window.window.high, color=palette.accent, alpha=0.2, lw=0)
    ax.axhline(0, color=palette.muted, lw=0.9)
    ax.errorbar(
        (edges[1:] + edges[:-1]) / 2, mean, yerr=error, fmt="o", color=palette.data,
        markersize=3, elinewidth=1,
    )  # fmt: skip
    reach = np.nanmax(np.abs(mean) + error, initial=0.0)
    ax.set_ylim(-max(0.15, 1.35 * reach), max(0.15, 1.35 * reach))
    ax.set_xlim(edges[0], edges[-1])
    ax.xaxis.set_major_locator(MaxNLocator(2 if narrow else 4))
    ax.yaxis.set_major_locator(MaxNLocator(3))
    ax.tick_params(labelsize="small")
    z = correlation_z(record, window)
    name = clean(record.name, 15 if narrow else 22)
    write(ax, 0, 1.03, name, va="bottom", weight="bold")
    note = f"ρ = {number(record.mass_correlation, 2)} ({signed(z, 1)} σ)"
    write(ax, 0.03, 0.05, note, va="bottom", color=palette.muted)
