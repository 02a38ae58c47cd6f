"""CLs of a trained selection against injected events, with its efficiency ε_S(μ)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from novum.calibration import TrainedLimit
from novum.report.limit_figure import LOWEST, save_limit
from novum.report.style import (
    Theme,
    axis_labels,
    legend_above,
    new_figure,
    settle,
    tag,
    theme_context,
    write,
)


def trained_limit(found: TrainedLimit, theme: Theme = "light") -> Figure:
    """CLs at every searched strength above, and what the retrained selections keep below.

    Parameters
    ----------
    found : TrainedLimit
    theme : {"light", "dark"}
        Colours.

    Returns
    -------
    Figure
        Two panels on one axis of injected events.
    """
    x = np.array(found.strengths)
    alpha = 1 - found.level
    with theme_context(theme) as palette:
        figure = new_figure(5.2)
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        top.set_yscale("log")
        cls, error = np.array(found.cls), np.array(found.cls_error)
        top.errorbar(
            x, cls, np.minimum(error, cls * 0.95), fmt="o-", color=palette.data, markersize=5,
            label="observed CLs, retrained",
        )  # fmt: skip
        top.axhline(alpha, color=palette.accent, lw=1.0)
        words = f"{100 * found.level:g} % CL: no searched strength is excluded"
        if found.observed is not None:
            top.plot([found.observed] * 2, [LOWEST, alpha], color=palette.accent, lw=1.0, ls=":")
            words = f"{100 * found.level:g} % CL: {found.observed:.3g} events"
        write(top, 0.98, 0.95, words, ha="right", va="top", color=palette.accent)
        top.set_ylim(min(LOWEST, cls.min() / 2), 1.3)
        axis_labels(top, None, "CLs")
        legend_above(top, top.get_legend_handles_labels()[0])
        tag(top, palette)
        bottom.plot(x, found.efficiency, "o-", color=palette.fit, markersize=5)
        bottom.set_ylim(0, 1.05)
        bottom.set_xlim(0, 1.05 * x.max())
        axis_labels(bottom, "injected signal events", "ε_S of the selection")
        return settle(figure)


def write_trained_limit_figure(found: TrainedLimit, folder: str | Path) -> None:
    """Write ``figures/limit.png`` and ``limit.pdf`` into `folder`; see `write_limit_figure`."""
    save_limit(trained_limit(found), folder)
