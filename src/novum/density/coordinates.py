"""Coordinates in which densities are learnt, with the Jacobians that lead back.

A density is not a number of an event alone: it changes with the coordinates. What `novum.density`
reports is always per unit of the user's own features; the maps here say by how much they stretch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtri

from novum.events import splitmix64

FloatArray = NDArray[np.float64]

_KNOTS = 128  # of a marginal distribution: cells of 0.8 % of the events
_SCALED = (0.1, 0.6)  # quantiles that are put in place at every mass
_PER_BIN, _MOST_BINS, _DEGREE = 500, 40, 2  # events and bins of them, and of their polynomials
_MOST_TRIED, _LEAST_GAIN = 20_000, 0.1  # events, and nats that make these worth their noise
_MARGIN = 0.01  # of the range, by which the logit reaches beyond the outermost events
_LATTICE_SHARE = 0.1  # fewer different values per event than this: the feature counts something


class Coordinates(Protocol):
    """A smooth invertible map of feature space, row by row, at a context (n,) of each.

    `forward` takes a context (1,) for all rows, too. It may be handed what writes down a graph in
    place of x: something that NumPy's functions take, but that has no length.
    """

    def forward(self, x: FloatArray, context: FloatArray) -> tuple[FloatArray, FloatArray]:
        """New coordinates (n, d) of x (n, d), and the log of |∂new/∂x| (n,)."""
        ...

    def inverse(self, z: FloatArray, context: FloatArray) -> FloatArray:
        """Features (n, d) of coordinates z (n, d)."""
        ...


class Unchanged:
    """Features as they are."""

    def forward(self, x: FloatArray, context: FloatArray) -> tuple[FloatArray, FloatArray]:
        """See `Coordinates`."""
        return x, np.zeros(len(context))

    def inverse(self, z: FloatArray, context: FloatArray) -> FloatArray:
        """See `Coordinates`."""
        return z


@dataclass(frozen=True, eq=False)
class MassScaled:
    """Each feature moved and scaled so that two of its quantiles lie at 0 and 1 at every mass.

    An edge that moves with the mass, which no small network follows, stands still afterwards. The
    lower quantile and the logarithm of the distance to the upper one are parabolas in the context,
    fitted to quantiles in bins; beyond the outermost bins the first goes on in a straight line and
    the second stays.

    Attributes
    ----------
    low, high : float
        Context of the first and of the last bin.
    start, log_width : float64 arrays (d, P)
        Coefficients, the constant last.
    """

    low: float
    high: float
    start: FloatArray
    log_width: FloatArray

    @classmethod
    def fit(cls, x: FloatArray, context: FloatArray, weight: FloatArray) -> MassScaled:
        """To events x (n, d) at context (n,) with weights (n,)."""
        n_bins = int(np.clip(len(x) // _PER_BIN, 1, _MOST_BINS))
        bins = np.array_split(np.argsort(context, kind="stable"), n_bins)
        centre = np.array([np.average(context[rows], weights=weight[rows]) for rows in bins])
        solve = np.linalg.pinv(np.vander(centre, min(_DEGREE, n_bins - 1) + 1))
        lower, upper = np.array([
            [_quantiles(column[rows], weight[rows]) for rows in bins] for column in x.T
        ]).transpose(2, 0, 1)  # fmt: skip
        width = upper - lower
        least = 1e-3 * width.mean(axis=1, keepdims=True) + 1e-300
        log_width = np.log(np.maximum(width, least))
        return cls(float(centre[0]), float(centre[-1]), lower @ solve.T, log_width @ solve.T)

    def forward(self, x: FloatArray, context: FloatArray) -> tuple[FloatArray, FloatArray]:
        """See `Coordinates`."""
        start, log_width = self._at(context)
        return (x - start) / np.exp(log_width), -log_width.sum(axis=1)

    def inverse(self, z: FloatArray, context: FloatArray) -> FloatArray:
        """See `Coordinates`."""
        start, log_width = self._at(context)
        return np.asarray(start + z * np.exp(log_width))

    def _at(self, context: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Lower quantile and logarithm of the width, arrays (n, d)."""
        inside = np.clip(context, self.low, self.high)
        powers = np.vander(inside, self.start.shape[1])
        slope = np.column_stack([np.polyval(np.polyder(line), inside) for line in self.start])
        start = powers @ self.start.T + slope * (context - inside)[:, None]
        return start, powers @ self.log_width.T


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

    def forward(self, x: FloatArray, context: FloatArray) -> tuple[FloatArray, FloatArray]:
        """See `Coordinates`."""
        maps = enumerate(zip(self.knots, self.scores, strict=True))
        parts = [_linear(x[:, i], knots, scores) for i, (knots, scores) in maps]
        total: FloatArray = sum((np.log(slope) for _, slope in parts), np.zeros(len(context)))
        return np.stack([value for value, _ in parts], axis=1), total

    def inverse(self, z: FloatArray, context: FloatArray) -> FloatArray:
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

    def forward(self, x: FloatArray, context: FloatArray) -> tuple[FloatArray, FloatArray]:
        """See `Coordinates`."""
        z = (x - self.mean) @ np.linalg.inv(self.lower).T
        return z, np.full(len(context), -np.log(np.diag(self.lower)).sum())

    def inverse(self, z: FloatArray, context: FloatArray) -> FloatArray:
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
        z, _ = plain.forward(x, x[:, 0])
        mean = np.average(z, axis=0, weights=weight)
        sd = np.sqrt(np.average((z - mean) ** 2, axis=0, weights=weight))
        return cls(plain.low, plain.high, mean, sd)

    def forward(self, x: FloatArray, context: FloatArray) -> tuple[FloatArray, FloatArray]:
        """See `Coordinates`."""
        width = self.high - self.low
        p = np.clip((x - self.low) / width, 1e-6, 1 - 1e-6)
        log_jacobian = -np.log(p * (1 - p) * width * self.sd).sum(axis=1)
        return (np.log(p / (1 - p)) - self.mean) / self.sd, log_jacobian

    def inverse(self, z: FloatArray, context: FloatArray) -> FloatArray:
        """See `Coordinates`."""
        return np.asarray(self.low + (self.high - self.low) * expit(z * self.sd + self.mean))


@dataclass(frozen=True, eq=False)
class Chain:
    """One map after another."""

    steps: tuple[Coordinates, ...]

    def forward(self, x: FloatArray, context: FloatArray) -> tuple[FloatArray, FloatArray]:
        """See `Coordinates`."""
        total = np.zeros(len(context))
        for step in self.steps:
            x, part = step.forward(x, context)
            total = total + part
        return x, total

    def inverse(self, z: FloatArray, context: FloatArray) -> FloatArray:
        """See `Coordinates`."""
        for step in reversed(self.steps):
            z = step.inverse(z, context)
        return z


def gaussianised(x: FloatArray, context: FloatArray, weight: FloatArray) -> Chain:
    """Normal scores, less their linear dependence, and normal scores again.

    What remains for a network is the dependence beyond that of a Gaussian copula, on coordinates
    that all have the same scale. Features that move with the mass are first put in place at every
    mass, where held-out events are more normal for it by 0.1 nats: features that hardly move are
    better left alone. The former is linear in the features as they are given; without it, rising
    functions of single features change nothing.
    """
    rows = np.random.default_rng(0).permutation(len(x))[:_MOST_TRIED]
    trial = (x[rows], context[rows], weight[rows])
    moves = _normality(True, *trial) - _normality(False, *trial) > _LEAST_GAIN
    return _copula(moves, x, context, weight)


def _copula(moving: bool, x: FloatArray, context: FloatArray, weight: FloatArray) -> Chain:
    steps: list[Coordinates] = []
    if moving:
        steps.append(MassScaled.fit(x, context, weight))
        x, _ = steps[-1].forward(x, context)
    for kind in (NormalScores, Decorrelated, NormalScores):
        steps.append(kind.fit(x, weight))
        x, _ = steps[-1].forward(x, context)
    return Chain(tuple(steps))


def _normality(moving: bool, x: FloatArray, context: FloatArray, weight: FloatArray) -> float:
    """Mean log density of the last fifth of the rows, were the coordinates of the others normal."""
    n = 4 * len(x) // 5
    z, log_jacobian = _copula(moving, x[:n], context[:n], weight[:n]).forward(x[n:], context[n:])
    return float(np.average(log_jacobian - 0.5 * (z**2).sum(axis=1), weights=weight[n:]))


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

    def spread(self, x: FloatArray, even: Callable[[int], FloatArray]) -> FloatArray:
        """Copy of x (n, d) with each lattice value somewhere in the cell around it.

        `even` gives numbers (n,) from 0 to 1 for a column: random ones, or those of `by_row`.
        """
        out = x.copy()
        for i, values in self.values.items():
            edges = _cells(values)
            at = np.searchsorted(edges[1:-1], x[:, i])
            out[:, i] = edges[at] + even(i) * (edges[at + 1] - edges[at])
        return out

    def by_row(self, x: FloatArray, context: FloatArray) -> FloatArray:
        """Copy of x (n, d) spread evenly, each row by numbers that follow from it alone."""
        if not self.values:
            return x
        bits = np.column_stack([x + 0.0, context]).view(np.uint64)  # -0 becomes 0
        mixed = np.zeros(len(x), np.uint64)
        for column in bits.T:
            mixed = splitmix64(mixed ^ column)

        def even(i: int) -> FloatArray:
            return np.asarray((splitmix64(mixed + np.uint64(i)) >> np.uint64(11)) * 2.0**-53)

        return self.spread(x, even)

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


def _quantiles(x: FloatArray, weight: FloatArray) -> FloatArray:
    order = np.argsort(x, kind="stable")
    share = np.cumsum(weight[order]) - weight[order] / 2
    return np.interp(_SCALED, share / weight.sum(), x[order])


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
    slopes = np.diff(to) / np.diff(at)
    begin, start, slope = (np.take_along_axis(values, piece, 0) for values in (at, to, slopes))
    return start + (x - begin) * slope, slope


# What a fitted density may hold; all are made of arrays and of one another.
STORED: dict[str, type[Any]] = {
    c.__name__: c
    for c in (Unchanged, MassScaled, NormalScores, Decorrelated, Logit, Chain, Lattices)
}
