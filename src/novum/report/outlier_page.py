"""`write_outlier_report`: an explanation as record, table, figures and one page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from novum.io.atomic import atomic_folder, make_folder, write_text
from novum.report.cite import bibliography
from novum.report.explained_figures import contribution_figure, value_figure
from novum.report.explained_jets import display_figure, image_figure
from novum.report.outlier_alt import alts
from novum.report.outlier_figures import MOST_MARKED, latent_picture, score_figure, score_words
from novum.report.page import FigureData, environment, style_sheet
from novum.report.write import FIGURE_FOLDER, REPORT_FILE, Draw, save_figures
from novum.search.explained import ExplainedEvent, Explanation, leading

TOOLS = ("scikit-learn", "numpy", "scipy", "matplotlib", "mplhep")
MOST_BARS = 8
_P_VALUES = (0.1, 0.01, 0.001)  # of the table of events that pass


@dataclass(frozen=True)
class Row:
    """One contribution to one score; the bar is its share of the largest, 0 to 1."""

    name: str
    contribution: float
    bar: float
    value: float | None
    rebuilt: float | None
    median: float | None
    low: float | None
    high: float | None
    below: float | None


def write_outlier_report(explanation: Explanation, folder: str | Path) -> Path:
    """Write ``report.html``, ``explanation.json``, ``explanation.parquet`` and ``figures/``.

    All of them or, if that fails or is interrupted, nothing.

    Parameters
    ----------
    explanation : Explanation
    folder : path-like
        A new folder.

    Returns
    -------
    Path
        The page, which carries its figures, light and dark, and needs no other file.

    Raises
    ------
    OutputError
        If the folder exists or a file cannot be written.
    """
    with atomic_folder(folder) as temporary:
        explanation.write_into(temporary)
        plots = make_folder(temporary / FIGURE_FOLDER)
        figures = save_figures(drawings(explanation), plots)
        write_text(temporary / REPORT_FILE, render_outliers(explanation, figures))
    return Path(folder) / REPORT_FILE


def drawings(explanation: Explanation) -> dict[str, Draw]:
    """What draws each figure that the explanation has the numbers for, by its name."""
    found: dict[str, Draw] = {"scores": lambda: score_figure(explanation)}
    if explanation.latent is not None:
        found["latent"] = lambda: latent_picture(explanation)
    if not explanation.image_size:
        found["contributions"] = lambda: contribution_figure(explanation)
    if explanation.events[0].values:
        found["values"] = lambda: value_figure(explanation)
    if any(event.image is not None for event in explanation.events):
        found["images"] = lambda: image_figure(explanation)
    if any(event.clouds for event in explanation.events):
        found["displays"] = lambda: display_figure(explanation)
    return found


def render_outliers(explanation: Explanation, figures: Mapping[str, FigureData]) -> str:
    """The HTML of an explanation; everything that came from outside is escaped."""
    papers = dict(explanation.model.references)
    shown = () if explanation.image_size else explanation.events[:MOST_MARKED]
    return environment().get_template("outliers.html.j2").render(
        found=explanation,
        model=explanation.model,
        score=score_words(explanation),
        figures=figures,
        alts=alts(explanation),
        shown=[(event, rows_of(event, explanation)) for event in shown],
        leaders=[_leaders(event, explanation) for event in explanation.events],
        passing=passing_table(explanation),
        references=bibliography((*papers, *TOOLS), papers),
        css=style_sheet(),
    )  # fmt: skip


def rows_of(event: ExplainedEvent, explanation: Explanation) -> tuple[Row, ...]:
    """The largest contributions to one score, the largest first."""
    first = leading(event, MOST_BARS)
    most = max(event.contributions[first[0]], 0.0)
    return tuple(_row(event, explanation, j, most) for j in first)


def _row(event: ExplainedEvent, explanation: Explanation, j: int, most: float) -> Row:
    carried, quantiles = event.contributions[j], explanation.pieces[j].quantiles
    return Row(
        name=explanation.pieces[j].name,
        contribution=carried,
        bar=max(0.0, carried / most) if most > 0 else 0.0,
        value=event.values[j] if event.values else None,
        rebuilt=event.rebuilt[j] if event.rebuilt else None,
        median=quantiles[2] if quantiles else None,
        low=quantiles[0] if quantiles else None,
        high=quantiles[-1] if quantiles else None,
        below=event.below[j] if event.below else None,
    )


def _leaders(event: ExplainedEvent, explanation: Explanation) -> str:
    return ", ".join(explanation.pieces[j].name for j in leading(event, 3))


def passing_table(explanation: Explanation) -> tuple[tuple[float, int, float, float, float], ...]:
    """p, events at or below, events expected of background, and its 95 % interval."""
    found, n = explanation.passing, explanation.n_events
    rows = {}
    for wanted in (*_P_VALUES, found.p[0]):
        # The largest p-value that is not above; the least there is for those below all.
        i = max((k for k, p in enumerate(found.p) if p <= wanted), default=0)
        rows[i] = (found.p[i], found.n[i], found.p[i] * n, found.low[i] * n, found.high[i] * n)
    return tuple(rows[i] for i in sorted(rows, reverse=True))
