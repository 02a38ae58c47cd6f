"""Reference fit by iminuit: the same likelihood, climbed and differentiated independently."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from iminuit import Minuit  # type: ignore[import-untyped]
from numpy.typing import ArrayLike, NDArray

from novum.errors import FitError
from novum.statistics.families import Family
from novum.statistics.fit import Region, assemble, fit_spectrum, overlap
from novum.statistics.likelihood import (
    BinIntegrals,
    Solution,
    check_exposure,
    check_spectrum,
    conditioned_start,
    poisson_deviance,
)
from novum.statistics.spectrum import SpectrumFit

FloatArray = NDArray[np.float64]

# The second where HESSE finds the first not reached, for rounding of the numerical derivatives: the
# parameters then lie within a hundredth of a standard deviation of the minimum.
_TOLERANCES = (1e-6, 1e-3)


def final_fit(
    counts: ArrayLike,
    edges: ArrayLike,
    window: Region | None,
    family: Family,
    n_params: int | None = None,
    exposure: ArrayLike | None = None,
) -> SpectrumFit:
    """The fit that is quoted: order chosen as `fit_spectrum` does, then fitted by iminuit.

    Parameters
    ----------
    counts, edges, window, family, n_params, exposure
        See `fit_spectrum`.

    Returns
    -------
    SpectrumFit
        With the record of how the order was chosen.

    Raises
    ------
    InputError, WindowError, FitError
        As `fit_spectrum` and `minuit_fit`.
    """
    first = fit_spectrum(counts, edges, window, family, n_params, exposure=exposure)
    best = minuit_fit(counts, edges, window, family, first.n_params, exposure)
    return replace(best, order_tests=first.order_tests)


def minuit_fit(
    counts: ArrayLike,
    edges: ArrayLike,
    window: Region | None,
    family: Family,
    n_params: int,
    exposure: ArrayLike | None = None,
) -> SpectrumFit:
    """Fit as `fit_spectrum` does, by MIGRAD and HESSE.

    It shares the bin integrals and nothing of the search for the maximum: MIGRAD starts from
    weighted least squares and takes its derivatives numerically.

    Parameters
    ----------
    counts, edges, window, family, n_params, exposure
        See `fit_spectrum`.

    Returns
    -------
    SpectrumFit
        Its covariance is that of HESSE.

    Raises
    ------
    InputError, WindowError
        As `fit_spectrum`.
    FitError
        If MIGRAD or HESSE does not converge.
    """
    n, e = check_spectrum(counts, edges)
    x = check_exposure(exposure, len(n))
    masked = overlap(e, window)
    used = ~masked
    integrals = BinIntegrals.of(family, e, n_params, x)
    transform, start = conditioned_start(n, integrals, used)
    model = integrals.rebased(transform)

    def deviance(parameters: FloatArray) -> float:
        value = float(poisson_deviance(n[used], model.expected(parameters)[0][used]))
        return value if np.isfinite(value) else 1e30

    minuit = Minuit(deviance, start)
    minuit.errordef = Minuit.LEAST_SQUARES  # a deviance rises by 1 at one standard deviation
    minuit.errors = 1.0  # in the conditioned basis
    minuit.strategy = 2
    for minuit.tol in _TOLERANCES:
        minuit.migrad(ncall=20_000)
        minuit.hesse()
        if minuit.valid:
            break
    if not (minuit.valid and minuit.accurate) or minuit.covariance is None:
        raise FitError(f"iminuit did not converge on {n_params} parameters: {minuit.fmin}")
    theta = np.array(minuit.values)
    covariance = transform @ np.array(minuit.covariance) @ transform.T
    expected = model.expected(theta)[0]
    solution = Solution(transform @ theta, covariance, expected, deviance(theta))
    return assemble(n, e, masked, family, solution, exposure=x)
