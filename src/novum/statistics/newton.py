"""Newton's method for many log-linear Poisson likelihoods at once; `batch` is its interface.

Everything is measured from a common start, in the basis that makes the Fisher information there
the identity, with the axis of data sets innermost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from novum.errors import FitError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_MAX_STEPS = 60
# On the Newton decrement, the squared length of the next step in standard deviations. That step
# is still taken: what it leaves in lnL is of third order, below 1e-8.
_TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class Likelihood:
    """A log-linear Poisson likelihood expanded around a start, for F free bins of B.

    Attributes
    ----------
    transform : float64 array (p, p)
        From coordinates here to parameters of the design, as differences from the start.
    statistics : float64 array (p+1, B)
        Makes the sufficient statistics of counts: basis functions of the free bins, and 1 in
        the merged ones.
    phi : float64 array (F, p)
        Basis functions of the free bins; the first is constant.
    pairs : float64 array (p(p+1)/2, F)
        Their products, times the expectation at the start.
    phi_merged, mu_merged : float64 arrays (M, p) and (M,)
        Basis functions and expectation at the start of the bins merged into one.
    slopes : float64 array (p,)
        Σ μ φ over free bins at the start.
    bend : float64 array (p, p)
        Data-dependent part of the observed information, per unit of n/ν - 1 of the merged bin.
    third : float64 array (p, p²)
        Half the expected third derivative of lnL at the start.
    """

    transform: FloatArray
    statistics: FloatArray
    phi: FloatArray
    pairs: FloatArray
    phi_merged: FloatArray
    mu_merged: FloatArray
    slopes: FloatArray
    bend: FloatArray
    third: FloatArray

    @classmethod
    def around(
        cls, design: FloatArray, mu: FloatArray, free: BoolArray, merged: BoolArray
    ) -> Likelihood:
        """Expand around the point where the design (B, p) gives the expectation `mu` (B,)."""
        transform = _orthonormal(design, mu, free, merged)
        phi = design @ transform
        first, second = np.triu_indices(design.shape[1])
        pairs = (mu[:, None] * phi[:, first] * phi[:, second])[free]
        bend, third = _curvature(phi, mu, free, merged)
        return cls(
            transform=transform,
            statistics=np.vstack([phi.T * free, merged]),
            phi=np.ascontiguousarray(phi[free]),
            pairs=np.ascontiguousarray(pairs.T),
            phi_merged=np.ascontiguousarray(phi[merged]),
            mu_merged=mu[merged],
            slopes=mu[free] @ phi[free],
            bend=bend,
            third=third,
        )

    @property
    def nu(self) -> float:
        """Expectation of the merged bin at the start."""
        return float(self.mu_merged.sum())


@dataclass(frozen=True, eq=False)
class Maxima:
    """Where to write: shifts (p, T), lnL (T,), merged expectations (T,), converged (T,)."""

    shift: FloatArray
    value: FloatArray
    nu: FloatArray
    converged: BoolArray

    def __getitem__(self, part: slice) -> Maxima:
        return Maxima(self.shift[:, part], self.value[part], self.nu[part], self.converged[part])

    def put(self, rows: NDArray[np.int64] | slice, *found: FloatArray) -> None:
        """Record converged data sets."""
        self.shift[:, rows], self.value[rows], self.nu[rows] = found
        self.converged[rows] = True


def maximise_all(model: Likelihood, counts: FloatArray, work: FloatArray, out: Maxima) -> None:
    """Maximise lnL for every row of `counts` (T, B); `work` (F, T) is scratch space."""
    statistics = model.statistics @ counts.T
    t, n = statistics[:-1], statistics[-1]
    rows = np.arange(len(n))
    step = _first_step(model, t, n)
    shift = step.copy()
    best = np.zeros(len(n))
    noise = 1e-9 + 1e-13 * float(model.slopes[0] / model.phi[0, 0])  # rounding of lnL
    for _ in range(_MAX_STEPS):
        value, nu, score, information = _evaluate(model, shift, t, n, work[:, : len(n)])
        newton = _solve(information, score)
        decrement = np.einsum("pt,pt->t", score, newton)
        done = decrement < _TOLERANCE  # there is one maximum: a vanishing step is at it
        bad = ~done & ~((value >= best - noise) & np.isfinite(decrement))
        if bad.any():  # overshot: back half way along the same step
            step = np.where(bad, step / 2, newton)
            best = np.where(bad, best, value)
            shift += np.where(bad, -step, newton)
        else:
            step, best = newton, value
            shift += newton
        if done.all():
            out.put(rows, shift, value + decrement / 2, nu)
            return
        if done.any():
            final = (value[done] + decrement[done] / 2, nu[done])
            out.put(rows[done], shift[:, done], *final)
            left = ~done
            rows, n, best = rows[left], n[left], best[left]
            t, shift, step = t[:, left], shift[:, left], step[:, left]


def _orthonormal(
    design: FloatArray, mu: FloatArray, free: BoolArray, merged: BoolArray
) -> FloatArray:
    """Basis change after which the Fisher information at the start is the identity."""
    rows = np.sqrt(mu[free])[:, None] * design[free]
    if merged.any():
        rows = np.vstack([rows, mu[merged] @ design[merged] / np.sqrt(mu[merged].sum())])
    r = np.asarray(np.linalg.qr(rows, mode="r"))
    if r.shape[0] < r.shape[1] or np.abs(np.diag(r)).min() < 1e-12 * np.abs(r).max():
        raise FitError(
            f"{np.count_nonzero(free)} bins do not determine {design.shape[1]} parameters"
        )
    return np.asarray(np.linalg.inv(r), dtype=np.float64)


def _curvature(
    phi: FloatArray, mu: FloatArray, free: BoolArray, merged: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """The fields `bend` and `third` of `Likelihood`."""
    p = phi.shape[1]
    third = -np.einsum("b,bi,bj,bk->ijk", mu[free], phi[free], phi[free], phi[free])
    bend = np.zeros((p, p))
    if merged.any():
        m, f = mu[merged], phi[merged]
        nu, v, w = m.sum(), m @ f, np.einsum("b,bi,bj->ij", m, f, f)
        bend = np.outer(v, v) / nu - w
        wv = np.einsum("ij,k->ijk", w, v)
        mixed = wv + wv.transpose(0, 2, 1) + wv.transpose(2, 1, 0)
        third += 2 * np.einsum("i,j,k->ijk", v, v, v) / nu**2 - mixed / nu
    return bend, third.reshape(p, p * p) / 2


def _first_step(model: Likelihood, t: FloatArray, n: FloatArray) -> FloatArray:
    """Second-order step from the common start; it needs no exponential."""
    first: FloatArray = t - model.slopes[:, None]
    excess = np.zeros(len(n))
    if len(model.mu_merged):
        excess = n / model.nu - 1
        first += excess * (model.mu_merged @ model.phi_merged)[:, None]
    second = model.third @ (first[:, None] * first[None]).reshape(-1, len(n))
    if len(model.mu_merged):
        second -= excess * (model.bend @ first)
    size = np.einsum("pt,pt->t", second, second)
    # far from the start the expansion is no guide
    near = size < 0.25 * np.einsum("pt,pt->t", first, first)
    first += near * second
    return first


def _evaluate(
    model: Likelihood, shift: FloatArray, t: FloatArray, n: FloatArray, work: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, list[list[FloatArray]]]:
    """lnL relative to the start, merged expectation, score (p, T), information [i][j <= i]."""
    p = len(shift)
    np.matmul(model.phi, shift, out=work)
    np.exp(work, out=work)
    sums = model.pairs @ work
    unit = model.phi[0, 0]  # the first basis function is constant: pairs with it are the slopes
    slopes = sums[:p] / unit
    value = np.einsum("pt,pt->t", t, shift) - (slopes[0] - model.slopes[0]) / unit
    score = t - slopes
    starts = [i * p - i * (i - 1) // 2 for i in range(p)]
    information = [[sums[starts[j] + i - j] for j in range(i + 1)] for i in range(p)]
    if not len(model.mu_merged):
        return value, np.zeros(len(n)), score, information
    mu = np.exp(model.phi_merged @ shift)
    mu *= model.mu_merged[:, None]
    nu = mu.sum(axis=0)
    slope = model.phi_merged.T @ mu
    value += n * np.log(nu / model.nu) - (nu - model.nu)
    score += (n / nu - 1) * slope
    slope /= np.sqrt(nu)
    for i, row in enumerate(information):
        for j, entry in enumerate(row):
            entry += slope[i] * slope[j]
    return value, nu, score, information


def _solve(h: list[list[FloatArray]], g: FloatArray) -> FloatArray:
    """Solve T small symmetric positive systems at once (LDLᵀ with the toy axis innermost)."""
    p = len(g)
    lower: list[list[FloatArray]] = []
    inverse: list[FloatArray] = []  # of the pivots
    x = g.copy()
    for i in range(p):
        scaled: list[FloatArray] = []  # L_ij D_j
        row: list[FloatArray] = []
        pivot = h[i][i]
        for j in range(i):
            entry = h[i][j]
            for k in range(j):
                entry = entry - scaled[k] * lower[j][k]
            scaled.append(entry)
            row.append(entry * inverse[j])
            pivot = pivot - entry * row[j]
            x[i] -= row[j] * x[j]
        lower.append(row)
        inverse.append(1 / pivot)
    for i in range(p - 1, -1, -1):
        x[i] *= inverse[i]
        for k in range(i + 1, p):
            x[i] -= lower[k][i] * x[k]
    return x
