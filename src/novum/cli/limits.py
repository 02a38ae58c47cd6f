"""``novum limits``: upper limits on a named signal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from novum.errors import ConfigError, OutputError
from novum.search.limit_config import LimitConfig

if TYPE_CHECKING:
    from rich.table import Table

    from novum.search.frozen_limits import FrozenLimit

LIMITS_FILE = "limits.json"
HISTFACTORY_FILE = "histfactory.json"


def limits(
    target: Path,
    *,
    signal: Path | None = None,
    output: Annotated[Path | None, Parameter(name=("--output", "-o"))] = None,
    settings: Annotated[LimitConfig | None, Parameter(name="*")] = None,
) -> None:
    """Set an upper limit on a named signal, for cuts that were fixed on independent data.

    Needs the extra novum[limits]. The background in the signal region is that of the sidebands
    times a transfer factor, which is fitted to the spectrum before the cuts with the signal region
    masked. A cut that was trained on these data gets no valid limit this way.

    Parameters
    ----------
    target : Path
        File of events.
    signal : Path
        File of simulated signal events before the cuts; of a labelled file only label 1 counts.
    output : Path
        New folder for limits.json, histfactory.json (a pyhf workspace) and figures.
    """
    from novum.cli import console
    from novum.search.frozen_limits import frozen_limit

    if target.is_dir():
        raise ConfigError(f"limits: {target} is a folder; name a file of events")
    if output is not None:
        _require_new(output)
    found = frozen_limit(target, signal, settings or LimitConfig())
    _print(found)
    if output is not None:
        _write(found, output)
        console.out.print(f"written: {output}", highlight=False, soft_wrap=True, markup=False)


def _require_new(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"{folder}: exists already and is not overwritten")


def _write(found: FrozenLimit, folder: Path) -> None:
    from novum.io import write_text
    from novum.report import write_limit_figure

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made: {error.strerror}") from None
    write_text(folder / LIMITS_FILE, found.to_json())
    write_text(folder / HISTFACTORY_FILE, found.histfactory_json())
    write_limit_figure(found.limit, folder)


def _print(found: FrozenLimit) -> None:
    from rich.markup import escape

    from novum.cli import console

    c, a = found.counts, found.acceptance
    cuts = " and ".join(found.cuts) or "no cut"
    region = f"SR {found.window.low:g}-{found.window.high:g} GeV"
    lines = (
        f"{found.signal} in {found.data}: {cuts}, {region}",
        f"observed {c.n_on:g}, expected background b = {c.expected:.4g} ± {c.expected_error:.2g} "
        f"(sidebands {c.n_off:g}, r = {c.ratio:.4g} ± {c.ratio_error:.2g}, masked fit p = "
        f"{found.fit_p:.2g})",
        f"signal acceptance {a.on:.4g} ± {a.on_error:.2g} in the SR, {a.off:.4g} ± "
        f"{a.off_error:.2g} in the sidebands, from {a.n_events} events",
    )
    for line in lines:
        console.out.print(escape(line), highlight=False, soft_wrap=True)
    console.out.print(_table(found))
    if found.cross_section is not None:
        note = "A: share of produced events that the signal file begins with, before the cuts"
        console.out.print(note, highlight=False)
    console.out.print(f"[yellow]note:[/] {found.assumption}", highlight=False, soft_wrap=True)


def _table(found: FrozenLimit) -> Table:
    from rich.markup import escape
    from rich.table import Table

    from novum.search.frozen_limits import Interval

    limit = found.limit
    toys = f", {limit.n_toys} toys a hypothesis" if limit.n_toys else ""
    table = Table(
        title=f"{100 * limit.level:g} % CLs upper limits, {limit.method}{toys}",
        title_justify="left",
    )
    for name in ("limit on", "observed", "-2σ", "-1σ", "expected", "+1σ", "+2σ"):
        table.add_column(name, justify="left" if name == "limit on" else "right", no_wrap=True)
    rows = [(f"μ (1 = {found.signal_events:g} events)", Interval.of(limit, 1.0))]
    rows.append(("events before cuts", found.events))
    if found.cross_section is not None:
        rows.append((escape("σ × BR × A [fb]"), found.cross_section))
    for name, values in rows:
        table.add_row(name, *(f"{v:.4g}" for v in (values.observed, *values.expected)))
    return table
