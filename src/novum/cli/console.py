"""What the commands print: one console, one progress meter, tables of results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO, TypeVar

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from pathlib import Path

    from novum.catalogue import Entry
    from novum.events import Meta
    from novum.io import InputSummary
    from novum.search.bump import BumpHuntResult
    from novum.search.calibration_records import CalibratedWindow
    from novum.search.explained import Explanation
    from novum.search.latent_scan import LatentScan
    from novum.search.onnx_export import OnnxExport
    from novum.search.outliers import OutlierModel
    from novum.search.records import WindowResult
    from novum.search.result import SearchResult

T = TypeVar("T")

out = Console()
err = Console(stderr=True)


class RichProgress:
    """Progress bars on standard error; nothing where that is not a terminal."""

    def track(self, items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
        """Yield `items` under a bar that goes away when it is full."""
        if not err.is_terminal:
            yield from items
            return
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=err, transient=True) as bars:
            yield from bars.track(items, total=total, description=escape(description))

    def message(self, text: str) -> None:
        """One line."""
        err.print(escape(text), highlight=False)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show that something runs, and since when, where its steps are not told."""
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    quiet = not err.is_terminal
    with Progress(*columns, console=err, transient=True, disable=quiet) as bars:
        bars.add_task(escape(what))
        yield


def show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print a Python warning as one note."""
    err.print(f"[yellow]note:[/] {escape(str(message))}", highlight=False, soft_wrap=True)


def number(value: float | None, digits: int = 2) -> str:
    """A number for a table cell; a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}"


def search_table(result: SearchResult) -> Table:
    """All windows of a search."""
    table = Table(title="windows", title_justify="left")
    scan = result.calibration
    first = "z" if scan is None else "z_cal"
    for name in ("SR [GeV]", "observed", "expected", first, "local p", "inclusive z"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("withheld")
    best = result.best_window if scan is None else scan.best_window
    for i, w in enumerate(result.windows):
        is_best = best is not None and w.window.low == best.low
        looked_up = None if scan is None else scan.windows[i]
        table.add_row(*_search_row(w, looked_up), style="bold" if is_best else "")
    return table


def _search_row(w: WindowResult, calibrated: CalibratedWindow | None) -> tuple[str, ...]:
    z, p, withheld = w.z, w.p, w.withheld
    if calibrated is not None:
        z, p, withheld = calibrated.z_cal, calibrated.p, calibrated.withheld
    return (
        f"{w.window.low:.0f}-{w.window.high:.0f}",
        f"{w.counts.n_on:.0f}",
        f"{w.counts.expected:.1f} ± {w.counts.expected_error:.1f}",
        number(z),
        "–" if p is None else f"{'≤ ' if p.is_bound else ''}{p.value:.2g}",
        number(w.inclusive.z),
        escape(withheld or ""),
    )


def print_search(result: SearchResult) -> None:
    """Table and headline of a search."""
    from novum.search.result import with_relation

    out.print(search_table(result))
    for warning in result.warnings:
        out.print(f"[yellow]note:[/] {escape(warning)}", highlight=False)
    out.print(escape(result.summary()), style="bold", highlight=False)
    if result.withheld_note:
        out.print(f"[yellow]note:[/] {escape(result.withheld_note)}", highlight=False)
    if result.inclusive_global_p is not None:
        out.print(
            f"before the selection: global p {with_relation(result.inclusive_global_p)}",
            highlight=False,
        )
    for record in result.evaluation:
        if best_is(result, record.window.low) and record.max_sic is not None:
            out.print(
                f"truth level: S/√B = {record.significance_before:.2f} before any cut "
                f"({record.n_signal} / {record.n_background}), max SIC {record.max_sic:.2f} with "
                f"{record.max_sic_n_background} background events",
                highlight=False,
            )


def best_is(result: SearchResult, low: float) -> bool:
    """Whether the best window begins at `low` [GeV]."""
    return result.best_window is not None and result.best_window.low == low


def print_bumphunt(result: BumpHuntResult) -> None:
    """Table and headline of a bump hunt."""
    from novum.search.result import with_relation

    fit = result.background
    out.print(
        f"{escape(result.origin)}: {result.n_events:.0f} events in {result.fit_range[0]:.4g}-"
        f"{result.fit_range[1]:.4g} GeV; {fit.family} with {fit.n_params} parameters: deviance "
        f"{fit.deviance:.1f} for {fit.ndf} degrees of freedom, p = {fit.p_value:.2g}",
        highlight=False,
    )
    table = Table()
    for name in ("SR [GeV]", "observed", "expected", "z", "local p", "fit p"):
        table.add_column(name, justify="right")
    for w in result.windows:
        table.add_row(
            f"{w.window.low:.5g}-{w.window.high:.5g}",
            f"{w.observed:.0f}",
            f"{w.expected:.1f} ± {w.expected_error:.1f}",
            number(w.z),
            str(w.p),
            f"{w.fit_p:.2g}",
            style="bold" if w.window.low == result.best_window.low else "",
        )
    out.print(table)
    best = result.best
    out.print(
        f"best window {best.window.low:.5g}-{best.window.high:.5g} GeV, local z = {best.z:.2f}, "
        f"global p {with_relation(result.global_p)}",
        style="bold",
        highlight=False,
    )
    if result.peak is not None:
        p = result.peak
        out.print(
            f"peak at {p.mass:.5g} ± {p.mass_error:.2g} GeV, resolution {p.width:.3g} ± "
            f"{p.width_error:.1g} GeV, {p.events:.0f} ± {p.events_error:.0f} events, "
            f"z = {p.z:.1f}, fit p = {p.fit_p:.2g}",
            highlight=False,
        )
    if result.caveat:
        out.print(f"[yellow]note:[/] {escape(result.caveat)}", highlight=False)
    if result.spurious:
        from novum.cli.spurious import print_spurious

        print_spurious(out, result)


def print_summary(summary: InputSummary) -> None:
    """Table of the columns of a file."""
    table = Table()
    table.add_column("column", overflow="fold", min_width=12)
    table.add_column("unit")
    for name in ("min", "max", "mean", "missing", "infinite"):
        table.add_column(name, justify="right", no_wrap=True)
    for c in summary.columns:
        table.add_row(
            escape(c.name),
            escape(c.unit or ""),
            *(f"{v:.4g}" for v in (c.minimum, c.maximum, c.mean)),
            str(c.n_missing or ""),
            str(c.n_infinite or ""),
        )
    out.print(table)
    roles = {"weights": summary.weight, "labels": summary.label, **summary.bookkeeping}
    for role, column in roles.items():
        if column:
            out.print(f"{role}: column '{escape(column)}'", highlight=False)
    for name, names in summary.clouds.items():
        out.print(f"cloud '{escape(name)}': {escape(', '.join(names))}", highlight=False)
    if summary.on_request:
        held = escape(", ".join(summary.on_request))
        out.print(f"read only when named: {held}", highlight=False)
    for note in summary.notes:
        out.print(escape(note), highlight=False)
    out.print(f"{summary.n_events} events", highlight=False)
    if summary.suggested_mass:
        out.print(
            f"suggested mass: --mass {escape(summary.suggested_mass)} ({escape(summary.reason)})",
            highlight=False,
        )


def print_simulated(meta: Meta, n: int, path: Path) -> None:
    """What was simulated, with its cross-section if it has one."""
    said = f"{n} events"
    if meta.cross_section is not None:
        said += (
            f", cross-section after the selection {meta.cross_section:.4g} ± "
            f"{meta.cross_section_error:.1g} pb: as many as in {meta.luminosity:.4g}/fb"
        )
    out.print(said, highlight=False)
    out.print(f"written: {path}", highlight=False, soft_wrap=True, markup=False)


def print_outlier_model(model: OutlierModel, path: Path) -> None:
    """What was trained, on what."""
    names = model.inputs.names
    shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    out.print(
        f"{model.detector.name}: {model.n_events} events of {len(names)} columns ({escape(shown)}) "
        f"in {model.seconds:.1f} s; {model.n_held_out} held out for the p-values",
        highlight=False,
        soft_wrap=True,
    )
    out.print(f"written: {path}", highlight=False, soft_wrap=True, markup=False)


def print_onnx(export: OnnxExport) -> None:
    """What was exported, and what onnxruntime says of it."""
    lines = [
        f"{export.detector}, {export.score}: {export.n_inputs} columns, opset {export.opset}, "
        f"{export.n_bytes / 1024:.1f} kB"
    ]
    if export.check is None:
        lines.append("not checked: onnxruntime is not installed (pip install onnxruntime)")
    else:
        times = (f"{1e6 * s:.3g} µs in batches of {n}" for n, s in export.check.seconds.items())
        lines.append(
            f"onnxruntime: largest deviation {export.check.deviation:.1e} in "
            f"{export.check.n_events} rows; an event takes {', '.join(times)} on one core"
        )
    for line in (*lines, f"written: {export.path}"):
        out.print(line, highlight=False, soft_wrap=True, markup=False)


def print_latent_scan(scan: LatentScan, path: Path) -> None:
    """What each size of a latent space loses, median and range over seeds."""
    from novum.search.latent_scan import spread

    def cell(values: tuple[float, ...]) -> str:
        if not values:
            return "–"
        middle, low, high = spread(values)
        return f"{middle:.3f} ({low:.3f} to {high:.3f})"

    table = Table(title=f"{scan.method}, {scan.n_events} events", title_justify="left")
    for name in ("latent", "residual of background", f"AUC of {scan.score}", "seconds"):
        table.add_column(name, justify="right")
    for point in scan.points:
        cells = (str(point.latent), cell(point.residual), cell(point.auc), f"{point.seconds:.1f}")
        table.add_row(*cells)
    out.print(table)
    out.print(f"written: {path}", highlight=False, soft_wrap=True, markup=False)


def print_explanation(found: Explanation, page: Path) -> None:
    """The explained events and what carries their scores."""
    from novum.search.explained import leading

    table = Table(title=f"{found.n_events} events, {found.model.method}", title_justify="left")
    for name in ("id", f"score ({found.model.score})", "p-value"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("carried by")
    for event in found.events:
        names = ", ".join(found.pieces[j].name for j in leading(event, 3))
        cells = (str(event.id), f"{event.score:.4g}", f"{event.p_value:.2g}", escape(names))
        table.add_row(*cells)
    out.print(table)
    for note in found.notes:
        out.print(f"[yellow]note:[/] {escape(note)}", highlight=False)
    out.print(f"report: {page}", highlight=False, soft_wrap=True, markup=False)


def print_entries(entries: tuple[Entry, ...]) -> None:
    """Table of the catalogue."""
    table = Table()
    for name in ("kind", "name", "what it does", "papers"):
        table.add_column(name)
    for e in entries:
        papers = ", ".join(f"arXiv:{arxiv}" for arxiv, _ in e.references)
        table.add_row(e.kind, e.name, escape(e.summary), papers)
    out.print(table)
    from novum.search.config import OPTION_KINDS

    for kind in (*OPTION_KINDS, "detector"):
        print_options(kind, tuple(e for e in entries if e.kind == kind))


def print_options(kind: str, members: tuple[Entry, ...]) -> None:
    """Table of what can be set as ``--classifier.NAME VALUE``, for one kind of member."""
    from novum.search.config import SET_ELSEWHERE

    # A search has its own --members and --density; novum fit has its own --seed.
    hidden = {"random_state"} if kind == "detector" else set(SET_ELSEWHERE)
    title = "novum fit, --NAME VALUE" if kind == "detector" else f"options, --{kind}.NAME VALUE"
    table = Table(title=title, title_justify="left")
    for name in (kind, "option", "default", "what it is"):
        table.add_column(name, no_wrap=name == "option")
    for e in members:
        for o in e.options:
            if o.name not in hidden:
                row = (e.name, o.name.replace("_", "-"), o.default, o.summary)
                table.add_row(*(escape(cell) for cell in row))
    out.print(table)
