"""Data over background template, feature by feature, where it must hold and where signal is."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from novum.report.style import Palette, Theme, new_figure, settle, tag, theme_context, write
from novum.report.words import clean
from novum.search.records import TemplateClosure, TemplateFeature, WindowResult

MOST_FEATURES = 24
_REACH = 0.5  # of the ratio around 1; what lies beyond is drawn at the edge
_FEWEST = 10  # template events of a bin that is drawn


def template(window: WindowResult, theme: Theme = "light") -> Figure:
    """Ratio of data to background template in the signal region and on both sides.

    Parameters
    ----------
    window : WindowResult
        The window to show; at most `MOST_FEATURES` of its features are drawn.
    theme : {"light", "dark"}
        Colours.

    Returns
    -------
    Figure
        Small multiples; the regions share a panel.

    Raises
    ------
    ValueError
        If the window has no template.
    """
    if not window.template:
        raise ValueError("the window has no background template")
    shown = len(window.template[0].features[:MOST_FEATURES])
    columns = 1 if shown == 1 else 2 if shown <= 8 else 3
    rows = math.ceil(shown / columns)
    with theme_context(theme) as palette:
        figure = new_figure(0.8 + 1.75 * rows)
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for i, ax in enumerate(axes):
            if i < shown:
                _panel(ax, window.template, i, palette, narrow=columns == 3)
            else:
                ax.set_axis_off()
        handles = axes[0].get_legend_handles_labels()[0]
        figure.legend(handles=handles, loc="outside upper left", ncols=3, borderaxespad=0)
        figure.supylabel("data / template", fontsize="small")
        tag(axes[columns - 1], palette)
        return settle(figure)


def _panel(
    ax: Axes, closures: tuple[TemplateClosure, ...], feature: int, palette: Palette, narrow: bool
) -> None:
    looks = {"below": (palette.data, "v"), "above": (palette.fit, "^")}
    ax.axhline(1, color=palette.muted, lw=0.9)
    for k, closure in enumerate(closures):
        color, marker = looks.get(closure.region, (palette.accent, "o"))
        record = closure.features[feature]
        centers, ratio, error = _ratio(record)
        width = record.edges[1] - record.edges[0]
        ax.errorbar(
            centers + (k - 1) * width / 5, np.clip(ratio, 1 - _REACH, 1 + _REACH), yerr=error,
            fmt=marker, color=color, markersize=3, elinewidth=0.9,
            label=f"{closure.region}, AUC {closure.auc:.3f}",
        )  # fmt: skip
    edges = closures[0].features[feature].edges
    ax.set_xlim(edges[0], edges[-1])
    ax.set_ylim(1 - _REACH, 1 + _REACH)
    ax.xaxis.set_major_locator(MaxNLocator(2 if narrow else 4))
    ax.yaxis.set_major_locator(MaxNLocator(3))
    ax.tick_params(labelsize="small")
    write(
        ax, 0, 1.03, clean(closures[0].features[feature].name, 15 if narrow else 22), va="bottom",
        weight="bold",
    )  # fmt: skip


def _ratio(
    record: TemplateFeature,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centres, ratio and its statistical error, of the bins that hold enough."""
    edges, data, model = (np.asarray(v) for v in (record.edges, record.data, record.template))
    kept = model >= _FEWEST
    centers, data, model = ((edges[1:] + edges[:-1]) / 2)[kept], data[kept], model[kept]
    return centers, data / model, np.sqrt(np.maximum(data, 1)) / model
