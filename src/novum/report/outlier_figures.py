"""All events of an outlier run: their scores against background, and the latent space."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from novum.report.style import (
    Palette,
    Theme,
    axis_labels,
    new_figure,
    settle,
    tag,
    theme_context,
)
from novum.search.explained import Explanation, LatentPicture

MOST_MARKED = 6  # events with a number
_MARGIN = 0.15  # of the frame around what is drawn
_INSIDE = 0.995  # share of the events that the frame of a latent space holds


def score_figure(explanation: Explanation, theme: Theme = "light") -> Figure:
    """Scores of events and held-out background, and the share of events below a p-value.

    Parameters
    ----------
    explanation : Explanation
    theme : {"light", "dark"}
        Colours.

    Returns
    -------
    Figure
        Two panels.
    """
    with theme_context(theme) as palette:
        figure = new_figure(6.4)
        upper, lower = figure.subplots(2, height_ratios=(1.1, 1))
        _spectrum(upper, explanation, palette)
        _passing(lower, explanation, palette)
        tag(upper, palette)
        return settle(figure)


def _spectrum(ax: Axes, explanation: Explanation, palette: Palette) -> None:
    found = explanation.spectrum
    edges = np.asarray(found.edges)
    ax.stairs(found.background, edges, fill=True, color=palette.faint, label="held-out background")
    ax.stairs(found.events, edges, color=palette.fit, lw=1.6, label="events")
    top = np.clip([event.score for event in explanation.events], edges[0], edges[-1])
    shares = [share for share in (*found.events, *found.background) if share > 0]
    floor = 0.5 * min(shares)
    ax.set_yscale("log")
    ax.set_ylim(floor, 2 * max(shares))
    ax.plot(
        top, np.full(len(top), floor * 1.4), "v", ms=6, color=palette.accent, mec=palette.paper,
        mew=0.5, label="explained", clip_on=False, zorder=5,
    )  # fmt: skip
    if found.logarithmic:
        ax.set_xscale("log")
    ax.set_xlim(edges[0], edges[-1])
    axis_labels(ax, x=score_words(explanation), y="share per bin")
    ax.legend(
        loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=3, borderaxespad=0.15,
        handlelength=1.4,
    )  # fmt: skip


def score_words(explanation: Explanation) -> str:
    """Which score this is, where the detector has several."""
    name = explanation.model.score
    return "score" if name == "score" else f"score ({name})"


def _passing(ax: Axes, explanation: Explanation, palette: Palette) -> None:
    found, p = explanation.passing, np.asarray(explanation.passing.p)
    least = 0.4 * min(p[0], 1 / explanation.n_events)
    ax.fill_between(
        p, np.maximum(found.low, least), np.maximum(found.high, least), color=palette.faint, lw=0,
        label="background, 95 %",
    )  # fmt: skip
    ax.plot(p, p, color=palette.muted, lw=0.9, ls="--")
    shares = np.asarray(found.n) / explanation.n_events
    seen = shares > 0
    ax.plot(p[seen], shares[seen], "o-", ms=3, color=palette.fit, label="events")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(0.9 * p[0], 1.1)
    ax.set_ylim(max(least, 0.3 * min(p[0], *shares[seen])), 1.5)
    axis_labels(ax, x="p-value", y="share of events below")
    ax.legend(loc="lower right")


def latent_picture(explanation: Explanation, theme: Theme = "light") -> Figure:
    """Background and events on the leading axes of the latent space, explained events marked.

    Raises
    ------
    ValueError
        If there is no latent space.
    """
    picture = explanation.latent
    if picture is None:
        raise ValueError("there is no latent space")
    top = np.array([event.latent for event in explanation.events]).T
    with theme_context(theme) as palette:
        if len(picture.background) == 1:
            figure = new_figure(3.4)
            _one_axis(figure.subplots(), picture, top, palette)
        else:
            figure = new_figure(5.0)
            _two_axes(figure.subplots(), picture, top, palette)
        tag(figure.axes[0], palette)
        return settle(figure)


def _two_axes(ax: Axes, picture: LatentPicture, top: NDArray[np.float64], palette: Palette) -> None:
    frames = [_frame(*parts) for parts in zip(picture.background, picture.events, strict=True)]
    kinds = (
        (picture.background, palette.muted, "background"),
        (picture.events, palette.fit, "events"),
    )
    for points, colour, label in kinds:
        x, y = (np.clip(v, *frame) for v, frame in zip(points, frames, strict=True))
        ax.scatter(x, y, s=7, color=colour, lw=0, alpha=0.55, label=label)
    x, y = (np.clip(v, *frame) for v, frame in zip(top, frames, strict=True))
    ax.scatter(
        x, y, s=52, color=palette.accent, ec=palette.paper, lw=0.8, label="explained", zorder=4,
        clip_on=False,
    )  # fmt: skip
    for place, (a, b) in enumerate(zip(x[:MOST_MARKED], y[:MOST_MARKED], strict=True)):
        ax.annotate(
            str(place + 1), (a, b), xytext=(5, 4), textcoords="offset points", fontsize="small",
            color=palette.ink, zorder=5,
        )  # fmt: skip
    ax.set_xlim(*frames[0])
    ax.set_ylim(*frames[1])
    axes = ("first axis [σ]", "second axis [σ]")
    axis_labels(ax, x=f"latent space, {axes[0]}", y=axes[1])
    ax.legend(
        loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=3, borderaxespad=0.15,
        handletextpad=0.1, markerscale=1.6,
    )  # fmt: skip


def _one_axis(ax: Axes, picture: LatentPicture, top: NDArray[np.float64], palette: Palette) -> None:
    frame = _frame(picture.background[0], picture.events[0])
    edges = np.linspace(*frame, 51)
    for points, colour, fill, label in (
        (picture.background[0], palette.faint, True, "background"),
        (picture.events[0], palette.fit, False, "events"),
    ):
        counts = np.histogram(np.clip(points, *frame), edges)[0]
        ax.stairs(counts / len(points), edges, color=colour, fill=fill, lw=1.6, label=label)
    marked = np.clip(top[0], *frame)
    ax.plot(
        marked, np.zeros(len(marked)), "^", ms=7, color=palette.accent, mec=palette.paper,
        label="explained", clip_on=False, zorder=5,
    )  # fmt: skip
    ax.set_xlim(*frame)
    ax.set_ylim(bottom=0)
    axis_labels(ax, x="latent variable [σ]", y="share per bin")
    ax.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=3, borderaxespad=0.15)


def _frame(*samples: Sequence[float]) -> tuple[float, float]:
    """Limits that hold nearly all of each sample; what lies beyond is drawn at the edge."""
    tail = (1 - _INSIDE) / 2
    ends = np.array([np.quantile(sample, (tail, 1 - tail)) for sample in samples])
    low, high = float(ends.min()), float(ends.max())
    margin = _MARGIN * (high - low) or 1.0
    return low - margin, high + margin
