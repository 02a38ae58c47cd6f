"""Total improvement: the significance improvement of each model over signals, and its files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from novum.evaluation import (
    SignalRow,
    TotalImprovement,
    TotalImprovements,
    write_signal_rows,
)
from novum.io.atomic import atomic_folder, make_folder, write_bytes, write_text
from novum.report.style import Theme, new_figure, settle, tag, theme_context, to_bytes, write
from novum.report.words import clean

FloatArray = NDArray[np.float64]

FIGURE_FOLDER = "figures"
ROWS_FILE = "dark_machines.csv"
TOTALS_FILE = "total_improvement.json"
MOST_MODELS = 40
MOST_NAME = 34  # characters of a model's name
NOT_MEASURED = "not measured on every signal"
_SPREAD = np.array([0.0, -0.16, 0.16])  # points of like value are set apart
_INSIDE = 1.12
_LOWEST = 0.01  # where the axis begins at the lowest: an improvement of a hundredth is none


def improvements(totals: TotalImprovements, theme: Theme = "light") -> Figure:
    """Significance improvement of every signal, in a line for each model.

    Parameters
    ----------
    totals : TotalImprovements
        The forty models of the largest median are drawn, and all that were made from scores.
    theme : {"light", "dark"}
        Colours.

    Returns
    -------
    Figure
        One panel with a logarithmic axis; a point is a signal, the box its central half of
        signals with the median. Points at the left edge lie below it, most often at 0. The
        dashed line is no improvement.
    """
    models = _drawn(totals)
    with theme_context(theme) as palette:
        figure = new_figure(1.5 + 0.3 * max(len(models), 3))
        ax = figure.subplots()
        low, high = _range(models)
        ax.set_xscale("log")
        ax.set_xlim(low, high)
        kinds = {model.model in totals.computed for model in models}
        ax.set_ylim(len(models) - 0.4 + (len(kinds) == 2), -0.6)  # a free line for the key
        ax.axvline(1, color=palette.muted, lw=0.9, ls=(0, (2, 2)))
        looks = {True: (palette.accent, "D"), False: (palette.fit, "o")}
        for line, model in enumerate(models):
            _draw(ax, line, model, *looks[model.model in totals.computed], low)
        ax.set_yticks(range(len(models)))
        ax.set_yticks([], minor=True)
        names = [clean(model.model, MOST_NAME) for model in models]
        ax.set_yticklabels(names, fontsize="x-small", parse_math=False)
        ax.tick_params(axis="y", length=0)
        ax.set_xlabel(r"largest $\varepsilon_S/\sqrt{\varepsilon_B}$ of each signal")
        if len(kinds) == 2:
            _key(ax, looks)
        more = len(totals.models) - len(models)
        title = (
            f"truth level, best {len(models)} of {len(totals.models)}" if more else "truth level"
        )
        write(ax, 0, 1.0, title, va="bottom", weight="bold")
        tag(ax, palette)
        return settle(figure)


def write_improvements(
    totals: TotalImprovements, rows: Sequence[SignalRow], folder: str | Path
) -> None:
    """Write the rows, the totals and ``figures/total_improvement`` (.png, .pdf) to a new folder.

    All of them or nothing.

    Parameters
    ----------
    totals : TotalImprovements
    rows : sequence of SignalRow
        What they are made of: ``dark_machines.csv``, in the format of the challenge.
    folder : path-like

    Raises
    ------
    OutputError
        If the folder exists or a file cannot be written.
    """
    with atomic_folder(folder) as temporary:
        plots = make_folder(temporary / FIGURE_FOLDER)
        figure = improvements(totals)
        write_bytes(plots / "total_improvement.png", to_bytes(figure, "png"))
        write_bytes(plots / "total_improvement.pdf", to_bytes(figure, "pdf"))
        write_signal_rows(rows, temporary / ROWS_FILE)
        write_text(temporary / TOTALS_FILE, totals.to_json())


def _drawn(totals: TotalImprovements) -> list[TotalImprovement]:
    ours = [m for m in totals.models if m.model in totals.computed]
    others = [m for m in totals.models if m.model not in totals.computed]
    kept = {m.model for m in (*ours, *others[: max(MOST_MODELS - len(ours), 0)])}
    return [m for m in totals.models if m.model in kept]


def _values(model: TotalImprovement) -> FloatArray:
    return np.array([s.value for s in model.signals if s.value is not None])


def _range(models: Sequence[TotalImprovement]) -> tuple[float, float]:
    values = np.concatenate([_values(model) for model in models])
    seen = values[values > 0]
    low = max(min(seen, default=0.1) / 1.5, _LOWEST)
    return min(low, 0.5), max(max(seen, default=1.0) * 1.5, 2.0)


def _draw(
    ax: Axes, line: int, model: TotalImprovement, colour: str, marker: str, low: float
) -> None:
    """Points, box and median of a model; open triangles at the edge lie below the axis."""
    values = np.sort(_values(model))
    height = line + _SPREAD[np.arange(len(values)) % len(_SPREAD)]
    seen = values >= low
    ax.plot(values[seen], height[seen], marker, ms=3.5, mew=0, color=colour, alpha=0.7)
    edge = np.full(len(values) - seen.sum(), low * _INSIDE)
    ax.plot(edge, height[~seen], "<", ms=4.5, color=colour, mfc="none", mew=0.8)
    if model.median is None:
        ax.text(
            low * _INSIDE,
            line + 0.05,
            NOT_MEASURED,
            va="center",
            fontsize="x-small",
            parse_math=False,
        )
        return
    start, middle, end = np.maximum(np.quantile(values, (0.25, 0.5, 0.75)), low)
    ax.fill_betweenx([line - 0.3, line + 0.3], start, end, color=colour, alpha=0.22, lw=0)
    ax.plot([middle, middle], [line - 0.36, line + 0.36], color=colour, lw=2)


def _key(ax: Axes, looks: dict[bool, tuple[str, str]]) -> None:
    """Which models are from scores and which are rows."""
    words = {True: "from scores", False: "from result rows"}
    handles = [
        Line2D([], [], color=looks[k][0], marker=looks[k][1], ls="", ms=5, label=words[k])
        for k in (True, False)
    ]
    ax.legend(handles=handles, loc="lower right", ncols=2, fontsize="x-small")
