"""Batched maximum-likelihood fits of log-linear Poisson models: the engine of every toy study.

For μ = exp(offset + design @ θ) the data enter only through sufficient statistics designᵀ n. One
Newton step for T toys is then two matrix products and one exponential: with the design
orthonormalised at a common starting point, all bins' contributions to the likelihood, its
gradient and its Fisher information are one product with the precomputed pairs φ_i φ_j. The first,
second-order step from the common start needs no exponential at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from novum.errors import FitError, InputError
from novum.statistics.likelihood import poisson_deviance
from novum.statistics.newton import Likelihood, Maxima, maximise_all

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_CHUNK = 1024  # toys at a time: bins x toys of float64 should stay in the L2 cache


@dataclass(frozen=True, eq=False)
class BatchFit:
    """Fits of one model to T data sets.

    Attributes
    ----------
    parameters : float64 array (T, p)
        Maximum-likelihood parameters of the design given; where the likelihood only has a
        supremum (empty data), parameters far along the way there.
    log_likelihood : float64 array (T,)
        Log likelihood, minus that at the model's common start.
    merged_expected : float64 array (T,)
        Expected count of the merged bin; 0 where the model has none.
    converged : bool array (T,)
        False where no maximum was found; the other entries of that row are meaningless.
    model : BatchModel
        The model fitted.
    """

    parameters: FloatArray
    log_likelihood: FloatArray
    merged_expected: FloatArray
    converged: BoolArray
    model: BatchModel

    def expected(self) -> FloatArray:
        """Expected counts (T, B), masked bins included."""
        with np.errstate(over="ignore"):
            return np.exp(self.parameters @ self.model.design.T + self.model.offset)

    def deviance(self, counts: FloatArray) -> FloatArray:
        """Poisson deviance (T,) of `counts` (T, B) over the bins fitted one by one."""
        free = self.model.free
        return poisson_deviance(counts[:, free], self.expected()[:, free])


@dataclass(frozen=True, eq=False)
class BatchModel:
    """A log-linear Poisson model prepared for many fits from one starting point.

    Build it with `prepare`.

    Attributes
    ----------
    design, offset, start : float64 arrays (B, p), (B,) and (p,)
        The model and its common starting point.
    free, merged : bool arrays (B,)
        Bins that count one by one, and those merged into one counting bin.
    likelihood : Likelihood
        Its expansion around the start.
    """

    design: FloatArray
    offset: FloatArray
    free: BoolArray
    merged: BoolArray
    start: FloatArray
    likelihood: Likelihood

    @classmethod
    def prepare(
        cls,
        design: ArrayLike,
        offset: ArrayLike,
        start: ArrayLike,
        mask: BoolArray | None = None,
        merged: BoolArray | None = None,
    ) -> BatchModel:
        """Precompute everything that the data sets share.

        Parameters
        ----------
        design : array_like (B, p)
            Derivatives of ln μ; the first column is 1.
        offset : array_like (B,)
            ln μ at θ = 0; it carries the exposure where there is one.
        start : array_like (p,)
            Common starting point, the truth of the toys where it is known.
        mask : bool array (B,), optional
            True: the bin is left out.
        merged : bool array (B,), optional
            True: the bin is part of one merged counting bin.

        Returns
        -------
        BatchModel

        Raises
        ------
        InputError
            If shapes disagree or the first column is not 1.
        FitError
            If the bins used do not determine the parameters.
        """
        phi, off, theta = (np.asarray(a, dtype=np.float64) for a in (design, offset, start))
        none = np.zeros(len(phi), dtype=np.bool_)
        merge = none if merged is None else np.asarray(merged, dtype=np.bool_)
        free = ~merge if mask is None else ~(merge | np.asarray(mask, dtype=np.bool_))
        if phi.ndim != 2 or off.shape != phi.shape[:1] or theta.shape != phi.shape[1:]:
            raise InputError(
                f"design {phi.shape}, offset {off.shape} and start {theta.shape} do not match"
            )
        if free.shape != off.shape or not np.all(phi[:, 0] == 1):
            raise InputError("masks need one entry a bin, and the first design column must be 1")
        with np.errstate(over="ignore"):
            mu = np.exp(off + phi @ theta)
        if not (np.isfinite(mu).all() and (mu > 0).all()):
            raise FitError("the expectation at the starting point of the batch is not finite")
        return cls(phi, off, free, merge, theta, Likelihood.around(phi, mu, free, merge))

    @property
    def merged_start(self) -> float:
        """Expected count of the merged bin at the start."""
        return self.likelihood.nu

    def fit(self, counts: ArrayLike) -> BatchFit:
        """Fit every row of `counts` (T, B).

        Returns
        -------
        BatchFit

        Raises
        ------
        InputError
            If the counts have another number of bins.
        """
        n = np.atleast_2d(np.asarray(counts, dtype=np.float64))
        if n.ndim != 2 or n.shape[1] != len(self.offset):
            raise InputError(f"need counts of shape (T, {len(self.offset)}), got {n.shape}")
        rows = len(n)
        found = Maxima(
            np.full((len(self.start), rows), np.nan),
            np.full(rows, np.nan),
            np.full(rows, np.nan),
            np.zeros(rows, dtype=np.bool_),
        )
        work = np.empty((len(self.likelihood.phi), min(_CHUNK, rows)))
        with np.errstate(all="ignore"):  # rows that overflow or have no maximum are flagged
            for at in range(0, rows, _CHUNK):
                part = slice(at, at + _CHUNK)
                maximise_all(self.likelihood, n[part], work, found[part])
        parameters = (self.likelihood.transform @ found.shift).T + self.start
        return BatchFit(parameters, found.value, found.nu, found.converged, self)


def fit_batch(
    counts: ArrayLike,
    design: ArrayLike,
    offset: ArrayLike,
    mask: BoolArray | None = None,
    start: ArrayLike | None = None,
    merged: BoolArray | None = None,
) -> BatchFit:
    """Fit μ = exp(offset + design @ θ) to every row of `counts`.

    Parameters
    ----------
    counts : array_like (T, B)
        Data sets.
    design, offset, mask, merged
        See `BatchModel.prepare`.
    start : array_like (p,), optional
        Common starting point; by default the fit to the mean of all rows.

    Returns
    -------
    BatchFit

    Raises
    ------
    InputError, FitError
        See `BatchModel.prepare`.
    """
    n = np.atleast_2d(np.asarray(counts, dtype=np.float64))
    if start is None:
        start = _pooled_start(n, np.asarray(design), np.asarray(offset), mask, merged)
    return BatchModel.prepare(design, offset, start, mask, merged).fit(n)


def _pooled_start(
    n: FloatArray,
    design: FloatArray,
    offset: FloatArray,
    mask: BoolArray | None,
    merged: BoolArray | None,
) -> FloatArray:
    """Fit to the mean of all rows, itself started from weighted least squares."""
    mean = n.mean(axis=0)
    used = np.ones(len(mean), dtype=np.bool_) if mask is None else ~np.asarray(mask)
    root = np.sqrt(mean[used] + 0.1)
    target = root * (np.log(mean[used] + 0.5) - offset[used])
    rough = np.linalg.lstsq(root[:, None] * design[used], target, rcond=None)[0]
    pooled = BatchModel.prepare(design, offset, rough, mask, merged).fit(mean)
    if not pooled.converged[0]:
        raise FitError("the fit to the mean of all data sets did not converge")
    start: FloatArray = pooled.parameters[0]
    return start
