"""`write_report`: the figures and the page of a search, into a folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from matplotlib.figure import Figure

from novum.io.atomic import make_folder, write_bytes, write_text
from novum.report import figures
from novum.report.headline import headline, judged
from novum.report.page import FigureData, render
from novum.report.style import darkened, to_bytes
from novum.search.records import EvaluationRecord
from novum.search.result import SearchResult

REPORT_FILE = "report.html"
FIGURE_FOLDER = "figures"
FIGURES = {
    "pvalue_scan",
    "spectrum",
    "calibration",
    "features",
    "template",
    "validation",
    "stability",
    "evaluation",
    "displays",
}

Draw = Callable[[], Figure]


def write_report(result: SearchResult, folder: str | Path) -> Path:
    """Write ``report.html`` and ``figures/*.png``, ``*.pdf`` into `folder` (made if needed).

    The page carries its figures, light and dark, and needs no other file. Equal results give
    equal bytes.

    Parameters
    ----------
    result : SearchResult
        A finished search; nothing else is read.
    folder : path-like
        Where to write; files of an earlier report there are replaced.

    Returns
    -------
    Path
        The HTML file.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    root, result = Path(folder), judged(result)
    plots = make_folder(root / FIGURE_FOLDER)
    todo = drawings(result)
    data = save_figures(todo, plots)
    for name in FIGURES - todo.keys():  # of an earlier report: they would mislead
        for suffix in (".png", ".pdf"):
            (plots / name).with_suffix(suffix).unlink(missing_ok=True)
    path = root / REPORT_FILE
    write_text(path, render(result, data, evaluation_of_best(result)))
    return path


def save_figures(todo: Mapping[str, Draw], folder: Path) -> dict[str, FigureData]:
    """Draw figures into a folder as .png and .pdf, and return them as a page carries them."""
    data: dict[str, FigureData] = {}
    for name, draw in todo.items():
        figure = draw()
        write_bytes(folder / f"{name}.png", to_bytes(figure, "png"))
        write_bytes(folder / f"{name}.pdf", to_bytes(figure, "pdf"))
        svg = to_bytes(figure, "svg")
        data[name] = FigureData(light=svg, dark=darkened(svg))
    return data


def evaluation_of_best(result: SearchResult) -> EvaluationRecord | None:
    """The truth-level record of the best window; the first one where there is no best window."""
    best = headline(result).best
    for record in result.evaluation:
        if best is not None and record.window == best.window:
            return record
    return result.evaluation[0] if result.evaluation else None


def drawings(result: SearchResult) -> dict[str, Draw]:
    """What draws each figure that the result has the numbers for, by its name."""
    window, scan = headline(result).shown, result.calibration
    evaluated = evaluation_of_best(result)
    found: dict[str, Draw] = {
        "pvalue_scan": lambda: figures.pvalue_scan(result),
        "spectrum": lambda: figures.spectrum(result, window),
    }
    if scan is not None:
        found["calibration"] = lambda: figures.calibration(scan)
    if window.features:
        found["features"] = lambda: figures.features(window)
    if any(f.profile is not None for f in window.features):
        found["validation"] = lambda: figures.validation(window)
    if window.template:
        found["template"] = lambda: figures.template(window)
    if window.folds:
        spread = None if scan is None else scan.fold_seed_spread
        found["stability"] = lambda: figures.stability(window, fold_seed_spread=spread)
    if evaluated is not None:
        found["evaluation"] = lambda: figures.evaluation(evaluated)
    if any(event.clouds for event in result.selected_events):
        found["displays"] = lambda: figures.displays(result.selected_events)
    return found
