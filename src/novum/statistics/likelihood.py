"""Exact binned Poisson likelihood of a log-linear density: bin integrals, Newton fit, deviance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import xlogy

from novum.errors import FitError, InputError
from novum.statistics.families import Family

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)
_MAX_STEPS = 200


def check_spectrum(counts: ArrayLike, edges: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Counts (B,) and edges (B+1,) as float64, or an `InputError` that names what is wrong."""
    n = np.asarray(counts, dtype=np.float64)
    e = np.asarray(edges, dtype=np.float64)
    if n.ndim != 1 or e.shape != (len(n) + 1,):
        raise InputError(
            f"a spectrum needs B counts and B+1 edges, got shapes {n.shape} and {e.shape}"
        )
    if not (np.isfinite(e).all() and (np.diff(e) > 0).all()):
        raise InputError("bin edges must be finite and rise")
    if not (np.isfinite(n).all() and (n >= 0).all()):
        bad = n[~(np.isfinite(n) & (n >= 0))][0]
        raise InputError(f"counts must be finite and not negative, got {bad}", value=bad)
    return n, e


def check_exposure(exposure: ArrayLike | None, bins: int) -> FloatArray | None:
    """Exposure (B,) as float64, or an `InputError` unless it is positive in every bin."""
    if exposure is None:
        return None
    given = np.asarray(exposure, dtype=np.float64)
    if given.shape != (bins,):
        raise InputError(f"an exposure needs one entry for each of {bins} bins, got {given.shape}")
    if not (np.isfinite(given).all() and (given > 0).all()):
        bad = given[~(np.isfinite(given) & (given > 0))][0]
        raise InputError(f"exposures must be finite and positive, got {bad}", value=bad)
    return given


def poisson_deviance(counts: FloatArray, expected: FloatArray) -> FloatArray:
    """2 Σ [μ - n + n ln(n/μ)] over the last axis."""
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = expected - counts + xlogy(counts, counts / expected)
    result: FloatArray = 2 * np.where(counts > 0, terms, expected).sum(axis=-1)
    return result


@dataclass(frozen=True, eq=False)
class BinIntegrals:
    """Integrals of ``exp(basis @ θ)`` over bins by 8-point Gauss–Legendre quadrature.

    Attributes
    ----------
    basis : float64 array (B, K, p)
        Basis functions at the nodes.
    weights : float64 array (B, K)
        Quadrature weights [GeV], times the exposure of the bin.
    """

    basis: FloatArray
    weights: FloatArray

    @classmethod
    def of(
        cls,
        family: Family,
        edges: FloatArray,
        n_params: int,
        exposure: FloatArray | None = None,
    ) -> BinIntegrals:
        """For the bins between `edges` (B+1,) [GeV], each scaled by its `exposure` (B,)."""
        half = np.diff(edges)[:, None] / 2
        nodes = edges[:-1, None] + half * (1 + _NODES)
        basis = family.basis(nodes.ravel(), n_params).reshape(*nodes.shape, n_params)
        weights = half * _WEIGHTS
        return cls(basis, weights if exposure is None else weights * exposure[:, None])

    def expected(self, parameters: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Expected counts (B,) and their derivatives with respect to the parameters (B, p)."""
        with np.errstate(over="ignore"):
            density = self.weights * np.exp(self.basis @ parameters)
        return density.sum(axis=1), np.einsum("bk,bkp->bp", density, self.basis)

    def tangent(self, parameters: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Design (B, p) and offset (B,) of the log-linear model tangent to this one."""
        mu, slope = self.expected(parameters)
        design: FloatArray = slope / mu[:, None]
        design[:, 0] = 1.0  # exact for the normalisation; rounding must not say otherwise
        return design, np.log(mu) - design @ parameters

    def rebased(self, transform: FloatArray) -> BinIntegrals:
        """The same integrals in the basis ``basis @ transform``."""
        return BinIntegrals(self.basis @ transform, self.weights)


@dataclass(frozen=True, eq=False)
class Solution:
    """Maximum of the likelihood: parameters (p,), covariance (p, p), expected (B,), deviance."""

    parameters: FloatArray
    covariance: FloatArray
    expected: FloatArray
    deviance: float


def maximise(counts: FloatArray, integrals: BinIntegrals, used: BoolArray) -> Solution:
    """Fit by Fisher scoring with exact bin integrals and step halving.

    Parameters
    ----------
    counts : float64 array (B,)
        Observed counts.
    integrals : BinIntegrals
        The model.
    used : bool array (B,)
        Bins that enter the likelihood.

    Returns
    -------
    Solution
        `expected` covers all bins, the deviance those used.

    Raises
    ------
    FitError
        If the data do not determine the parameters or the fit does not converge.
    """
    transform, start = conditioned_start(counts, integrals, used)
    return maximise_from(counts, integrals, used, transform, start)


def maximise_from(
    counts: FloatArray,
    integrals: BinIntegrals,
    used: BoolArray,
    transform: FloatArray,
    start: FloatArray,
) -> Solution:
    """As `maximise`, from a basis change (p, p) and a start in it (p,) that are already known."""
    model = integrals.rebased(transform)
    theta = _climb(counts, model, used, start)
    mu, slope = model.expected(theta)
    information = slope[used].T @ (slope[used] / mu[used, None])
    covariance = transform @ np.linalg.inv(information) @ transform.T
    deviance = float(poisson_deviance(counts[used], mu[used]))
    return Solution(transform @ theta, (covariance + covariance.T) / 2, mu, deviance)


def conditioned_start(
    counts: FloatArray, integrals: BinIntegrals, used: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """A basis change (p, p) that makes the Fisher information about 1, and a start in it (p,)."""
    n_params = integrals.basis.shape[2]
    filled = int(np.count_nonzero(counts[used]))
    if filled <= n_params:
        raise FitError(
            f"{filled} filled bins do not determine {n_params} parameters; use fewer parameters, "
            "wider bins or a wider range"
        )
    start = _rough_start(counts, integrals, used)
    transform = _orthonormal(*integrals.expected(start), used)
    return transform, np.asarray(np.linalg.solve(transform, start), dtype=np.float64)


def _rough_start(counts: FloatArray, integrals: BinIntegrals, used: BoolArray) -> FloatArray:
    """Least squares on log densities, weighted as Poisson counts are."""
    width = integrals.weights.sum(axis=1)
    centre = np.einsum("bk,bkp->bp", integrals.weights, integrals.basis) / width[:, None]
    root = np.sqrt(counts[used] + 0.1)
    target = np.log((counts[used] + 0.5) / width[used])
    best = np.linalg.lstsq(root[:, None] * centre[used], root * target, rcond=None)[0]
    return np.asarray(best, dtype=np.float64)


def _orthonormal(mu: FloatArray, slope: FloatArray, used: BoolArray) -> FloatArray:
    """Basis change after which the Fisher information at this point is the identity."""
    r = np.linalg.qr(slope[used] / np.sqrt(mu[used, None]), mode="r")
    try:
        return np.asarray(np.linalg.inv(r), dtype=np.float64)
    except np.linalg.LinAlgError:
        raise FitError("the parameters of the spectrum are degenerate in this range") from None


def _climb(
    counts: FloatArray, model: BinIntegrals, used: BoolArray, theta: FloatArray
) -> FloatArray:
    n = counts[used]
    best = np.inf
    step: FloatArray = np.zeros_like(theta)
    for _ in range(_MAX_STEPS):
        mu, slope = (a[used] for a in model.expected(theta))
        value = float(poisson_deviance(n, mu)) if np.isfinite(mu).all() else np.inf
        if not value <= best + 1e-9 * max(1.0, abs(best)):
            step = step / 2  # overshot: back half way along the same step
            theta = theta - step
            continue
        best = value
        with np.errstate(divide="ignore", invalid="ignore"):  # an expectation may underflow to 0
            information = slope.T @ (slope / mu[:, None])
            score = slope.T @ (n / mu - 1)
        if not (np.isfinite(information).all() and np.isfinite(score).all()):
            raise FitError("the spectrum fit ran away: a bin's expectation fell to zero")
        step = np.asarray(np.linalg.solve(information, score), dtype=np.float64)
        theta = theta + step
        if score @ step < 1e-14:  # in units of squared standard deviations
            return theta
    raise FitError(f"the spectrum fit did not converge in {_MAX_STEPS} steps")


def inside(
    counts: FloatArray, edges: FloatArray, interval: tuple[float, float]
) -> tuple[FloatArray, FloatArray]:
    """Counts and edges of the bins that lie fully inside an interval [GeV]."""
    slack = 1e-9 * (edges[-1] - edges[0])
    keep = np.flatnonzero((edges[:-1] >= interval[0] - slack) & (edges[1:] <= interval[1] + slack))
    if not len(keep):
        raise InputError(
            f"no bin lies inside {interval[0]:g}-{interval[1]:g} GeV; the spectrum covers "
            f"{edges[0]:g}-{edges[-1]:g} GeV",
            value=interval,
        )
    return counts[keep], edges[keep[0] : keep[-1] + 2]
