"""``novum evaluate --dark-machines``: total improvements of models, read, printed and written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from novum.evaluation import TotalImprovements
    from novum.search.scored_rows import RowSettings

NOT_MEASURED = "not measured"


def evaluate_dark_machines(
    words: Sequence[str], settings: RowSettings, output: Path | None
) -> None:
    """Total improvements of the files that the words ``PATH`` and ``NAME=PATH`` name.

    Raises
    ------
    NovumError
        As `tables_of`, `study_improvements` and `write_improvements` do.
    """
    from novum.cli import console
    from novum.cli.evaluate import tables_of
    from novum.evaluation.dark_machines_rows import holds_signal_rows
    from novum.search.scored_rows import study_improvements

    files = [word for word in words if holds_signal_rows(word)]
    others = [word for word in words if word not in files]
    study = study_improvements(
        tables_of(others) if others or not files else [],
        [Path(word) for word in files],
        settings,
        progress=console.RichProgress(),
    )
    if output is not None:
        from novum.report.improvement_figure import write_improvements

        write_improvements(study.totals, study.rows, output)
    print_improvements(study.totals)
    if output is not None:
        console.out.print(f"written: {output}", highlight=False, soft_wrap=True, markup=False)


def print_improvements(totals: TotalImprovements) -> None:
    """The table of models, and what makes them hard to compare."""
    from rich.markup import escape

    from novum.cli import console

    console.out.print(improvement_table(totals))
    for note in totals.notes:
        console.out.print(f"[yellow]note:[/] {escape(note)}", highlight=False, soft_wrap=True)
    console.out.print(
        "per signal the largest ε_S/√ε_B at ε_B = 1e-2, 1e-3, 1e-4 of all channels; its minimum, "
        "median and maximum over signals (arXiv:2105.14027)",
        highlight=False,
        soft_wrap=True,
    )


def improvement_table(totals: TotalImprovements) -> Table:
    """Models in rows, the one of the largest median first."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(title="total improvement, truth level", title_justify="left")
    table.add_column("model", overflow="fold")
    for name in ("signals", "min", "median", "max"):
        table.add_column(name, justify="right", no_wrap=True)
    for model in totals.models:
        figures = (model.minimum, model.median, model.maximum)
        cells = (NOT_MEASURED if figure is None else f"{figure:.3g}" for figure in figures)
        table.add_row(escape(model.model), str(model.n_signals), *cells)
    return table
