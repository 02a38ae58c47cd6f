"""``novum explain``: what is odd about the most anomalous events."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def explain(
    model: Path,
    events: Path,
    *,
    output: Annotated[Path, Parameter(name=("--output", "-o"))],
    top: int = 10,
    background: Path | None = None,
    score_by: str | None = None,
    seed: int = 0,
) -> None:
    """Say what makes the most anomalous events of a file anomalous.

    Writes explanation.json, explanation.parquet, figures and report.html: features, particles or
    pixels that carry the scores, event displays, and the nearest background events.

    Parameters
    ----------
    model : Path
        Folder that `novum fit` wrote.
    events : Path
        Parquet, CSV, NumPy, HDF5 or ROOT file with the columns of the model.
    output : Path
        New folder.
    top : int
        Events to explain.
    background : Path
        Background to compare with; by default what was held out of the file that the model was
        trained on.
    score_by : str
        Another of the scores of the detector, such as mae; `novum methods` lists them.
    seed : int
        Seed of samples and draws.
    """
    from novum.cli import console
    from novum.io.atomic import check_new_folder
    from novum.report import write_outlier_report
    from novum.search import explain as run_explain

    check_new_folder(output)
    found = run_explain(
        model,
        events,
        top=top,
        background=background,
        score_by=score_by,
        seed=seed,
        progress=console.RichProgress(),
    )
    page = write_outlier_report(found, output)
    console.print_explanation(found, page)
