"""The most anomalous events as the detector saw them: particles in η and φ, area for pT."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from novum.report.style import Palette, Theme, new_figure, settle, tag, theme_context, write
from novum.report.words import clean, number
from novum.search.records import EventCloud, SelectedEvent

_AREA = 0.5  # points² per GeV
_LEAST_PT = 1.0  # GeV; smaller circles cannot be seen
_KEY = 100.0  # GeV, of the circle in the key
_MOST_CLOUDS = 3  # colours of a panel


def displays(events: Sequence[SelectedEvent], theme: Theme = "light") -> Figure:
    """One panel an event, the most anomalous first.

    Parameters
    ----------
    events : sequence of SelectedEvent
        Those that carry particles are drawn.
    theme : {"light", "dark"}
        Colours.

    Returns
    -------
    Figure
        Particles above 1 GeV. Azimuths are turned so that the cloud with the most pT points to π/2
        and none is cut.

    Raises
    ------
    ValueError
        If no event carries particles.
    """
    shown = [e for e in events if e.clouds]
    if not shown:
        raise ValueError("no event carries particles")
    columns = min(2, len(shown))
    rows = math.ceil(len(shown) / columns)
    with theme_context(theme) as palette:
        figure = new_figure(0.7 + 2.35 * rows)
        axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
        colours = (palette.fit, palette.accent, palette.second)
        for place, (ax, event) in enumerate(zip(axes.flat, shown, strict=False)):
            _event(ax, event, place, colours, palette)
        for ax in axes.flat[len(shown) :]:
            ax.set_axis_off()
        for ax in axes[-1]:
            ax.set_xlabel("η")
        for ax in axes[:, 0]:
            ax.set_ylabel("φ (turned) [rad]")
        names = [cloud.name for cloud in shown[0].clouds[:_MOST_CLOUDS]]
        handles = [
            axes.flat[0].scatter([], [], s=_AREA * _KEY, color=c, alpha=0.6, lw=0)
            for c in colours[: len(names)]
        ]
        labels = [f"{clean(name, 20)}, {_KEY:.0f} GeV" for name in names]
        figure.legend(handles, labels, loc="outside upper left", ncols=len(names), borderaxespad=0)
        tag(axes[0, -1], palette)
        return settle(figure)


def _event(
    ax: Axes, event: SelectedEvent, place: int, colours: tuple[str, ...], palette: Palette
) -> None:
    turn = np.pi / 2 - _azimuth(max(event.clouds, key=lambda c: sum(c.pt)))
    for cloud, colour in zip(event.clouds[:_MOST_CLOUDS], colours, strict=False):
        pt, eta, phi = (np.asarray(v) for v in (cloud.pt, cloud.eta, cloud.phi))
        drawn = pt >= _LEAST_PT
        turned = (phi[drawn] + turn + np.pi) % (2 * np.pi) - np.pi
        ax.scatter(eta[drawn], turned, s=_AREA * pt[drawn], color=colour, alpha=0.6, lw=0)
    ax.set_xlim(-3, 3)
    ax.set_ylim(-np.pi, np.pi)
    ax.set_yticks([-np.pi, 0, np.pi], ["−π", "0", "π"])
    text = f"{place + 1}. {number(event.mass, 4)} GeV, score {number(event.score, 3)}"
    write(ax, 0.03, 0.97, text, va="top", color=palette.ink)


def _azimuth(cloud: EventCloud) -> float:
    pt, phi = np.asarray(cloud.pt), np.asarray(cloud.phi)
    return float(np.arctan2(pt @ np.sin(phi), pt @ np.cos(phi)))
