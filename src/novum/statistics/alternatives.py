"""Other families that describe the same spectrum, for the uncertainty of having chosen one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from novum.errors import FitError, InputError
from novum.statistics.families import Dijet, ExpPolynomial, Family, PowerExponential
from novum.statistics.likelihood import BinIntegrals, FloatArray, maximise_from, poisson_deviance
from novum.statistics.spectrum import SpectrumFit

MIN_FIT_P = 0.01  # an alternative that describes the data worse is no alternative
_ENOUGH = 5.0  # expected events for the χ² form of the deviance
_GAIN = 3.84  # fall of the deviance that one parameter more exceeds by chance in 5 % of fits


def alternatives_to(nominal: Family, edges: FloatArray) -> tuple[Family, ...]:
    """The families a fit of `nominal` is compared with: itself and every other kind.

    Parameters
    ----------
    nominal : Family
        The family of the search. Among its alternatives it stands for its own next order.
    edges : float64 array (B+1,)
        Bin edges of the spectrum [GeV], the range of an exponential of a polynomial.

    Returns
    -------
    tuple of Family
    """
    low, high = float(edges[0]), float(edges[-1])
    kinds = (Dijet(), PowerExponential(), ExpPolynomial(low, high))
    return (nominal, *(kind for kind in kinds if kind.name != nominal.name))


def fit_alternatives(
    fit: SpectrumFit, alternatives: Sequence[Family]
) -> tuple[tuple[SpectrumFit, ...], tuple[str, ...]]:
    """Fit alternatives to the spectrum of a masked fit, with the same mask.

    An alternative has at least as many parameters as the fit, one more if it is of the same
    family. It gains parameters while they improve it significantly (5 %) or it does not describe
    the spectrum (p < 0.01). A family that does not at its largest order says nothing about these
    data and is left out.

    Parameters
    ----------
    fit : SpectrumFit
        The nominal fit.
    alternatives : sequence of Family
        See `alternatives_to`.

    Returns
    -------
    fits : tuple of SpectrumFit
        Of those that describe the spectrum. Their goodness of fit is that of the deviance after
        neighbouring bins are merged until 5 events are expected in each: fast, and exact enough
        to leave out what fails.
    left_out : tuple of str
        The others, with the reason.
    """
    fits, left_out = [], []
    for family in alternatives:
        found = _describe(fit, family)
        if isinstance(found, str):
            left_out.append(found)
        else:
            fits.append(found)
    return tuple(fits), tuple(left_out)


def _describe(fit: SpectrumFit, family: Family) -> SpectrumFit | str:
    """The fit of the smallest order that describes the spectrum, or why there is none."""
    least = max(fit.n_params + (family == fit.family), family.min_order)
    reason = f"{family.name} has at most {family.max_order} parameters"
    if least > family.max_order:
        return reason
    try:
        richest = BinIntegrals.of(family, fit.edges, family.max_order, fit.exposure)
    except InputError as error:
        return f"{family.name}: {error}"
    near = _Neighbourhood.of(fit, richest)
    for order in range(near.order(least), family.max_order + 1):
        try:
            found = near.fit(fit, family, order)
        except FitError as error:
            reason = f"{family.name} with {order} parameters: {error}"
            continue
        if found.p_value >= MIN_FIT_P:
            return found
        reason = f"{family.name} with {order} parameters: fit p = {found.p_value:.2g}"
    return reason


@dataclass(frozen=True, eq=False)
class _Neighbourhood:
    """All orders of a family after one step of weighted least squares from a nominal fit.

    Every fit worth having is close to the nominal one, and orders are nested: one orthogonal
    decomposition gives the gain of each order and the start of its complete fit.
    """

    richest: BinIntegrals
    triangle: FloatArray
    shift: FloatArray

    @classmethod
    def of(cls, fit: SpectrumFit, richest: BinIntegrals) -> _Neighbourhood:
        used = ~fit.masked
        n, mu, weights = fit.counts[used], fit.expected[used], richest.weights[used]
        width = weights.sum(axis=1)
        centre = np.einsum("bk,bkp->bp", weights, richest.basis[used]) / width[:, None]
        root = np.sqrt(mu)
        q, triangle = np.linalg.qr(root[:, None] * centre)
        return cls(richest, triangle, q.T @ (root * (np.log(mu / width) + n / mu - 1)))

    def order(self, least: int) -> int:
        """First order, from `least` on, that one more parameter does not improve."""
        done = np.flatnonzero(self.shift[least:] ** 2 < _GAIN)
        return least + int(done[0]) if len(done) else len(self.shift)

    def fit(self, fit: SpectrumFit, family: Family, order: int) -> SpectrumFit:
        """The complete fit of one order."""
        used = ~fit.masked
        integrals = BinIntegrals(self.richest.basis[..., :order], self.richest.weights)
        try:
            transform = np.asarray(np.linalg.inv(self.triangle[:order, :order]), dtype=np.float64)
            solution = maximise_from(fit.counts, integrals, used, transform, self.shift[:order])
        except np.linalg.LinAlgError:
            raise FitError("the parameters of the spectrum are degenerate in this range") from None
        counts, expected = _merged(fit.counts[used], solution.expected[used])
        ndf = len(counts) - order
        if ndf < 1:
            raise FitError(f"{len(counts)} groups of {_ENOUGH:g} events are too few to judge it")
        deviance = float(poisson_deviance(counts, expected))
        return SpectrumFit(
            family, order, solution.parameters, solution.covariance, fit.edges, fit.counts,
            fit.masked, solution.expected, deviance, ndf, float(special.chdtrc(ndf, deviance)),
            "chi2", exposure=fit.exposure,
        )  # fmt: skip


def _merged(counts: FloatArray, expected: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Neighbouring bins merged, from the lower end, until each group expects enough events."""
    starts, total = [0], 0.0
    for i, value in enumerate(expected.tolist()):
        if total >= _ENOUGH:
            starts.append(i)
            total = 0.0
        total += value
    if total < _ENOUGH and len(starts) > 1:
        starts.pop()
    return np.add.reduceat(counts, starts), np.add.reduceat(expected, starts)
