"""``novum limits``: upper limits on a named signal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from novum.errors import ConfigError, InputError, OutputError
from novum.search.limit_config import LimitConfig

if TYPE_CHECKING:
    from rich.table import Table

    from novum.calibration import TrainedLimit
    from novum.search.frozen_limits import FrozenLimit

LIMITS_FILE = "limits.json"
HISTFACTORY_FILE = "histfactory.json"


def limits(
    target: Path,
    *,
    signal: Path | None = None,
    strengths: tuple[int, ...] = (),
    n: Annotated[int, Parameter(name=("--number", "-n"))] = 50,
    resume: bool = False,
    jobs: Annotated[int | None, Parameter(name=("--jobs", "-j"))] = None,
    output: Annotated[Path | None, Parameter(name=("--output", "-o"))] = None,
    settings: Annotated[LimitConfig | None, Parameter(name="*")] = None,
) -> None:
    """Set an upper limit on a named signal.

    For a file of events: of cuts that were fixed on independent data (extra novum[limits]). The
    background in the signal region is that of the sidebands times a transfer factor, which is
    fitted to the spectrum before the cuts with the signal region masked.

    For the folder of a calibrated hunt: of its trained selection. The signal is injected into null
    data at several strengths and every one is searched with retraining.

    Parameters
    ----------
    target : Path
        File of events, or folder of a hunt with its calibration.json.
    signal : Path
        File of simulated signal events before the cuts; of a labelled file only label 1 counts.
    strengths : int
        For a hunt: numbers of injected events, as A,B,C; at least five.
    n : int
        For a hunt: searches at each strength.
    resume : bool
        For a hunt: continue an interrupted study.
    jobs : int
        For a hunt: worker processes; by default one per core.
    output : Path
        New folder for limits.json and figures; histfactory.json (a pyhf workspace) of fixed cuts,
        injection.json of a hunt (by default in a folder beside its result).
    """
    from novum.cli import console
    from novum.search.frozen_limits import frozen_limit

    if not target.exists():
        raise InputError("no such file or folder", file=target)
    if target.is_dir():
        folder = output or target / f"limits-{Path(signal or '').stem}"
        _trained(target, signal, folder, strengths, n, resume, jobs, settings or LimitConfig())
        return
    if strengths or resume:
        raise ConfigError("strengths and resume: for the folder of a hunt, not for fixed cuts")
    if output is not None:
        _require_new(output)
    found = frozen_limit(target, signal, settings or LimitConfig())
    _print(found)
    if output is not None:
        _write(found, output)
        console.out.print(f"written: {output}", highlight=False, soft_wrap=True, markup=False)


def _trained(
    target: Path,
    signal: Path | None,
    folder: Path,
    strengths: tuple[int, ...],
    n: int,
    resume: bool,
    jobs: int | None,
    settings: LimitConfig,
) -> None:
    """Limit of the trained selection of a hunt."""
    from novum.calibration import retrained_limit
    from novum.cli import console
    from novum.io import write_text
    from novum.report import write_trained_limit_figure
    from novum.search.frozen_limits import NO_MODEL_FREE_LIMIT

    if signal is None:
        raise ConfigError(NO_MODEL_FREE_LIMIT)
    used = replace(settings, luminosity=None, level=LimitConfig.level)
    if used != LimitConfig():
        raise ConfigError(
            "limits: of a hunt, only --signal, --strengths, -n, --luminosity and --level can be "
            "set; everything else is that of the hunt"
        )
    found = retrained_limit(
        target, str(signal), strengths=strengths, n=n, level=settings.level, output=folder,
        resume=resume, n_jobs=jobs, progress=console.RichProgress(),
    )  # fmt: skip
    write_text(folder / LIMITS_FILE, found.to_json())
    write_trained_limit_figure(found, folder)
    _print_trained(found, settings.luminosity)
    console.out.print(f"written: {folder}", highlight=False, soft_wrap=True, markup=False)


def _print_trained(found: TrainedLimit, luminosity: float | None) -> None:
    from rich.markup import escape
    from rich.table import Table

    from novum.cli import console

    table = Table(title=f"CLs of {escape(found.signal)}, retrained", title_justify="left")
    for name in ("injected", "ε_S", "CLs"):
        table.add_column(name, justify="right")
    for strength, efficiency, cls, error in zip(
        found.strengths, found.efficiency, found.cls, found.cls_error, strict=True
    ):
        table.add_row(str(strength), f"{efficiency:.2f}", f"{cls:.3f} ± {error:.3f}")
    console.out.print(table)
    units = [("events", 1.0)]
    if luminosity is not None:
        units.append(("fb (σ × BR × A)", luminosity))
    for unit, divisor in units:
        console.out.print(escape(_trained_line(found, unit, divisor)), highlight=False)


def _trained_line(found: TrainedLimit, unit: str, divisor: float) -> str:
    def text(value: float | None) -> str:
        return (
            f"> {found.strengths[-1] / divisor:.3g}" if value is None else f"{value / divisor:.3g}"
        )

    low, high = (text(v) for v in found.observed_interval)
    two_low, one_low, median, one_high, two_high = (text(v) for v in found.expected)
    return (
        f"{100 * found.level:g} % CLs limit: {text(found.observed)} {unit} ({low} to {high} from "
        f"the number of searches); expected {median} (±1σ {one_low} to {one_high}, ±2σ {two_low} "
        f"to {two_high})"
    )


def _require_new(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"{folder}: exists already and is not overwritten")


def _write(found: FrozenLimit, folder: Path) -> None:
    from novum.io import write_text
    from novum.io.atomic import make_folder
    from novum.report import write_limit_figure

    make_folder(folder)
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
