"""``novum compare``: finished searches side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from novum.errors import ConfigError

if TYPE_CHECKING:
    from novum.report.compared import SearchComparison


def compare(
    *searches: str,
    output: Annotated[Path | None, Parameter(name=("--output", "-o"))] = None,
) -> None:
    """Compare searches: p-values, SIC where labels exist, sculpting, template closure, time.

    Parameters
    ----------
    searches : str
        Output folders of hunts; NAME=FOLDER names one.
    output : Path
        New folder for comparison.html, comparison.json and the figures.
    """
    from novum.cli import console
    from novum.io.atomic import check_new_folder
    from novum.report import compare as side_by_side
    from novum.report import write_compared

    if output is not None:
        check_new_folder(output)
    comparison = side_by_side(folders_of(searches))
    print_comparison(comparison)
    if output is not None:
        page = write_compared(comparison, output)
        console.out.print(f"written: {page}", highlight=False, soft_wrap=True, markup=False)


def folders_of(arguments: tuple[str, ...]) -> dict[str, Path]:
    """The folders that the words ``FOLDER`` and ``NAME=FOLDER`` name.

    Raises
    ------
    ConfigError
        If there are fewer than two, a name or a folder is empty, or two have one name.
    """
    if len(arguments) < 2:
        raise ConfigError("compare: name two output folders of novum hunt, or more")
    folders: dict[str, Path] = {}
    for word in arguments:
        name, equals, path = word.partition("=")
        if not equals or Path(word).exists():
            name, path = Path(word).resolve().name, word
        if not name or not path:
            raise ConfigError(f"'{word}': write NAME=FOLDER")
        if name in folders:
            raise ConfigError(f"{word}: another search is called '{name}' too; write NAME=FOLDER")
        folders[name] = Path(path)
    return folders


def print_comparison(comparison: SearchComparison) -> None:
    """Figures in rows, searches in columns, and what to mind."""
    from rich.markup import escape
    from rich.table import Table

    from novum.cli import console
    from novum.report.compared_table import table

    shown = Table(title="searches", title_justify="left")
    shown.add_column("figure", no_wrap=True)
    for search in comparison.searches:
        shown.add_column(escape(search.name), justify="right", overflow="fold")
    for name, cells in table(comparison):
        shown.add_row(escape(name), *(escape(cell) for cell in cells))
    console.out.print(shown)
    for note in comparison.notes:
        console.out.print(f"[yellow]note:[/] {escape(note)}", highlight=False, soft_wrap=True)
