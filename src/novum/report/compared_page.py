"""`write_compared`: a comparison of searches as JSON, figures and one page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from novum.io.atomic import atomic_folder, make_folder, write_text
from novum.report.compared import SearchComparison
from novum.report.compared_figures import compared_pvalues, compared_sic
from novum.report.compared_table import table
from novum.report.page import FigureData, environment, style_sheet
from novum.report.write import FIGURE_FOLDER, Draw, save_figures

COMPARISON_FILE = "comparison.json"
PAGE_FILE = "comparison.html"


def write_compared(comparison: SearchComparison, folder: str | Path) -> Path:
    """Write ``comparison.html``, ``comparison.json`` and ``figures/`` to a new folder, or nothing.

    Returns
    -------
    Path
        The page, which needs no other file.

    Raises
    ------
    OutputError
        If the folder exists or a file cannot be written.
    """
    with atomic_folder(folder) as temporary:
        figures = save_figures(_drawings(comparison), make_folder(temporary / FIGURE_FOLDER))
        write_text(temporary / COMPARISON_FILE, comparison.to_json())
        write_text(temporary / PAGE_FILE, _render(comparison, figures))
    return Path(folder) / PAGE_FILE


def _drawings(comparison: SearchComparison) -> dict[str, Draw]:
    todo: dict[str, Draw] = {"compared_pvalues": lambda: compared_pvalues(comparison)}
    if any(search.evaluation is not None for search in comparison.searches):
        todo["compared_sic"] = lambda: compared_sic(comparison)
    return todo


def _render(comparison: SearchComparison, figures: Mapping[str, FigureData]) -> str:
    names = [search.name for search in comparison.searches]
    return environment().get_template("compared.html.j2").render(
        comparison=comparison,
        names=names,
        table=table(comparison),
        figures=figures,
        alts={
            "compared_pvalues": f"Local p-values against mass, of {', '.join(names)}",
            "compared_sic": f"SIC against background efficiency, of {', '.join(names)}",
        },
        css=style_sheet(),
    )  # fmt: skip
