"""``novum evaluate``: figures of merit of scores whose truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from novum.errors import ConfigError

if TYPE_CHECKING:
    from rich.table import Table

    from novum.evaluation import Comparison
    from novum.evaluation.records import Decorrelation, Estimate, Method
    from novum.search.scored import TableOfScores

TOO_FEW = "too few"


def evaluate(
    *scores: str,
    label: str | None = None,
    score: tuple[str, ...] = ("score",),
    output: Annotated[Path | None, Parameter(name=("--output", "-o"))] = None,
    truth: Path | None = None,
    window: int | None = None,
    mass: str | None = None,
    seed: int = 0,
    dark_machines: Annotated[bool, Parameter(negative="")] = False,
    signal_column: str | None = None,
    channel_column: str | None = None,
    min_background: int | None = None,
) -> None:
    """Compare scores with the truth: AUC, background rejection and SIC, with their errors.

    Nothing is quoted where fewer than 25 background events pass.

    Parameters
    ----------
    scores : str
        Tables with a score and a label; NAME=PATH names a method, and tables of one name are its
        seeds.
    label : str
        Truth column, 1 for signal; by default the one named label, is_signal or the like.
    score : str
        Column of scores, higher is more anomalous; several, comma separated, are a method each.
    output : Path
        New folder for evaluation.json and the figures.
    truth : Path
        Table that holds the labels where those of the scores do not, joined by id; and the columns
        that --mass, --signal-column and --channel-column name.
    window : int
        Window of a search, counted from 0, in its scores.parquet.
    mass : str
        Column that scores should not follow, in --truth or in the tables: how far they do, and what
        is left once background has the mass spectrum of signal.
    seed : int
        Seed of the bootstrap.
    dark_machines : bool
        Total improvement as in arXiv:2105.14027, of tables of scores and of CSV files with the
        columns Signal,Model,Chan,AUC,1e-2,1e-3,1e-4.
    signal_column : str
        With --dark-machines: column that names the process of signal events; NAME=PATH then names
        the model, else the signal.
    channel_column : str
        With --dark-machines: column that names the channel of events.
    min_background : int
        With --dark-machines: fewest background events that must pass, 25 by default.
    """
    from novum.cli import console
    from novum.cli.dark_machines import evaluate_dark_machines
    from novum.io.atomic import check_new_folder
    from novum.search.scored import evaluate_tables
    from novum.search.scored_rows import RowSettings

    if output is not None:
        check_new_folder(output)
    if dark_machines:
        _refuse("with", {"--window": window, "--mass": mass})
        settings = RowSettings(score, label, signal_column, channel_column, min_background, truth)
        evaluate_dark_machines(scores, settings, output)
        return
    columns = {"--signal-column": signal_column, "--channel-column": channel_column}
    _refuse("without", {**columns, "--min-background": min_background})
    comparison = evaluate_tables(
        tables_of(scores),
        score=score,
        label=label,
        truth=truth,
        window=window,
        mass=mass,
        seed=seed,
        progress=console.RichProgress(),
    )
    if output is not None:
        from novum.report.comparison_figure import write_comparison

        write_comparison(comparison, output)
    print_comparison(comparison)
    if output is not None:
        console.out.print(f"written: {output}", highlight=False, soft_wrap=True, markup=False)


def _refuse(where: str, options: dict[str, object]) -> None:
    for option, value in options.items():
        if value is not None:
            raise ConfigError(f"{option}: has no meaning {where} --dark-machines")


def tables_of(arguments: Sequence[str]) -> list[TableOfScores]:
    """The tables of scores that the words ``PATH`` and ``NAME=PATH`` name.

    Raises
    ------
    ConfigError
        If there is none, a name or a path is empty, or two files without a name share their stem.
    """
    from novum.search.scored import TableOfScores

    if not arguments:
        raise ConfigError("evaluate: name a table of scores")
    tables: list[TableOfScores] = []
    by_stem: dict[str, str] = {}
    for word in arguments:
        name, equals, path = word.partition("=")
        if equals and not Path(word).is_file():
            if not name or not path:
                raise ConfigError(f"'{word}': write NAME=PATH")
        else:
            name, path = Path(word).name.partition(".")[0], word
            by_stem.setdefault(name, word)
        tables.append(TableOfScores(name, Path(path)))
    names = [table.name for table in tables]
    for name, word in by_stem.items():
        if names.count(name) > 1:
            raise ConfigError(
                f"{word}: another table is called '{name}' too; write NAME=PATH, with equal names "
                "for seeds of one method"
            )
    return tables


def print_comparison(comparison: Comparison) -> None:
    """The table of figures, what it was restricted to, and what its errors are."""
    from rich.markup import escape

    from novum.cli import console

    console.out.print(comparison_table(comparison))
    for note in comparison.notes:
        console.out.print(f"[yellow]note:[/] {escape(note)}", highlight=False, soft_wrap=True)
    first = comparison.methods[0].seeds[0]
    errors = f"errors: 68 %, {first.replicas} bootstrap replicas"
    if any(len(method.seeds) > 1 for method in comparison.methods):
        errors += "; over seeds: median and central 68 % of the seeds"
    console.out.print(
        f"{errors}; in brackets the background events that pass, '{TOO_FEW}' below 25",
        highlight=False,
    )


def comparison_table(comparison: Comparison) -> Table:
    """Figures in rows, methods in columns."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(title="truth level", title_justify="left")
    table.add_column("figure", no_wrap=True)
    rows = [_column(method) for method in comparison.methods]
    for method in comparison.methods:
        table.add_column(escape(method.name), justify="right", overflow="fold")
    for figure in rows[0]:
        table.add_row(figure, *(row[figure] for row in rows))
    return table


def _column(method: Method) -> dict[str, str]:
    figures = method.figures
    cells = {
        "seeds": str(len(method.seeds)),
        "N_sig": _range([f"{p.n_signal}" for p in method.seeds]),
        "N_bkg": _range([f"{p.n_background}" for p in method.seeds]),
        "S/√B": _range([f"{p.significance_before:.3f}" for p in method.seeds]),
        "AUC": _cell(figures.auc),
    }
    for cut in figures.rejections:
        cells[f"1/ε_B at ε_S = {cut.eps_s:g}"] = _cell(cut.rejection, cut.n_background)
    largest = figures.max_sic
    cells["max SIC"] = TOO_FEW if largest is None else _cell(largest.sic, largest.n_background)
    for point in figures.working_points:
        cells[f"SIC at ε_B = {point.eps_b:g}"] = _cell(point.sic, point.n_background)
    for point in figures.working_points:
        cells[f"ε_S at ε_B = {point.eps_b:g}"] = _cell(point.eps_s, point.n_background)
    return cells if figures.decorrelation is None else cells | _decorrelation(figures.decorrelation)


def _decorrelation(found: Decorrelation) -> dict[str, str]:
    cells = {
        f"AUC, {found.mass} planed": _cell(found.auc_planed),
        f"distance correlation with {found.mass}": _beside_random(
            found.distance_correlation, found.random
        ),
    }
    for cut in found.cuts:
        name = f"divergence of {found.mass} at ε_B = {cut.eps_b:g}"
        cells[name] = _beside_random(cut.jensen_shannon, cut.random) + f" ({cut.n_background})"
    return cells


def _beside_random(estimate: Estimate | None, random: float | None) -> str:
    """A measure that is not 0 by chance either, with what chance makes it."""
    if estimate is None or random is None:
        return TOO_FEW
    return f"{with_interval(estimate)}, random {random:.2g}"


def _range(cells: Sequence[str]) -> str:
    ordered = sorted(dict.fromkeys(cells), key=float)
    return ordered[0] if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]}"


def _cell(estimate: Estimate | None, n_background: int | None = None) -> str:
    count = "" if n_background is None else f" ({n_background})"
    if estimate is None:
        return TOO_FEW + count
    return with_interval(estimate) + count


def with_interval(estimate: Estimate) -> str:
    """``value +up −down``, all to two digits of the larger error."""
    from math import floor, log10

    value, low, high = estimate.value, estimate.low, estimate.high
    errors = [abs(end - value) for end in (low, high) if end is not None]
    error = max(errors, default=0) or abs(value) / 100 or 0.01
    digits = min(max(1 - floor(log10(error)), 0), 6)
    text = f"{value:.{digits}f}"
    if low is None or high is None:
        return text
    down = -(value - low)  # 0 as −0
    return f"{text} {high - value:+.{digits}f} {down:+.{digits}f}".replace("-", "−")
