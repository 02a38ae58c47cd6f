"""Tables of a calibration, an injection study and a blind search."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from novum.cli import console

if TYPE_CHECKING:
    from novum.calibration import InjectionStudy
    from novum.search.blinding import BlindResult
    from novum.search.calibrated import Calibration


def print_calibration(calibration: Calibration) -> None:
    """κ, b and s of every window of a calibration."""
    from novum.statistics.retrained import calibrate_scan

    scan = calibrate_scan(calibration.counts)
    table = Table(title="null searches, window by window", title_justify="left")
    for name in ("SR [GeV]", "κ", "mean z", "sd of z", "withheld"):
        table.add_column(name, justify="right")
    rate = 1 - calibration.counts.quoted.mean(axis=0)
    for i, w in enumerate(calibration.windows):
        table.add_row(
            f"{w.low:.0f}-{w.high:.0f}",
            f"{scan.kappa[i]:.3f} ± {scan.kappa_error[i]:.3f}",
            console.number(scan.location[i]),
            console.number(scan.scale[i]),
            f"{100 * rate[i]:.0f} %",
        )
    console.out.print(table)
    lines = [f"{len(scan.null_z)} null searches ({calibration.null}: {calibration.origin})"]
    if calibration.fold_seed_spread is not None:
        lines.append(f"z moves by {calibration.fold_seed_spread:.2f} with the draw of the folds")
    if len(scan.t_null):
        lines.append(f"{scan.effective_windows:.1f} effective windows")
    if calibration.closure is not None:
        c = calibration.closure
        lines.append(
            f"closure: AUC {c.auc:.4f}, permuted {c.permuted_mean:.4f} ± {c.permuted_sd:.4f}, "
            f"p = {c.p_value:.2g}"
        )
    for line in lines:
        console.out.print(escape(line), highlight=False)


def print_study(study: InjectionStudy) -> None:
    """Injected against found."""
    w = study.window
    table = Table(
        title=f"injected against found, SR {w.low:.0f}-{w.high:.0f} GeV", title_justify="left"
    )
    names = (
        "signal",
        "injected",
        "in the SR",
        "selected",
        "net",
        "ε_S",
        "found",
        "z (68 %)",
        "withheld",
    )
    for name in names:
        table.add_column(name, justify="right")
    blocks = [("nominal", study.points), *((v.variation, v.points) for v in study.variations)]
    for name, points in blocks:
        for p in points:
            low, high = p.z_cal_interval
            table.add_row(
                escape(name),
                str(p.strength),
                f"{p.in_region:.0f}",
                f"{p.selected:.1f}",
                f"{p.net:.1f}",
                f"{p.efficiency:.2f}",
                f"{p.excess:.1f} ± {p.excess_error:.1f}",
                f"{p.z_cal:.1f} ({low:.1f} to {high:.1f})",
                f"{100 * p.withheld_rate:.0f} %",
            )
    console.out.print(table)
    c, threshold = study.closure, study.threshold
    console.out.print(
        f"found = ({c.slope:.3f} ± {c.slope_error:.3f}) × net signal, χ² = {c.chi2:.1f} for "
        f"{c.ndf} degrees of freedom (p = {c.p_value:.2g})",
        highlight=False,
    )
    console.out.print(
        "half of the searches miss 3σ at every strength"
        if threshold is None
        else f"half of the searches miss 3σ below {threshold:.0f} injected events",
        highlight=False,
    )


def print_blind(blind: BlindResult) -> None:
    """Everything about a blind search that may be seen."""
    table = Table(title="windows, signal regions hidden", title_justify="left")
    for name in (
        "SR [GeV]",
        "selected in SB",
        "expected in SR",
        "fit p",
        "validation z",
        "withheld",
    ):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("withheld")
    for w in blind.windows:
        table.add_row(
            f"{w.window.low:.0f}-{w.window.high:.0f}",
            f"{w.n_off:.1f}",
            f"{w.expected:.1f} ± {w.expected_error:.1f}",
            f"{w.fit_p:.2g}",
            console.number(w.validation.z),
            escape(w.withheld or ""),
        )
    console.out.print(table)
    console.out.print(
        f"frozen {blind.frozen}: config {blind.config_hash}, seed {blind.seed}", highlight=False
    )
