"""The most anomalous events as the detector saw them: particles in η and φ, area for pT."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from novum.report.style import Theme, new_figure, settle, tag, theme_context, write
from novum.report.words import clean, number
from novum.search.records import EventCloud, Numbers, SelectedEvent

_AREA = 0.5  # points² per GeV
_NARROW_AREA = 2.5  # of single jets, whose pT is that of many particles
_LEAST_PT = 1.0  # GeV; smaller circles cannot be seen
_KEY, _NARROW_KEY = 100.0, 50.0  # GeV, of the circle in the key
_MOST_CLOUDS = 3  # colours of a panel
_NARROW = 1.2  # rad from its axis within which an event is a single jet
_FAINTEST = 0.12  # opacity of a particle that carries nothing

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Panel:
    """One event of a figure.

    Attributes
    ----------
    text : str
    clouds : tuple of EventCloud
    carried : tuple of float
        What each particle of the first cloud carries of a score; empty: all are drawn alike.
    """

    text: str
    clouds: tuple[EventCloud, ...]
    carried: Numbers = ()


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
        As `particle_panels` draws it.

    Raises
    ------
    ValueError
        If no event carries particles.
    """
    shown = [e for e in events if e.clouds]
    return particle_panels(
        [
            Panel(f"{i + 1}. {number(e.mass, 4)} GeV, score {number(e.score, 3)}", e.clouds)
            for i, e in enumerate(shown)
        ],
        theme,
    )


def particle_panels(panels: Sequence[Panel], theme: Theme = "light") -> Figure:
    """Particles above 1 GeV, two panels in a row.

    Azimuths are turned so that the cloud with the most pT points to π/2 and none is cut. Where all
    events are single jets, coordinates count from their axes. What carries a score is opaque.

    Raises
    ------
    ValueError
        If there is no panel.
    """
    if not panels:
        raise ValueError("no event carries particles")
    columns = min(2, len(panels))
    rows = math.ceil(len(panels) / columns)
    reach = max(_reach(panel) for panel in panels)
    narrow = reach <= _NARROW
    with theme_context(theme) as palette:
        figure = new_figure(0.7 + (2.75 if narrow else 2.35) * rows)
        axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
        colours = (palette.fit, palette.accent, palette.second)
        for ax, panel in zip(axes.flat, panels, strict=False):
            _event(ax, panel, colours, narrow)
            write(ax, 0.03, 0.97, panel.text, va="top", color=palette.ink)
            _limits(ax, 1.1 * reach if narrow else None)
        for ax in axes.flat[len(panels) :]:
            ax.set_axis_off()
        for ax in axes[-1]:
            ax.set_xlabel("η from the jet axis" if narrow else "η")
        for ax in axes[:, 0]:
            ax.set_ylabel("φ from the jet axis [rad]" if narrow else "φ (turned) [rad]")
        _key(figure, axes[0, 0], panels[0], colours, narrow)
        tag(axes[0, -1], palette)
        return settle(figure)


def _event(ax: Axes, panel: Panel, colours: tuple[str, ...], narrow: bool) -> None:
    leading = max(panel.clouds, key=lambda c: sum(c.pt))
    center = _axis(leading) if narrow else (0.0, _axis(leading)[1] - np.pi / 2)
    for place, (cloud, colour) in enumerate(
        zip(panel.clouds[:_MOST_CLOUDS], colours, strict=False)
    ):
        pt = np.asarray(cloud.pt)
        eta, phi = _from(cloud, center)
        drawn = pt >= _LEAST_PT
        alpha: Any = 0.6
        if panel.carried and place == 0:
            alpha, colour = _opacity(panel.carried)[drawn], colours[1]
        size = (_NARROW_AREA if narrow else _AREA) * pt[drawn]
        ax.scatter(eta[drawn], phi[drawn], s=size, color=colour, alpha=alpha, lw=0)


def _limits(ax: Axes, reach: float | None) -> None:
    if reach is not None:
        ax.set_xlim(-reach, reach)
        ax.set_ylim(-reach, reach)
        return
    ax.set_xlim(-3, 3)
    ax.set_ylim(-np.pi, np.pi)
    ax.set_yticks([-np.pi, 0, np.pi], ["−π", "0", "π"])


def _key(figure: Figure, ax: Axes, panel: Panel, colours: tuple[str, ...], narrow: bool) -> None:
    names = [cloud.name for cloud in panel.clouds[:_MOST_CLOUDS]]
    used = (colours[1], *colours[1:]) if panel.carried else colours
    pt, area = (_NARROW_KEY, _NARROW_AREA) if narrow else (_KEY, _AREA)
    handles = [
        ax.scatter([], [], s=area * pt, color=c, alpha=0.6, lw=0) for c in used[: len(names)]
    ]
    labels = [f"{clean(name, 20)}, {pt:.0f} GeV" for name in names]
    figure.legend(handles, labels, loc="outside upper left", ncols=len(names), borderaxespad=0)


def _opacity(carried: Numbers) -> FloatArray:
    values = np.asarray(carried).clip(min=0)
    share: FloatArray = values / (values.max() or 1.0)
    return _FAINTEST + (0.85 - _FAINTEST) * np.sqrt(share)


def _reach(panel: Panel) -> float:
    """Largest distance in η or φ of a drawn particle from the axis of the leading cloud [rad]."""
    center = _axis(max(panel.clouds, key=lambda c: sum(c.pt)))
    far = [0.0]
    for cloud in panel.clouds:
        drawn = np.asarray(cloud.pt) >= _LEAST_PT
        far += [float(np.abs(v[drawn]).max(initial=0.0)) for v in _from(cloud, center)]
    return max(far)


def _from(cloud: EventCloud, center: tuple[float, float]) -> tuple[FloatArray, FloatArray]:
    eta, phi = np.asarray(cloud.eta), np.asarray(cloud.phi)
    return eta - center[0], (phi - center[1] + np.pi) % (2 * np.pi) - np.pi


def _axis(cloud: EventCloud) -> tuple[float, float]:
    """pT-weighted η and azimuth."""
    pt, eta, phi = (np.asarray(v) for v in (cloud.pt, cloud.eta, cloud.phi))
    return float(pt @ eta / pt.sum()), float(np.arctan2(pt @ np.sin(phi), pt @ np.cos(phi)))
