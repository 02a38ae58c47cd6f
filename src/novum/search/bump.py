"""`bumphunt`: a bump hunt in one spectrum, binned or from events, without any learning."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from novum.errors import ConfigError, FitError
from novum.io import Spectrum, open_events, read_spectrum, require_finite, to_gev
from novum.io.documents import to_json
from novum.io.origin import with_origin
from novum.progress import NoProgress, Progress
from novum.search.bump_config import BumpHuntConfig
from novum.search.config import MIN_FIT_P
from novum.search.inputs import check_looks_like_gev, usable_weights
from novum.search.records import BestWindow, WindowEdges
from novum.search.scan import background_family, geometric_edges
from novum.statistics import (
    BumpScan,
    Family,
    PValue,
    SpectrumFit,
    SpuriousSignal,
    alternatives_to,
    bump_scan,
    effective_spectrum,
    find_range,
    fit_peak,
    fit_spectrum,
    spurious_signal,
)
from novum.statistics.likelihood import inside
from novum.windows import Window, scan_windows_relative

FloatArray = NDArray[np.float64]

SCHEMA = "novum-bump-hunt"
PEAK_Z = 3.0  # below, there is no peak to measure
BINS_ACROSS = 16  # bins per signal region of a spectrum made from events


@dataclass(frozen=True)
class BumpWindow:
    """One window: counts in the signal region, expectation of the masked fit, local test."""

    window: WindowEdges
    observed: float
    expected: float
    expected_error: float
    z: float
    p: PValue
    fit_p: float


@dataclass(frozen=True)
class Peak:
    """A measured peak [GeV]."""

    mass: float
    mass_error: float
    width: float
    width_error: float
    events: float
    events_error: float
    z: float
    fit_p: float


@dataclass(frozen=True)
class BackgroundFit:
    """The unmasked fit of the spectrum."""

    family: str
    n_params: int
    deviance: float
    ndf: int
    p_value: float


@dataclass(frozen=True)
class BumpHuntResult:
    """Outcome of a bump hunt; no selection was trained, so its toys are a calibration.

    Of weighted events, windows and `n_events` are effective counts, (Σw)²/Σw²; the events of the
    peak are a sum of weights.
    """

    origin: str
    n_events: float
    fit_range: tuple[float, float]
    background: BackgroundFit
    windows: tuple[BumpWindow, ...]
    best_window: BestWindow
    local_p: PValue
    global_p: PValue
    gross_vitells: float | None
    peak: Peak | None
    caveat: str | None
    spurious: tuple[SpuriousSignal, ...] = ()
    schema: str = SCHEMA
    schema_version: int = 1

    @property
    def best(self) -> BumpWindow:
        """The window with the largest significance."""
        low = self.best_window.low
        return next(w for w in self.windows if w.window.low == low)

    def to_json(self) -> str:
        """JSON text, the same bits for equal results."""
        return to_json(self)


def bumphunt(
    path: str | Path, config: BumpHuntConfig | None = None, *, progress: Progress | None = None
) -> BumpHuntResult:
    """Scan a spectrum for a bump and measure it where there is one.

    Parameters
    ----------
    path : path-like
        A binned spectrum, or a file of events with ``config.mass`` set.
    config : BumpHuntConfig, optional
    progress : Progress, optional

    Raises
    ------
    InputError, WindowError, FitError, ConfigError
        Names what is wrong.
    """
    config = (config or BumpHuntConfig()).validated()
    if config.mass is None:
        spectrum, exposure = read_spectrum(path, luminosity=config.luminosity), None
    else:
        spectrum, exposure = _histogram(path, config)
    low, high = spectrum.edges[0], spectrum.edges[-1]
    model = background_family(config.family, config.sqrt_s, float(low), float(high))
    low, high = _fit_range(spectrum, exposure, config, model)
    counts, edges = inside(spectrum.counts, spectrum.edges, (low, high))
    if exposure is not None:
        exposure, _ = inside(exposure, spectrum.edges, (low, high))
    windows = _aligned(edges, config.relative_width)
    (progress or NoProgress()).message(f"{len(windows)} windows, {config.n_toys} toys of the scan")
    scan = bump_scan(counts, edges, windows, model, config.n_toys, config.seed, exposure=exposure)
    return _record(spectrum.origin, model, scan, config)


def _histogram(path: str | Path, config: BumpHuntConfig) -> tuple[Spectrum, FloatArray | None]:
    """Spectrum of the events of a file, in effective counts, and its exposure."""
    assert config.mass is not None
    source = open_events(path)
    events = with_origin(source.read([config.mass]), path)
    require_finite(events, [config.mass])
    unit = config.mass_unit or source.schema.units.get(config.mass)
    m = to_gev(events.column(config.mass), unit or "GeV")
    if unit is None and config.family == "dijet":
        check_looks_like_gev(m, f"{path}, column '{config.mass}'", config.sqrt_s)
    w = usable_weights(events)
    if config.fit_range is not None:
        rows = (m >= config.fit_range[0]) & (m <= config.fit_range[1])
        m, w = m[rows], w[rows]
    if len(m) == 0:
        raise ConfigError(f"fit_range: holds no events of {path}")
    edges = geometric_edges(m, config.relative_width, BINS_ACROSS // 2)
    counts, exposure = effective_spectrum(m, w, edges)
    return Spectrum(edges, counts, str(path)), exposure


def _fit_range(
    spectrum: Spectrum, exposure: FloatArray | None, config: BumpHuntConfig, model: Family
) -> tuple[float, float]:
    edges, counts = spectrum.edges, spectrum.counts
    if config.fit_range is not None:
        return config.fit_range
    if config.mass is not None and config.family == "dijet":
        windows = _aligned(edges, config.relative_width)
        return find_range(counts, edges, model, windows, exposure=exposure)
    return float(edges[0]), float(edges[-1])


def _aligned(edges: FloatArray, relative_width: float) -> tuple[Window, ...]:
    """Half-overlapping windows whose signal regions are made of whole bins."""
    found: dict[tuple[int, int, int, int], Window] = {}
    for wish in scan_windows_relative((float(edges[0]), float(edges[-1])), relative_width):
        marks = (wish.span[0], wish.low, wish.high, wish.span[1])
        a, b, c, d = (int(np.argmin(np.abs(edges - mark))) for mark in marks)
        if a < b < c < d:
            e = edges[[a, b, c, d]].tolist()
            found.setdefault((a, b, c, d), Window(e[1], e[2], ((e[0], e[1]), (e[2], e[3]))))
    if not found:
        raise ConfigError(
            f"relative_width: {relative_width:g} is narrower than the bins of the spectrum"
        )
    return tuple(found.values())


def _record(origin: str, model: Family, scan: BumpScan, config: BumpHuntConfig) -> BumpHuntResult:
    one = scan.fits[scan.best]
    counts, edges = one.counts, one.edges
    plain = fit_spectrum(counts, edges, None, model, exposure=one.exposure)
    best = scan.windows[scan.best]
    peak = _peak(one, best, scan.tests[scan.best].z, config)
    return BumpHuntResult(
        origin=origin,
        n_events=float(counts.sum()),
        fit_range=(float(edges[0]), float(edges[-1])),
        background=BackgroundFit(
            model.name, plain.n_params, plain.deviance, plain.ndf, plain.p_value
        ),
        windows=tuple(
            BumpWindow(
                WindowEdges(w.low, w.high, w.sidebands),
                t.observed,
                t.expected,
                t.expected_error,
                t.z,
                t.p,
                f.p_value,
            )
            for w, t, f in zip(scan.windows, scan.tests, scan.fits, strict=True)
        ),
        best_window=BestWindow(best.low, best.high),
        local_p=scan.local_p,
        global_p=scan.global_p,
        gross_vitells=None if scan.gross_vitells is None else scan.gross_vitells.value,
        peak=peak,
        caveat=_caveat(scan.fits[scan.best].p_value, peak),
        spurious=_spurious(one, scan.windows, config) if config.spurious else (),
    )


def _spurious(
    one: SpectrumFit, windows: tuple[Window, ...], config: BumpHuntConfig
) -> tuple[SpuriousSignal, ...]:
    """Spurious signal of every window of the scan that `one` is a fit of."""
    model = one.family
    return spurious_signal(
        one.counts, one.edges, windows, model, None, alternatives_to(model, one.edges),
        seed=config.seed, exposure=one.exposure,
    )  # fmt: skip


def _caveat(fit_p: float, peak: Peak | None) -> str | None:
    """What stands against the p-value of the best window, in words."""
    if fit_p >= MIN_FIT_P:
        return None
    bad = f"the masked fit of the best window has p = {fit_p:.2g} < {MIN_FIT_P:g}"
    if peak is not None and peak.fit_p >= MIN_FIT_P:
        return (
            f"{bad}, because the peak reaches beyond its window; peak and background together "
            f"describe the spectrum (p = {peak.fit_p:.2g}), so quote the fitted peak"
        )
    return f"{bad}: its p-value cannot be trusted; try another family, range or width"


def _peak(masked: SpectrumFit, window: Window, z: float, config: BumpHuntConfig) -> Peak | None:
    if z < PEAK_Z:
        return None
    shape: Any = config.peak
    width = (window.high - window.low) / 5
    try:
        fit = fit_peak(
            masked.counts, masked.edges, masked.family, window.center, width, shape,
            natural_width=config.natural_width, exposure=masked.exposure,
        )  # fmt: skip
    except FitError:
        return None
    return Peak(
        fit.mass, fit.mass_error, fit.width, fit.width_error, fit.yield_, fit.yield_error, fit.z,
        fit.p_value,
    )  # fmt: skip
