"""Which windows, on which bins, in which range: the plan of a scan, made before any training."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from novum.errors import FitError, WindowError
from novum.search.config import HuntConfig, Pair
from novum.statistics import (
    Family,
    SpectrumFit,
    effective_spectrum,
    family,
    final_fit,
    find_range,
)
from novum.windows import MOST_WINDOWS, Window, scan_windows, scan_windows_relative

FloatArray = NDArray[np.float64]

BINS_PER_HALF_REGION = 4  # bins per half signal region: a masked fit sees its neighbours' slope
MOST_BINS = 2000


@dataclass(frozen=True, eq=False)
class ScanPlan:
    """Windows in rising order, common bin edges [GeV], bins of the fit, and the family.

    `counts` are effective counts and `exposure` those per unit of weight, None where events are
    not weighted; see `effective_spectrum`.
    """

    windows: tuple[Window, ...]
    edges: FloatArray
    counts: FloatArray
    fit_bins: slice
    family: Family
    exposure: FloatArray | None = None

    @property
    def fit_range(self) -> Pair:
        """Range of the spectrum fits [GeV]."""
        return float(self.edges[self.fit_bins.start]), float(self.edges[self.fit_bins.stop])

    @property
    def fit_edges(self) -> FloatArray:
        """Bin edges inside the fit range [GeV]."""
        return self.edges[self.fit_bins.start : self.fit_bins.stop + 1]

    def of_events(self, m: FloatArray, w: FloatArray) -> ScanPlan:
        """The same windows and bins with the spectrum of other events."""
        counts, exposure = effective_spectrum(m, w, self.edges)
        return replace(self, counts=counts, exposure=exposure)

    @property
    def fit_exposure(self) -> FloatArray | None:
        """Exposure of the bins inside the fit range."""
        return None if self.exposure is None else self.exposure[self.fit_bins]

    def masked_fit(self, window: Window, n_params: int | None) -> SpectrumFit:
        """Fit of the inclusive spectrum in the fit range, with the signal region masked.

        Parameters
        ----------
        window : Window
            Whose signal region is masked.
        n_params : int or None
            Number of parameters of the family; None chooses it by an F-test.

        Raises
        ------
        FitError
            If there is no solution.
        """
        counts = self.counts[self.fit_bins]
        return final_fit(counts, self.fit_edges, window, self.family, n_params, self.fit_exposure)


def plan_scan(m: FloatArray, w: FloatArray, config: HuntConfig) -> ScanPlan:
    """Choose windows, bins and fit range from the config and the inclusive spectrum.

    Parameters
    ----------
    m, w : arrays (n,)
        Resonant variable [GeV] and weights.
    config : HuntConfig

    Raises
    ------
    WindowError
        If no window has support in the data.
    FitError
        If the family describes the spectrum nowhere.
    """
    model = background_family(config.family, config.sqrt_s, float(m.min()), float(m.max()))
    if config.window is None and config.width is None:
        inside = m if config.fit_range is None else _within(m, config)
        start = None if config.fit_range is None else config.fit_range[0]
        edges = geometric_edges(inside, config.relative_width, start=start)
        wanted = None
    else:
        wanted = _linear_windows(m, config)
        edges = _linear_edges(m, wanted)
    counts, exposure = effective_spectrum(m, w, edges)
    candidates = wanted or scan_windows_relative((edges[0], edges[-1]), config.relative_width)
    low, high = config.fit_range or _holding_range(counts, edges, exposure, model, candidates)
    low, high = max(low, float(edges[0])), min(high, float(edges[-1]))
    if wanted is None or (config.window is None and config.centers is None):
        windows = _supported(
            scan_windows_relative(_on_grid(edges, (low, high)), config.relative_width)
            if wanted is None
            else tuple(v for v in wanted if v.span[0] >= low and v.span[1] <= high),
            m,
            config,
        )
    else:
        windows = wanted
        for window in windows:
            _require_support(window, m, edges, config)
        # Asked-for windows widen the range; if the family fails there, the window's gate says so.
        low = min(low, min(v.span[0] for v in windows))
        high = max(high, max(v.span[1] for v in windows))
    first = int(np.searchsorted(edges, low * (1 - 1e-9)))
    last = int(np.searchsorted(edges, high * (1 + 1e-9), side="right")) - 1
    return ScanPlan(windows, edges, counts, slice(first, last), model, exposure)


def background_family(name: str, sqrt_s: float, low: float, high: float) -> Family:
    """The named family for a spectrum between two masses [GeV]."""
    match name:
        case "dijet":
            return family(name, sqrt_s=sqrt_s)
        case "power-exponential":
            return family(name, scale=sqrt_s)
        case _:
            return family(name, low=low, high=high)


def _within(m: FloatArray, config: HuntConfig) -> FloatArray:
    assert config.fit_range is not None
    low, high = config.fit_range
    inside = m[(m >= low) & (m <= high)]
    if len(inside) < 2:
        raise WindowError(
            f"the fit range {low:g}-{high:g} GeV holds {len(inside)} events of column "
            f"'{config.mass}'",
            value=config.fit_range,
        )
    return inside


def _holding_range(
    counts: FloatArray,
    edges: FloatArray,
    exposure: FloatArray | None,
    model: Family,
    windows: tuple[Window, ...],
) -> Pair:
    try:
        return find_range(counts, edges, model, windows, exposure=exposure)
    except FitError as error:
        raise FitError(
            f"{error}; choose another family (--family) or state the range (--fit-range LOW,HIGH)"
        ) from None


def _linear_windows(m: FloatArray, config: HuntConfig) -> tuple[Window, ...]:
    if config.window is not None:
        return (Window.around(*config.window, config.sideband),)
    assert config.width is not None
    side = config.sideband or config.width / 2
    step = config.step or config.width / 2
    if config.centers is not None:
        margin = config.width / 2 + side
        span = (config.centers[0] - margin, config.centers[1] + margin)
    else:
        unit = config.width / 2
        span = (math.ceil(m.min() / unit) * unit, math.floor(m.max() / unit) * unit)
    return scan_windows(span, config.width, step, side)


def _linear_edges(m: FloatArray, windows: tuple[Window, ...]) -> FloatArray:
    """Equal bins that meet every window edge and cover the data."""
    marks = sorted({e for v in windows for e in (*v.span, v.low, v.high)})
    micro = [round((b - a) * 1e6) for a, b in itertools.pairwise(marks)]
    unit = math.gcd(*micro) * 1e-6
    side = min(v.low - v.span[0] for v in windows)
    bin_width = unit / max(1, math.ceil(unit * BINS_PER_HALF_REGION / side))
    origin = marks[0]
    first = math.floor((m.min() - origin) / bin_width)
    last = math.ceil((np.nextafter(m.max(), np.inf) - origin) / bin_width)
    if last - first > MOST_BINS:
        raise WindowError(
            f"edges of windows meet only on a grid of {unit:g} GeV; choose width, step and "
            "sideband as multiples of a common length",
            value=unit,
        )
    edges = origin + bin_width * np.arange(first, max(last, 1) + 1)
    if len(edges) < 2 or not (np.diff(edges) > 0).all():
        raise WindowError(
            f"windows from {marks[0]:g} to {marks[-1]:g} GeV do not fit masses of "
            f"{m.min():.4g}-{m.max():.4g} GeV",
            value=(marks[0], marks[-1]),
        )
    return edges


def geometric_edges(
    m: FloatArray,
    relative_width: float,
    bins_per_half: int = BINS_PER_HALF_REGION,
    start: float | None = None,
) -> FloatArray:
    """Bins of equal width in log m that cover the data.

    They begin at the smallest mass; at `start` where that leaves no bin empty, so that a range
    that was asked for gives the same bins for all data.
    """
    if not m.min() > 0:
        raise WindowError(
            f"a scan in relative width needs positive masses; {int((m <= 0).sum())} are not, the "
            f"smallest is {m.min():g}: remove them or state the range (--fit-range LOW,HIGH)",
            value=float(m.min()),
        )
    half = math.log((1 + relative_width / 2) / (1 - relative_width / 2)) / 2
    if math.log(m.max() / m.min()) > MOST_WINDOWS * half:
        raise WindowError(
            f"masses of {m.min():.4g}-{m.max():.4g} GeV hold more than {MOST_WINDOWS} windows of "
            f"relative width {relative_width:g}",
            value=relative_width,
        )
    step = half / bins_per_half
    first = float(m.min())
    if start is not None and 0 < start <= first < start * math.exp(step):
        first = start
    bins = math.ceil(math.log(np.nextafter(m.max(), np.inf) / first) / step)
    return np.asarray(first * np.exp(step * np.arange(max(bins, 1) + 1)))


def _on_grid(edges: FloatArray, interval: Pair) -> Pair:
    inside = edges[(edges >= interval[0] * (1 - 1e-9)) & (edges <= interval[1] * (1 + 1e-9))]
    if len(inside) < 2:
        raise WindowError(
            f"the fit range {interval[0]:g}-{interval[1]:g} GeV is narrower than a bin",
            value=interval,
        )
    return float(inside[0]), float(inside[-1])


def _fewest_sideband_events(config: HuntConfig) -> int:
    """Every fold's held-out sidebands must hold one selected event on average."""
    return math.ceil(config.folds / config.eps_b)


def _supported(
    windows: tuple[Window, ...], m: FloatArray, config: HuntConfig
) -> tuple[Window, ...]:
    fewest = _fewest_sideband_events(config)
    if not windows:
        raise WindowError("no window of this width fits, sidebands included, into the fit range")
    kept = tuple(
        v
        for v in windows
        if v.in_sidebands(m).sum() >= fewest
        and v.in_signal_region(m).any()
        and v.in_lower_sideband(m).any()
        and v.in_upper_sideband(m).any()
    )
    if not kept:
        most = max((int(v.in_sidebands(m).sum()) for v in windows), default=0)
        raise WindowError(
            f"too few events: {config.folds} folds at a background efficiency of "
            f"{config.eps_b:g} need {fewest} sideband events in a window, the best has {most}; "
            "use fewer folds, a looser --eps-b or wider windows",
            value=most,
        )
    return kept


def _require_support(window: Window, m: FloatArray, edges: FloatArray, config: HuntConfig) -> None:
    regions = (
        ("signal region", window.in_signal_region(m)),
        ("lower sideband", window.in_lower_sideband(m)),
        ("upper sideband", window.in_upper_sideband(m)),
    )
    for name, rows in regions:
        if not rows.any():
            raise WindowError(
                f"the {name} of window {window} is empty: column '{config.mass}' runs over "
                f"{m.min():.4g}-{m.max():.4g} GeV",
                value=str(window),
            )
    for name, (low, high) in zip(("lower", "upper"), window.sidebands, strict=True):
        if low < edges[0] * (1 - 1e-9) or high > edges[-1] * (1 + 1e-9):
            raise WindowError(
                f"the {name} sideband {low:g}-{high:g} GeV of window {window} lies partly outside "
                f"the data: column '{config.mass}' runs over {m.min():.4g}-{m.max():.4g} GeV",
                value=(low, high),
            )
    _supported((window,), m, config)
