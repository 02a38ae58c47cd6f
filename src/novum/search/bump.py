"""`bumphunt`: a bump hunt in one spectrum, binned or from events, without any learning."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from novum.errors import ConfigError, FitError
from novum.io import Spectrum, open_events, read_spectrum, require_finite, to_gev
from novum.progress import NoProgress, Progress
from novum.search.bump_config import BumpHuntConfig
from novum.search.config import MIN_FIT_P
from novum.search.inputs import check_looks_like_gev, effective_scale, usable_weights
from novum.search.records import BestWindow, WindowEdges
from novum.search.scan import background_family, geometric_edges
from novum.statistics import (
    BumpScan,
    Family,
    PValue,
    bump_scan,
    find_range,
    fit_peak,
    fit_spectrum,
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
    """Outcome of a bump hunt; no selection was trained, so its toys are a calibration."""

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
    schema: str = SCHEMA
    schema_version: int = 1

    @property
    def best(self) -> BumpWindow:
        """The window with the largest significance."""
        low = self.best_window.low
        return next(w for w in self.windows if w.window.low == low)

    def to_json(self) -> str:
        """JSON text, the same bits for equal results."""
        import msgspec

        return msgspec.json.format(msgspec.json.encode(self), indent=1).decode() + "\n"


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
        spectrum = read_spectrum(path, luminosity=config.luminosity)
    else:
        spectrum = _histogram(path, config)
    low, high = spectrum.edges[0], spectrum.edges[-1]
    model = background_family(config.family, config.sqrt_s, float(low), float(high))
    counts, edges = _in_range(spectrum, config, model)
    windows = _aligned(edges, config.relative_width)
    (progress or NoProgress()).message(f"{len(windows)} windows, {config.n_toys} toys of the scan")
    scan = bump_scan(counts, edges, windows, model, config.n_toys, config.seed)
    return _record(spectrum, counts, edges, model, scan, config)


def _histogram(path: str | Path, config: BumpHuntConfig) -> Spectrum:
    assert config.mass is not None
    source = open_events(path)
    events = source.read([config.mass])
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
    counts = np.histogram(m, edges, weights=w * effective_scale(w))[0]
    return Spectrum(edges, counts, str(path))


def _in_range(
    spectrum: Spectrum, config: BumpHuntConfig, model: Family
) -> tuple[FloatArray, FloatArray]:
    edges, counts = spectrum.edges, spectrum.counts
    if config.fit_range is not None:
        low, high = config.fit_range
    elif config.mass is not None and config.family == "dijet":
        low, high = find_range(counts, edges, model, _aligned(edges, config.relative_width))
    else:
        return counts, edges
    return inside(counts, edges, (low, high))


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


def _record(
    spectrum: Spectrum,
    counts: FloatArray,
    edges: FloatArray,
    model: Family,
    scan: BumpScan,
    config: BumpHuntConfig,
) -> BumpHuntResult:
    plain = fit_spectrum(counts, edges, None, model)
    best = scan.windows[scan.best]
    peak = _peak(counts, edges, model, best, scan.tests[scan.best].z, config)
    return BumpHuntResult(
        origin=spectrum.origin,
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
    )


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


def _peak(
    counts: FloatArray,
    edges: FloatArray,
    model: Family,
    window: Window,
    z: float,
    config: BumpHuntConfig,
) -> Peak | None:
    if z < PEAK_Z:
        return None
    shape: Any = config.peak
    width = (window.high - window.low) / 5
    try:
        fit = fit_peak(
            counts, edges, model, window.center, width, shape, natural_width=config.natural_width
        )
    except FitError:
        return None
    return Peak(
        fit.mass, fit.mass_error, fit.width, fit.width_error, fit.yield_, fit.yield_error, fit.z,
        fit.p_value,
    )  # fmt: skip
