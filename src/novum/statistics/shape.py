"""Shape test: the signal region of one spectrum as a counting bin above its masked fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from novum.errors import FitError, InputError
from novum.statistics.batch import BatchModel
from novum.statistics.pvalue import PValue
from novum.statistics.spectrum import SpectrumFit

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class ShapeTest:
    """Outcome of a shape test.

    Attributes
    ----------
    z : float
        Signed significance, negative for deficits.
    q0 : float
        2 [lnL(free signal region) - lnL(background only)], z² in size.
    p : PValue
        Local p-value of an excess.
    observed : float
        Events in the masked bins, effective counts where the fit has an exposure.
    expected, expected_error : float
        Prediction of the masked fit for them.
    """

    z: float
    q0: float
    p: PValue
    observed: float
    expected: float
    expected_error: float


@dataclass(frozen=True, eq=False)
class ShapeModels:
    """Both hypotheses of a shape test, prepared for many data sets.

    Attributes
    ----------
    free : BatchModel
        Background fitted to the unmasked bins: the signal region is free.
    null : BatchModel
        Background fitted to everything, the masked bins as one counting bin.
    """

    free: BatchModel
    null: BatchModel

    @classmethod
    def of(cls, fit: SpectrumFit, truth: FloatArray) -> ShapeModels:
        """For the masked bins of `fit`, started from the fit to the expectation `truth` (B,)."""
        design, offset = fit.linearised()
        first = BatchModel.prepare(design, offset, fit.parameters, merged=fit.masked)
        asimov = first.fit(truth)
        if not asimov.converged[0]:
            raise FitError("the background model cannot be fitted to the expectation of the toys")
        start = asimov.parameters[0]
        return cls(
            BatchModel.prepare(design, offset, start, mask=fit.masked),
            BatchModel.prepare(design, offset, start, merged=fit.masked),
        )

    def signed_z(self, counts: FloatArray) -> FloatArray:
        """Signed √q0 of every row of `counts` (T, B); +inf where a fit did not converge.

        An unconverged toy counts as an exceedance, which can only make a p-value larger.
        """
        free, null = self.free.fit(counts), self.null.fit(counts)
        observed = counts[:, self.null.merged].sum(axis=1)
        start = self.null.merged_start
        with np.errstate(divide="ignore", invalid="ignore"):
            counting = np.where(observed > 0, observed * np.log(observed / start), 0.0)
            saturated = counting - (observed - start)
            q0 = 2 * (free.log_likelihood + saturated - null.log_likelihood)
            z = np.sign(observed - null.merged_expected) * np.sqrt(np.maximum(q0, 0.0))
        return np.where(free.converged & null.converged, z, np.inf)


def shape_test(
    fit: SpectrumFit, min_expected: float = 25.0, n_toys: int = 20_000, seed: int = 0
) -> ShapeTest:
    """Test the masked bins of a fit for an excess.

    The masked bins form one counting bin: q0 compares it free with it predicted by the
    background, which is profiled over everything. Local p-values are asymptotic
    (arXiv:1007.1727) or, where few events are expected, from refitted toys of the profiled null.

    Parameters
    ----------
    fit : SpectrumFit
        With a masked signal region.
    min_expected : float
        Toys are used below this many expected events.
    n_toys, seed : int
        Number of toys and their seed.

    Returns
    -------
    ShapeTest

    Raises
    ------
    InputError
        If the fit masks no bin.
    FitError
        If the null cannot be fitted.
    """
    if not fit.masked.any():
        raise InputError("a shape test needs a fit with a masked signal region")
    models = ShapeModels.of(fit, fit.expected)
    z = float(models.signed_z(fit.counts[None])[0])
    null = models.null.fit(fit.counts)
    if not (null.converged[0] and np.isfinite(z)):
        raise FitError("the background-only fit of the shape test did not converge")
    expected = float(fit.expected[fit.masked].sum())
    slope = fit.integrals.expected(fit.parameters)[1]
    total = slope[fit.masked].sum(axis=0)
    if expected >= min_expected:
        p = PValue.from_z(z, "asymptotic shape test")
    else:
        truth = null.expected()[0]
        rng = np.random.default_rng(seed)
        toys = rng.poisson(truth, (n_toys, len(truth))).astype(np.float64)
        toy_z = ShapeModels.of(fit, truth).signed_z(toys)
        reached = int(np.count_nonzero(toy_z >= z - 1e-6))
        p = PValue.from_toys(reached, n_toys, "shape test, refitted toys")
    return ShapeTest(
        z=z,
        q0=z * z,
        p=p,
        observed=float(fit.counts[fit.masked].sum()),
        expected=expected,
        expected_error=float(np.sqrt(total @ fit.covariance @ total)),
    )
