"""Limits on a named signal for a selection that was fixed on independent data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from novum.errors import ConfigError, FitError, InputError
from novum.events import Events
from novum.io import require_finite, to_gev
from novum.io.documents import to_json
from novum.search.config import MIN_FIT_P
from novum.search.counting import on_off_counts, with_family_choice, with_ratio_error
from novum.search.gates import MAX_VALIDATION_Z, validate
from novum.search.inputs import as_events, check_units, usable_weights
from novum.search.limit_config import Cut, LimitConfig
from novum.search.records import Counts, WindowEdges
from novum.search.scan import plan_scan
from novum.statistics import (
    Limit,
    OnOffCounts,
    SpectrumFit,
    on_off_workspace,
    upper_limit,
)
from novum.windows import Window

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

SCHEMA = "novum-limit"
ASSUMPTION = (
    "valid only if the cut was fixed on independent data; a cut trained on these data gives no "
    "valid limit this way"
)
NO_MODEL_FREE_LIMIT = (
    "limits: name a file of simulated signal (--signal FILE). There is no limit independent of a "
    "model: the efficiency of a selection, and of a trained one its very shape, depends on the "
    "signal and falls with its strength, so a limit belongs to a named signal; ATLAS "
    "(arXiv:2005.02983) and CMS (arXiv:2412.03747) quote theirs for benchmark signals too"
)


@dataclass(frozen=True)
class Acceptance:
    """Share of the signal that passes the cuts, and its error from the size of the sample.

    Attributes
    ----------
    n_events : int
        Simulated signal events.
    on, off : float
        Share that passes and lies in the signal region, and in the sidebands.
    on_error, off_error : float
        Their standard errors.
    """

    n_events: int
    on: float
    off: float
    on_error: float
    off_error: float


@dataclass(frozen=True)
class Interval:
    """A limit in one unit: observed, and expected at -2σ, -1σ, median, +1σ, +2σ."""

    observed: float
    expected: tuple[float, ...]

    @classmethod
    def of(cls, limit: Limit, factor: float) -> Interval:
        """The limit on μ times a constant."""
        return cls(factor * limit.observed, tuple(factor * e for e in limit.expected))


@dataclass(frozen=True)
class FrozenLimit:
    """Limit on a named signal for a frozen selection.

    Attributes
    ----------
    data, signal : str
        Files.
    cuts : tuple of str
    window : WindowEdges
    fit_p : float
        Goodness of the masked fit behind the transfer factor.
    counts : Counts
        Of the selected data; the uncertainty of the ratio contains every systematic one.
    acceptance : Acceptance
    signal_events : float
        Produced signal events at μ = 1.
    luminosity : float or None
        Integrated luminosity [1/fb].
    limit : Limit
        On μ.
    events : Interval
        On the number of signal events before any cut.
    cross_section : Interval or None
        On σ × BR × A [fb], where A is the share of produced events that the signal file begins
        with.
    assumption : str
        What the limit rests on.
    config : dict
        The resolved settings.
    workspace : dict
        HistFactory workspace behind `limit`.
    """

    data: str
    signal: str
    cuts: tuple[str, ...]
    window: WindowEdges
    fit_p: float
    counts: Counts
    acceptance: Acceptance
    signal_events: float
    luminosity: float | None
    limit: Limit
    events: Interval
    cross_section: Interval | None
    assumption: str
    config: dict[str, Any]
    workspace: dict[str, Any]
    schema: str = SCHEMA
    schema_version: int = 1

    def to_json(self) -> str:
        """JSON text without the workspace, which is a file of its own."""
        import msgspec

        plain = {k: v for k, v in msgspec.to_builtins(self).items() if k != "workspace"}
        return to_json(plain)

    def histfactory_json(self) -> str:
        """JSON text of the workspace, as pyhf reads it."""
        return to_json(self.workspace)


def frozen_limit(data: Any, signal: Any, config: LimitConfig) -> FrozenLimit:
    """Limit on the signal of a file, for cuts that were fixed on independent data.

    Parameters
    ----------
    data : path, Events, mapping of columns, structured array or data frame
        What was recorded. Truth labels are never looked at.
    signal : as data
        Simulated signal before the cuts. Of labelled events only those labelled 1 count.
    config : LimitConfig

    Returns
    -------
    FrozenLimit

    Raises
    ------
    ConfigError
        If there is no signal, or a setting cannot be used.
    InputError, WindowError, FitError, MissingDependencyError
        Each names what is wrong and what to do.
    """
    if signal is None:
        raise ConfigError(NO_MODEL_FREE_LIMIT)
    config.validated()
    events, m, passed, origin = _read(data, config)
    counts, fit, window = _count(events, m, passed, config)
    simulated, m_signal, accepted, signal_origin = _read(signal, config)
    acceptance = _acceptance(simulated, m_signal, accepted, window)
    workspace = on_off_workspace(_on_off(counts, acceptance, config), config.signal_systematic)
    limit = upper_limit(workspace, config.level, n_toys=config.n_toys, seed=config.seed)
    produced = config.signal_events
    fb = None if config.luminosity is None else produced / config.luminosity
    return FrozenLimit(
        data=origin,
        signal=signal_origin,
        cuts=tuple(str(cut) for cut in config.cuts),
        window=WindowEdges(window.low, window.high, window.sidebands),
        fit_p=fit.p_value,
        counts=counts,
        acceptance=acceptance,
        signal_events=produced,
        luminosity=config.luminosity,
        limit=limit,
        events=Interval.of(limit, produced),
        cross_section=None if fb is None else Interval.of(limit, fb),
        assumption=ASSUMPTION,
        config=config.to_dict(),
        workspace=workspace,
    )


def _read(data: Any, config: LimitConfig) -> tuple[Events, FloatArray, BoolArray, str]:
    """Events, their masses [GeV], which of them pass all cuts, and where they are from."""
    events, scan = as_events(data, config.scan)
    require_finite(events, [scan.mass, *scan.features])
    m = to_gev(events.column(scan.mass), scan.mass_unit or "GeV")
    check_units(m, scan, events.meta.origin)
    return events, m, _passing(events, config.cuts), events.meta.origin


def _passing(events: Events, cuts: tuple[Cut, ...]) -> BoolArray:
    passed = np.ones(len(events), dtype=np.bool_)
    for cut in cuts:
        passed &= cut.passes(events.column(cut.column))
    return passed


def _count(
    events: Events, m: FloatArray, passed: BoolArray, config: LimitConfig
) -> tuple[Counts, SpectrumFit, Window]:
    """On/off counts of the selected data, with the transfer factor of the inclusive masked fit."""
    w = usable_weights(events)
    plan = plan_scan(m, w, config.scan)
    window = plan.windows[0]
    fit = plan.masked_fit(window, config.n_params)
    if fit.p_value < MIN_FIT_P:
        raise FitError(
            f"the masked fit of the inclusive spectrum has p = {fit.p_value:.2g} < {MIN_FIT_P:g}: "
            "the transfer factor cannot be trusted; try another family (--family) or range "
            "(--fit-range LOW,HIGH)"
        )
    if config.background_systematic == 0:
        _require_flat_efficiency(passed, m, w, window)
    found, _ = with_family_choice(
        on_off_counts(passed.astype(np.float64), m, w, window, fit), fit, window
    )
    error = float(np.hypot(found.ratio_error, config.background_systematic * found.ratio))
    return with_ratio_error(found, error), fit, window


def _require_flat_efficiency(
    passed: BoolArray, m: FloatArray, w: FloatArray, window: Window
) -> None:
    """The background must pass as often next to the signal region as away from it."""
    halves = validate(passed.astype(np.float64) / 2, m, w, window)
    if abs(halves.z) > MAX_VALIDATION_Z:
        raise FitError(
            f"the cuts pass {2 * halves.inner:.3g} of the sidebands next to the signal region and "
            f"{2 * halves.outer:.3g} of them away from it (z = {halves.z:.1f}): they follow the "
            "mass, and the transfer factor of all events is not that of the selected ones; "
            "state an uncertainty that covers it (--background-systematic)"
        )


def _acceptance(signal: Events, m: FloatArray, passed: BoolArray, window: Window) -> Acceptance:
    w = usable_weights(signal)
    if signal.label is not None:
        if not np.any(signal.label == 1):
            raise InputError("no event is labelled as signal", file=signal.meta.origin)
        w = np.where(signal.label == 1, w, 0.0)
    total = float(w.sum())
    regions = [passed & window.in_signal_region(m), passed & window.in_sidebands(m)]
    shares = [float(w[rows].sum()) / total for rows in regions]
    if not shares[0] > 0:
        raise InputError(
            f"no signal event passes the cuts in the signal region {window}",
            file=signal.meta.origin,
        )
    errors = [
        float(np.linalg.norm(w * (rows - share))) / total
        for rows, share in zip(regions, shares, strict=True)
    ]
    n = int(np.count_nonzero(w))
    return Acceptance(n, shares[0], max(shares[1], 0.0), errors[0], errors[1])


def _on_off(counts: Counts, acceptance: Acceptance, config: LimitConfig) -> OnOffCounts:
    """The counting experiment in effective events, as a Poisson likelihood takes them."""
    n_on, n_off, ratio, ratio_error = counts.effective()
    on = config.signal_events / counts.scale_on
    off = config.signal_events / counts.scale_off
    return OnOffCounts(
        n_on=n_on,
        n_off=n_off,
        ratio=ratio,
        ratio_error=ratio_error,
        signal_on=on * acceptance.on,
        signal_off=off * acceptance.off,
        signal_on_error=on * acceptance.on_error,
        signal_off_error=off * acceptance.off_error,
        spurious=config.spurious / counts.scale_on,
    )
