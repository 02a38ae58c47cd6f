"""Masked fits of a smooth family to a binned spectrum."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from novum.errors import FitError, InputError, WindowError
from novum.statistics.batch import BatchModel
from novum.statistics.families import Dijet, Family
from novum.statistics.likelihood import (
    BinIntegrals,
    BoolArray,
    FloatArray,
    Solution,
    check_exposure,
    check_spectrum,
    maximise,
)
from novum.statistics.spectrum import OrderTest, SpectrumFit
from novum.windows import Window

_SEED = 20201  # goodness-of-fit toys are the same for every call
_GOF_TOYS = 2000
_ENOUGH = 5.0  # expected events a bin for the χ² form of the deviance

Region = Window | tuple[float, float]


def fit_spectrum(
    counts: ArrayLike,
    edges: ArrayLike,
    window: Region | None = None,
    family: Family | None = None,
    n_params: int | None = None,
    alpha: float = 0.05,
    exposure: ArrayLike | None = None,
) -> SpectrumFit:
    """Fit a smooth family to a spectrum, the signal region masked.

    The likelihood is Poisson with the exact integral of the density over every bin. Bins that
    overlap the signal region even partly are masked: align bins with windows to lose nothing.

    Parameters
    ----------
    counts : array_like (B,)
        Observed counts.
    edges : array_like (B+1,)
        Bin edges [GeV].
    window : Window or (low, high), optional
        Signal region to mask [GeV]; by default every bin is fitted.
    family : Family, optional
        By default the 13 TeV dijet function.
    n_params : int, optional
        Number of parameters; by default chosen by an F-test on the bins fitted: from the
        smallest order up while the improvement has p < `alpha`.
    alpha : float
        Level of that test.
    exposure : array_like (B,), optional
        Counts per event of the density, for spectra whose bins count in different units: the
        likelihood expects exposure times the integral of the density. See `effective_spectrum`.

    Returns
    -------
    SpectrumFit

    Raises
    ------
    InputError
        If counts, edges or exposure cannot be used.
    WindowError
        If the signal region masks nothing, or no bin is left on one side of it.
    FitError
        If the bins do not determine the parameters, or the fit does not converge.
    """
    n, e = check_spectrum(counts, edges)
    x = check_exposure(exposure, len(n))
    chosen = Dijet() if family is None else family
    masked = overlap(e, window)
    if n_params is None:
        solution, tests = _choose_order(n, e, x, ~masked, chosen, alpha)
    else:
        solution = maximise(n, BinIntegrals.of(chosen, e, n_params, x), ~masked)
        tests = ()
    return assemble(n, e, masked, chosen, solution, tests, x)


def overlap(edges: FloatArray, window: Region | None) -> BoolArray:
    """Bins (B,) that overlap a signal region; see `fit_spectrum` for the errors."""
    if window is None:
        return np.zeros(len(edges) - 1, dtype=np.bool_)
    low, high = (window.low, window.high) if isinstance(window, Window) else window
    slack = 1e-9 * (edges[-1] - edges[0])
    masked: BoolArray = (edges[:-1] < high - slack) & (edges[1:] > low + slack)
    if not masked.any() or masked[0] or masked[-1]:
        raise WindowError(
            f"the signal region {low:g}-{high:g} GeV must lie inside the spectrum, "
            f"{edges[0]:g}-{edges[-1]:g} GeV, with bins left on both sides",
            value=(low, high),
        )
    return masked


def assemble(
    counts: FloatArray,
    edges: FloatArray,
    masked: BoolArray,
    family: Family,
    solution: Solution,
    tests: tuple[OrderTest, ...] = (),
    exposure: FloatArray | None = None,
) -> SpectrumFit:
    """The record of a maximised likelihood, with its goodness of fit."""
    p = len(solution.parameters)
    ndf = int(np.count_nonzero(~masked)) - p
    if ndf < 1:
        raise FitError(f"{ndf + p} bins do not constrain a fit of {p} parameters")
    if (solution.expected[~masked] >= _ENOUGH).all():
        p_value, method = float(special.chdtrc(ndf, solution.deviance)), "chi2"
    else:
        p_value, method = _toy_gof(edges, exposure, masked, family, solution), "toys"
    return SpectrumFit(
        family, p, solution.parameters, solution.covariance, edges, counts, masked,
        solution.expected, solution.deviance, ndf, p_value, method, tests, exposure,
    )  # fmt: skip


def _choose_order(
    counts: FloatArray,
    edges: FloatArray,
    exposure: FloatArray | None,
    used: BoolArray,
    family: Family,
    alpha: float,
) -> tuple[Solution, tuple[OrderTest, ...]]:
    if not 0 < alpha < 1:
        raise InputError(f"alpha must be between 0 and 1, got {alpha}", value=alpha)
    bins = int(np.count_nonzero(used))
    best = maximise(counts, BinIntegrals.of(family, edges, family.min_order, exposure), used)
    tests = [OrderTest(family.min_order, best.deviance, bins - family.min_order, None)]
    for order in range(family.min_order + 1, min(family.max_order, bins - 2) + 1):
        try:
            richer = maximise(counts, BinIntegrals.of(family, edges, order, exposure), used)
        except FitError:  # too rich for these data: the simpler fit stands
            break
        ndf = bins - order
        f = max(best.deviance - richer.deviance, 0.0) / max(richer.deviance / ndf, 1e-300)
        f_p = float(special.fdtrc(1, ndf, f))
        tests.append(OrderTest(order, richer.deviance, ndf, f_p))
        if f_p >= alpha:
            break
        best = richer
    return best, tuple(tests)


def _toy_gof(
    edges: FloatArray,
    exposure: FloatArray | None,
    masked: BoolArray,
    family: Family,
    solution: Solution,
) -> float:
    """Parametric bootstrap: share of refitted toys whose deviance reaches the observed one."""
    integrals = BinIntegrals.of(family, edges, len(solution.parameters), exposure)
    design, offset = integrals.tangent(solution.parameters)
    model = BatchModel.prepare(design, offset, solution.parameters, mask=masked)
    rng = np.random.default_rng(_SEED)
    toys = rng.poisson(solution.expected, (_GOF_TOYS, len(masked))).astype(np.float64)
    fits = model.fit(toys)
    deviance = fits.deviance(toys)[fits.converged]
    reached = np.count_nonzero(deviance >= solution.deviance - 1e-9)
    return float((1 + reached) / (len(deviance) + 1))
