"""Retrained null searches: what they say of each window, and of the largest significance.

Every null search repeats the whole procedure, training included, on background-only data. Its
counts give the correction κ of the transfer factor; its significances are standardised window by
window; and the largest of them is the statistic of the scan. Nothing here knows how the counts
were made.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from novum.errors import InputError
from novum.statistics.onoff import on_off_z
from novum.statistics.pvalue import PValue

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

MAX_KAPPA_PULL = 3.0
MAX_BIAS = 0.5  # of z without κ: a correction below half a standard deviation is a correction
FEWEST = 20  # null searches below which a scale s_w is too uncertain (16 %) to be used
_BOOTSTRAPS = 400
_TAIL = (1 - 0.6827) / 2


@dataclass(frozen=True, eq=False)
class ScanCounts:
    """On/off counts of N searches in W windows, arrays (N, W).

    Attributes
    ----------
    n_on, n_off : float64 arrays
        Selected events in the signal region and in the sidebands.
    ratio, ratio_error : float64 arrays
        Transfer factor of the inclusive masked fit and its uncertainty, as the search used them.
    quoted : bool array
        False where the search withheld the window.
    """

    n_on: FloatArray
    n_off: FloatArray
    ratio: FloatArray
    ratio_error: FloatArray
    quoted: BoolArray

    def take(self, rows: NDArray[np.int64]) -> ScanCounts:
        """Some of the searches."""
        counts = (self.n_on[rows], self.n_off[rows], self.ratio[rows], self.ratio_error[rows])
        return ScanCounts(*counts, self.quoted[rows])


@dataclass(frozen=True, eq=False)
class ScanCalibration:
    """κ_w, b_w and s_w of every window, arrays (W,), and T = max z_cal of every null search.

    Attributes
    ----------
    kappa, kappa_error : float64 arrays (W,)
        Selected background in the signal region over n_off times the transfer factor, and its
        statistical uncertainty.
    trusted : bool array (W,)
        False where |κ - 1| > 3 σ_κ and, without κ, the mean z is beyond ±0.5: the selection
        sculpts the mass there. With enough null searches every small κ - 1 is significant; one
        that is known and small is corrected for.
    location, scale : float64 arrays (W,)
        Mean and standard deviation of z in the null searches, κ applied.
    null_z : float64 array (N, W)
        Significances of the null searches, κ applied.
    t_null : float64 array (K,)
        Largest z_cal of each null search that quotes any window.
    """

    kappa: FloatArray
    kappa_error: FloatArray
    trusted: BoolArray
    location: FloatArray
    scale: FloatArray
    null_z: FloatArray
    t_null: FloatArray

    def z(self, counts: ScanCounts) -> FloatArray:
        """Significance (N, W) of searches with the transfer factor corrected by κ ± σ_κ."""
        ratio = counts.ratio * self.kappa
        error = np.hypot(counts.ratio_error * self.kappa, counts.ratio * self.kappa_error)
        return on_off_z(counts.n_on, counts.n_off, ratio, error)

    def z_cal(self, counts: ScanCounts) -> FloatArray:
        """(z - b_w) / s_w of searches, shape (N, W)."""
        return self.standardised(self.z(counts))

    def standardised(self, z: FloatArray) -> FloatArray:
        """(z - b_w) / s_w."""
        return (z - self.location) / self.scale

    def largest(self, counts: ScanCounts) -> FloatArray:
        """T = max z_cal over the quoted, trusted windows, shape (N,); -inf where there is none."""
        usable = counts.quoted & self.trusted
        largest: FloatArray = np.where(usable, self.z_cal(counts), -np.inf).max(axis=1)
        return largest

    def global_p(self, t: float) -> PValue:
        """(1 + #{T_null >= t}) / (N + 1) with its Clopper-Pearson interval."""
        return _calibrated(self.t_null, t)

    def local_p(self, window: int, z: float) -> PValue:
        """Share of null searches that reach `z` (κ applied) in one window."""
        return _calibrated(self.null_z[:, window], z)

    @property
    def effective_windows(self) -> float:
        """Maximum-likelihood n of P(T <= t) = Φ(t)^n, from T of all null searches."""
        return float(-len(self.t_null) / special.log_ndtr(self.t_null).sum())

    def extrapolated_p(self, t: float) -> float:
        """1 - Φ(t)^n with the fitted n: an extrapolation, not a count."""
        return float(-np.expm1(self.effective_windows * special.log_ndtr(t)))


def calibrate_scan(null: ScanCounts, trusted: BoolArray | None = None) -> ScanCalibration:
    """Calibrate every window of a scan on complete null searches.

    Windows that a null search withheld still inform κ, b and s, but take no part in its T.

    Parameters
    ----------
    null : ScanCounts
        N null searches.
    trusted : bool array (W,), optional
        Windows that are trusted, where that has been decided; by default κ decides.

    Raises
    ------
    InputError
        If there are fewer than 20 null searches or a window never selects anything.
    """
    n = len(null.n_on)
    if n < FEWEST:
        raise InputError(f"a calibration needs at least {FEWEST} null searches, got {n}", value=n)
    expected = null.n_off * null.ratio
    total = expected.sum(axis=0)
    some = (total > 0) & (null.n_on.sum(axis=0) > 0)
    if not some.all():
        raise InputError("a window selects nothing in any null search", value=int(some.argmin()))
    kappa = null.n_on.sum(axis=0) / total
    residual = null.n_on - kappa * expected
    kappa_error = np.sqrt((residual**2).sum(axis=0) * n / (n - 1)) / total
    if trusted is None:
        bias = on_off_z(null.n_on, null.n_off, null.ratio, null.ratio_error).mean(axis=0)
        significant = np.abs(kappa - 1) > MAX_KAPPA_PULL * kappa_error
        trusted = ~(significant & (np.abs(bias) > MAX_BIAS))
    unit, none = np.ones_like(kappa), np.empty(0)
    bare = ScanCalibration(kappa, kappa_error, trusted, 0 * unit, unit, none, none)
    z = bare.z(null)
    located = replace(bare, location=z.mean(axis=0), scale=z.std(axis=0, ddof=1), null_z=z)
    if not (located.scale > 0).all():
        raise InputError("a window has the same significance in every null search")
    t = located.largest(null)
    return replace(located, t_null=t[np.isfinite(t)])


def extrapolation_interval(
    null: ScanCounts, observed: ScanCounts, seed: int = 0, n: int = _BOOTSTRAPS
) -> tuple[float, float]:
    """Bootstrap 68 % interval of the extrapolated p of one observed search.

    Null searches are drawn again with replacement; κ, b, s and the effective number of windows
    are made anew from each draw. Which windows are trusted is not: the p-value is quoted for them.

    Parameters
    ----------
    null : ScanCounts
        N null searches.
    observed : ScanCounts
        One search.
    seed, n : int
        Seed and number of the draws.
    """
    rng = np.random.default_rng(seed)
    trusted = calibrate_scan(null).trusted
    values = []
    for _ in range(n):
        rows = rng.integers(len(null.n_on), size=len(null.n_on))
        drawn = calibrate_scan(null.take(rows), trusted)
        values.append(drawn.extrapolated_p(float(drawn.largest(observed)[0])))
    low, high = np.quantile(values, [_TAIL, 1 - _TAIL])
    return float(low), float(high)


def _calibrated(null: FloatArray, observed: float) -> PValue:
    exceed = int(np.count_nonzero(null >= observed - 1e-9))
    p = PValue.from_toys(exceed, len(null), "retrained null searches")
    return replace(p, calibrated=True)
