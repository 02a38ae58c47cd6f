"""One narrow peak on a smooth background: mass, width, yield and significance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
from iminuit import Minuit  # type: ignore[import-untyped]
from numpy.typing import ArrayLike, NDArray
from scipy import special

from novum.errors import FitError, InputError
from novum.statistics.families import Family
from novum.statistics.fit import fit_spectrum
from novum.statistics.likelihood import (
    BinIntegrals,
    Solution,
    check_exposure,
    check_spectrum,
    conditioned_start,
    inside,
    maximise,
    poisson_deviance,
)
from novum.statistics.spectrum import SpectrumFit

FloatArray = NDArray[np.float64]
Shape = Literal["gaussian", "voigt"]
_Signal = Callable[[float, float], FloatArray]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)
_MASK = 3.0  # widths on either side of the peak left out when the background order is chosen


@dataclass(frozen=True)
class PeakFit:
    """A fitted peak.

    Attributes
    ----------
    mass, mass_error : float
        Position [GeV].
    width, width_error : float
        Gaussian standard deviation, the resolution [GeV].
    yield_, yield_error : float
        Events of the peak over all masses, tails beyond the range included.
    z : float
        √(2 ΔlnL) against background only, local, with the sign of the yield.
    background : SpectrumFit
        The background under the peak; `expected` is without the peak, goodness of fit with it.
    p_value : float
        χ² probability of the deviance of peak and background.
    """

    mass: float
    mass_error: float
    width: float
    width_error: float
    yield_: float
    yield_error: float
    z: float
    background: SpectrumFit
    p_value: float


def fit_peak(
    counts: ArrayLike,
    edges: ArrayLike,
    family: Family,
    start_mass: float,
    start_width: float,
    shape: Shape = "gaussian",
    natural_width: float | None = None,
    range: tuple[float, float] | None = None,
    exposure: ArrayLike | None = None,
) -> PeakFit:
    """Fit a peak over a smooth background, binned extended Poisson likelihood, by iminuit.

    Parameters
    ----------
    counts : array_like (B,)
        Observed counts.
    edges : array_like (B+1,)
        Bin edges [GeV].
    family : Family
        Background; its order is chosen by an F-test with ±3 starting widths masked.
    start_mass, start_width : float
        Where the search for the maximum begins [GeV].
    shape : {"gaussian", "voigt"}
        Gaussian, or a Breit–Wigner folded with one.
    natural_width : float, optional
        Full width of the Breit–Wigner, fixed [GeV]; needed for "voigt" only.
    range : (low, high), optional
        Use only bins inside this range [GeV].
    exposure : array_like (B,), optional
        See `fit_spectrum`; the yield does not contain it.

    Returns
    -------
    PeakFit

    Raises
    ------
    InputError
        If the spectrum, the start or the shape cannot be used.
    WindowError
        If the start is too close to an end of the range.
    FitError
        If a fit fails.
    """
    n, e = check_spectrum(counts, edges)
    x = check_exposure(exposure, len(n))
    if range is not None:
        x = None if x is None else inside(x, e, range)[0]
        n, e = inside(n, e, range)
    if not (np.isfinite(start_width) and start_width > 0):
        raise InputError(f"the starting width must be positive, got {start_width}")
    signal = _signal(shape, natural_width, e)
    unit = np.ones(len(n)) if x is None else x
    around = (start_mass - _MASK * start_width, start_mass + _MASK * start_width)
    masked = fit_spectrum(n, e, around, family, exposure=x)
    integrals = masked.integrals
    transform, _ = conditioned_start(n, integrals, ~masked.masked)
    model = _Model(n, integrals.rebased(transform), signal, unit)
    seen = float(((n - masked.expected) / unit)[masked.masked].sum())
    smooth = np.linalg.solve(transform, masked.parameters)
    minuit = Minuit(model.deviance, [*smooth, start_mass, start_width, seen])
    _limit(minuit, e, start_width, max(abs(seen), 1.0))
    minuit.migrad(ncall=50_000)
    minuit.hesse()
    if not minuit.valid or minuit.covariance is None:
        raise FitError(f"the peak fit near {start_mass:g} GeV did not converge")
    best, error = np.array(minuit.values), np.array(minuit.errors)
    solution = Solution(
        transform @ best[:-3],
        transform @ np.array(minuit.covariance)[:-3, :-3] @ transform.T,
        model.smooth.expected(best[:-3])[0],
        model.deviance(best),
    )
    alone = maximise(n, integrals, np.ones(len(n), dtype=np.bool_)).deviance
    background = _under_peak(masked, solution)
    z = float(np.sign(best[-1]) * np.sqrt(max(alone - solution.deviance, 0.0)))
    mass, width, total = (float(v) for v in best[-3:])
    mass_error, width_error, total_error = (float(v) for v in error[-3:])
    return PeakFit(
        mass, mass_error, width, width_error, total, total_error, z, background, background.p_value
    )


@dataclass(frozen=True, eq=False)
class _Model:
    """Smooth background and peak; parameters are those of the background, mass, width, yield."""

    counts: FloatArray
    smooth: BinIntegrals
    signal: _Signal
    exposure: FloatArray

    def deviance(self, parameters: FloatArray) -> float:
        mass, width, total = parameters[-3:]
        peak = total * self.exposure * self.signal(mass, width)
        expected = self.smooth.expected(parameters[:-3])[0] + peak
        # a deep deficit may not drive the expectation below zero
        value = float(poisson_deviance(self.counts, np.maximum(expected, 1e-9)))
        return value if np.isfinite(value) else 1e30


def _under_peak(masked: SpectrumFit, solution: Solution) -> SpectrumFit:
    bins, p = len(masked.counts), masked.n_params
    ndf = bins - p - 3
    if ndf < 1:
        raise FitError(f"{bins} bins do not constrain a peak and {p} background parameters")
    return replace(
        masked,
        parameters=solution.parameters,
        covariance=solution.covariance,
        masked=np.zeros(bins, dtype=np.bool_),
        expected=solution.expected,
        deviance=solution.deviance,
        ndf=ndf,
        p_value=float(special.chdtrc(ndf, solution.deviance)),
        p_method="chi2",
        order_tests=(),
    )


def _limit(minuit: Minuit, edges: FloatArray, width: float, total: float) -> None:
    minuit.errordef = Minuit.LEAST_SQUARES  # the cost is a deviance
    background = minuit.npar - 3
    minuit.errors = [1.0] * background + [width / 10, width / 10, total / 10]
    narrow, broad = np.diff(edges).min() / 20, (edges[-1] - edges[0]) / 2
    minuit.limits[background] = (edges[0], edges[-1])
    minuit.limits[background + 1] = (min(narrow, width / 2), max(broad, 2 * width))
    minuit.strategy = 1
    minuit.tol = 1e-3


def _signal(shape: Shape, natural_width: float | None, edges: FloatArray) -> _Signal:
    if shape == "gaussian" and natural_width is None:
        return partial(_gaussian, edges)
    if shape == "voigt" and natural_width is not None and natural_width > 0:
        return partial(_voigt, edges, natural_width)
    raise InputError(
        f"a peak is 'gaussian' without a natural width or 'voigt' with a positive one; got "
        f"{shape!r} with {natural_width}"
    )


def _gaussian(edges: FloatArray, mass: float, width: float) -> FloatArray:
    """Share of a Gaussian in every bin (B,)."""
    share: FloatArray = np.diff(special.ndtr((edges - mass) / width))
    return share


def _voigt(edges: FloatArray, natural_width: float, mass: float, width: float) -> FloatArray:
    """Share of a Voigt profile in every bin (B,), by quadrature."""
    half = np.diff(edges)[:, None] / 2
    nodes = edges[:-1, None] + half * (1 + _NODES)
    density = special.voigt_profile(nodes - mass, width, natural_width / 2)
    share: FloatArray = (half * _WEIGHTS * density).sum(axis=1)
    return share
