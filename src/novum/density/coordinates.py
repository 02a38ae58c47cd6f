"""Coordinates in which densities are learnt, with the Jacobians that lead back.

A density is not a number of an event alone: it changes with the coordinates. What `novum.density`
reports is always per unit of the user's own features; the maps here say by how much they stretch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtri

FloatArray = NDArray[np.float64]

_KNOTS = 128  # of a marginal distribution: cells of 0.8 % of the events
_MARGIN = 0.01  # of the range, by which the logit reaches beyond the outermost events
_LATTICE_SHARE = 0.1  # fewer different values per event than this: the feature counts something


class Coordinates(Protocol):
    """A smooth invertible map of feature space, row by row."""

    def forward(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """New coordinates (n, d) of x (n, d), and the log of |∂new/∂x| (n,)."""
        ...

    def inverse(self, z: FloatArray) -> FloatArray:
        """Features (n, d) of coordinates z (n, d)."""
        ...


@dataclass(frozen=True, eq=False)
class NormalScores:
    """Each feature mapped so that the events it was fitted to are distributed as N(0, 1).

    The map is linear between the quantiles, and continues as it ends beyond the outermost.

    Attributes
    ----------
    knots, scores : sequences of d arrays (K,)
        Values of each feature and where they are mapped.
    """

    knots: Sequence[FloatArray]
    scores: Sequence[FloatArray]

    @classmethod
    def fit(cls, x: FloatArray, weight: FloatArray) -> NormalScores:
        """To events x (n, d) with weights (n,), not negative."""
        pairs = [_marginal(column, weight) for column in x.T]
        return cls([k for k, _ in pairs], [s for _, s in pairs])

    def forward(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """See `Coordinates`."""
        parts = [_linear(c, k, s) for c, k, s in zip(x.T, self.knots, self.scores, strict=True)]
        z = np.column_stack([value for value, _ in parts])
        total: FloatArray = np.sum([np.log(slope) for _, slope in parts], axis=0)
        return z, total

    def inverse(self, z: FloatArray) -> FloatArray:
        """See `Coordinates`."""
        pairs = zip(z.T, self.scores, self.knots, strict=True)
        return np.column_stack([_linear(c, s, k)[0] for c, s, k in pairs])


@dataclass(frozen=True, eq=False)
class Decorrelated:
    """Each coordinate less what those before it predict linearly, over its standard deviation.

    Attributes
    ----------
    mean : float64 array (d,)
    lower : float64 array (d, d)
        Cholesky factor of the covariance.
    """

    mean: FloatArray
    lower: FloatArray

    @classmethod
    def fit(cls, x: FloatArray, weight: FloatArray) -> Decorrelated:
        """To events x (n, d) with weights (n,)."""
        mean = np.average(x, axis=0, weights=weight)
        covariance = np.atleast_2d(np.cov(x.T, aweights=weight))
        ridge = 1e-9 * np.trace(covariance) / len(covariance)
        return cls(mean, np.linalg.cholesky(covariance + ridge * np.eye(len(covariance))))

    def forward(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """See `Coordinates`."""
        z = (x - self.mean) @ np.linalg.inv(self.lower).T
        return z, np.full(len(x), -np.log(np.diag(self.lower)).sum())

    def inverse(self, z: FloatArray) -> FloatArray:
        """See `Coordinates`."""
        return np.asarray(z @ self.lower.T + self.mean)


@dataclass(frozen=True, eq=False)
class Logit:
    """Logit between bounds, then to mean 0 and standard deviation 1, as in arXiv:2109.00546.

    Values beyond the bounds count as lying next to them.

    Attributes
    ----------
    low, high, mean, sd : float64 arrays (d,)
    """

    low: FloatArray
    high: FloatArray
    mean: FloatArray
    sd: FloatArray

    @classmethod
    def fit(cls, x: FloatArray, weight: FloatArray) -> Logit:
        """To events x (n, d) with weights (n,)."""
        low, high = x.min(axis=0), x.max(axis=0)
        margin = _MARGIN * (high - low)
        plain = cls(low - margin, high + margin, np.zeros(x.shape[1]), np.ones(x.shape[1]))
        z, _ = plain.forward(x)
        mean = np.average(z, axis=0, weights=weight)
        sd = np.sqrt(np.average((z - mean) ** 2, axis=0, weights=weight))
        return cls(plain.low, plain.high, mean, sd)

    def forward(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """See `Coordinates`."""
        width = self.high - self.low
        p = np.clip((x - self.low) / width, 1e-6, 1 - 1e-6)
        log_jacobian = -np.log(p * (1 - p) * width * self.sd).sum(axis=1)
        return (np.log(p / (1 - p)) - self.mean) / self.sd, log_jacobian

    def inverse(self, z: FloatArray) -> FloatArray:
        """See `Coordinates`."""
        return np.asarray(self.low + (self.high - self.low) * expit(z * self.sd + self.mean))


@dataclass(frozen=True, eq=False)
class Chain:
    """One map after another."""

    steps: tuple[Coordinates, ...]

    def forward(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """See `Coordinates`."""
        total = np.zeros(len(x))
        for step in self.steps:
            x, part = step.forward(x)
            total += part
        return x, total

    def inverse(self, z: FloatArray) -> FloatArray:
        """See `Coordinates`."""
        for step in reversed(self.steps):
            z = step.inverse(z)
        return z


def gaussianised(x: FloatArray, weight: FloatArray) -> Chain:
    """Normal scores, less their linear dependence, and normal scores again.

    What remains for a network is the dependence beyond that of a Gaussian copula, on coordinates
    that all have the same scale.
    """
    steps: list[Coordinates] = []
    for kind in (NormalScores, Decorrelated, NormalScores):
        steps.append(kind.fit(x, weight))
        x, _ = steps[-1].forward(x)
    return Chain(tuple(steps))


@dataclass(frozen=True, eq=False)
class Lattices:
    """Features that take few values, which no density describes: spread evenly between them.

    Attributes
    ----------
    values : mapping of column to array
        Rising values of those features.
    """

    values: dict[int, FloatArray]

    @classmethod
    def of(cls, x: FloatArray) -> Lattices:
        """Those of events x (n, d)."""
        distinct = {i: np.unique(column) for i, column in enumerate(x.T)}
        return cls({i: v for i, v in distinct.items() if len(v) < _LATTICE_SHARE * len(x)})

    def spread(self, x: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Copy of x (n, d) with each lattice value drawn evenly from the cell around it."""
        out = x.copy()
        for i, values in self.values.items():
            edges = _cells(values)
            at = np.searchsorted(edges[1:-1], x[:, i])
            out[:, i] = edges[at] + rng.random(len(x)) * (edges[at + 1] - edges[at])
        return out

    def gather(self, x: FloatArray) -> FloatArray:
        """Copy of x (n, d) with what lies in a cell back on its lattice value."""
        out = x.copy()
        for i, values in self.values.items():
            out[:, i] = values[np.searchsorted(_cells(values)[1:-1], x[:, i])]
        return out


def _cells(values: FloatArray) -> FloatArray:
    """Edges (K + 1,) half-way between K rising values, as far beyond the first and the last."""
    middle = (values[1:] + values[:-1]) / 2
    return np.concatenate([[2 * values[0] - middle[0]], middle, [2 * values[-1] - middle[-1]]])


def _marginal(x: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Quantiles of a feature and their normal scores, both rising."""
    order = np.argsort(x, kind="stable")
    x, weight = x[order], weight[order]
    share = (np.cumsum(weight) - weight / 2) / weight.sum()
    # Even steps in probability inside, ever finer ones in the tails, where a step in
    # probability would be a long way.
    tail = np.geomspace(1 / max(len(x), 2 * _KNOTS), 1 / _KNOTS, 12)[:-1]
    levels = np.concatenate([tail, np.linspace(0, 1, _KNOTS + 1)[1:-1], 1 - tail[::-1]])
    knots = np.interp(levels, share, x)
    knots, first = np.unique(knots, return_index=True)
    scores = ndtri(levels[first])
    # Beyond the outermost events the map goes on with its mean slope over the tail: that between
    # the last two events would be a lottery.
    inner = min(len(tail), len(knots) - 1)
    ends = []
    for end, other in ((0, inner), (-1, -1 - inner)):
        slope = (scores[end] - scores[other]) / (knots[end] - knots[other])
        reach = knots[end] - knots[other]
        ends.append((knots[end] + reach, scores[end] + slope * reach))
    (low, low_score), (high, high_score) = ends
    return np.r_[low, knots, high], np.r_[low_score, scores, high_score]


def _linear(x: FloatArray, at: FloatArray, to: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Piecewise linear map and its slope; the outermost pieces go on without end."""
    piece = np.clip(np.searchsorted(at, x, side="right") - 1, 0, len(at) - 2)
    slope = np.diff(to)[piece] / np.diff(at)[piece]
    return to[piece] + (x - at[piece]) * slope, slope
