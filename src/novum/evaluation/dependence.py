"""How much a feature depends on the mass, linearly or not."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from novum.errors import InputError
from novum.evaluation.weights import event_weights, finite_column

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MOST_EVENTS = 10_000  # in the permutations of `mass_dependence`: a feature then takes seconds
FEWEST_EVENTS = 50
PERMUTATIONS = 99
_PER_CELL = 10  # events that independence puts into a cell of the mutual information


@dataclass(frozen=True)
class Dependence:
    """Dependence of one feature on the mass, with p-values of independence.

    Attributes
    ----------
    feature : str
    distance_correlation : float
        Between 0 and 1. Of n independent events it is some n^(-1/2), not 0.
    mutual_information : float
        [nats], corrected for bias; below 0 only by chance.
    p, p_mutual_information : float
        Of the distance correlation and of the mutual information, from permutations of the
        feature. Never below 1/(1 + permutations).
    n_events : int
        That took part.
    """

    feature: str
    distance_correlation: float
    mutual_information: float
    p: float
    p_mutual_information: float
    n_events: int


def mass_dependence(
    x: ArrayLike,
    m: ArrayLike,
    *,
    feature: str,
    n_permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> Dependence:
    """Distance correlation and mutual information of a feature with the mass.

    Of more than 10 000 events, so many are drawn at random. Events have no weights here: a
    permutation would not keep them.

    Parameters
    ----------
    x, m : arrays (n,)
        The feature, and the resonant variable [GeV].
    feature : str
        Name of the feature.
    n_permutations : int
        Permutations of x, which serve both measures.
    seed : int
        Of the subsample and the permutations.

    Raises
    ------
    InputError
        If shapes differ, a value is not finite, x or m is constant, or there are fewer than 50
        events or no permutations.
    """
    if n_permutations < 1:
        raise InputError("a permutation null needs permutations", value=n_permutations)
    a, b = _pair(x, m, feature)
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(a))[:MOST_EVENTS]
    a, b = _varying(a[rows], feature), _varying(b[rows], "m")
    orders = [rng.permutation(len(a)) for _ in range(n_permutations)]
    correlation, p = _with_null(_DistanceCovariance.of(a, b).correlation, orders)
    information, p_information = _with_null(_BinnedPairs.of(a, b).information, orders)
    return Dependence(feature, correlation, information, p, p_information, len(a))


def distance_correlation(x: ArrayLike, m: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Distance correlation of two variables, in O(n log² n) time and O(n) memory.

    Zero in the limit of many events only if they are independent (Székely, Rizzo, Bakirov 2007,
    arXiv:0803.4101); its square is what DisCo trains with (arXiv:2001.05310). The estimate is the
    V-statistic, as there. Sums over pairs are taken by merging halves as in arXiv:1410.1503.

    Parameters
    ----------
    x, m : arrays (n,)
    weight : array (n,), optional
        Not negative.

    Raises
    ------
    InputError
        If shapes differ, a value is not finite, a weight is negative, x or m is constant, or there
        are fewer than 50 events.
    """
    a, b = _pair(x, m, "x")
    w = event_weights(weight, len(a))
    rows = w > 0
    a, b = _varying(a[rows], "x"), _varying(b[rows], "m")
    return _DistanceCovariance.of(a, b, w[rows] / w.sum()).correlation(np.arange(len(a)))


def mutual_information(x: ArrayLike, m: ArrayLike) -> float:
    """Mutual information of two variables [nats].

    From a table of ranks in bins of equal content, so that rising transforms of either variable
    change nothing, with the correction of Miller and Madow for the bias of a finite sample
    (Roulston, Physica D 125 (1999) 285). There are √(n/10) bins a side: structure that is finer
    is not seen.

    Parameters
    ----------
    x, m : arrays (n,)

    Raises
    ------
    InputError
        If shapes differ, a value is not finite, x or m is constant, or there are fewer than 50
        events.
    """
    a, b = _pair(x, m, "x")
    pairs = _BinnedPairs.of(_varying(a, "x"), _varying(b, "m"))
    return pairs.information(np.arange(len(a)))


@dataclass(frozen=True, eq=False)
class _DistanceCovariance:
    """What the distance covariance of permuted pairs has in common.

    Values are in units of their spread about zero. `distance_a`, `distance_b` (n,) are mean
    distances of each event from all, `by_b` the order of the second variable.
    """

    a: FloatArray
    b: FloatArray
    w: FloatArray
    by_b: IntArray
    distance_a: FloatArray
    distance_b: FloatArray
    variances: float  # product of both distance variances

    @classmethod
    def of(cls, a: FloatArray, b: FloatArray, w: FloatArray | None = None) -> _DistanceCovariance:
        w = np.full(len(a), 1 / len(a)) if w is None else w
        a, b = ((v - w @ v) / np.ptp(v) for v in (a, b))
        distances = _mean_distances(a, w), _mean_distances(b, w)
        variances = 1.0
        for v, d in zip((a, b), distances, strict=True):
            squares = 2 * float(w @ v**2 - (w @ v) ** 2)
            variances *= squares + float(w @ d) ** 2 - 2 * float(w @ d**2)
        return cls(a, b, w, np.argsort(b, kind="stable"), *distances, variances)

    def correlation(self, order: IntArray) -> float:
        """Distance correlation of a[order] and b. Only equal weights allow for a permutation."""
        w = self.w
        covariance = (
            _mean_product(self.a[order], self.b, w, self.by_b)
            + float(w @ self.distance_a) * float(w @ self.distance_b)
            - 2 * float(w @ (self.distance_a[order] * self.distance_b))
        )
        return math.sqrt(max(covariance, 0.0) / math.sqrt(self.variances))


def _mean_distances(v: FloatArray, w: FloatArray) -> FloatArray:
    """Σ_j w_j |v_i - v_j| of every i."""
    order = np.argsort(v)
    s, ws = v[order], w[order]
    below, moment = np.cumsum(ws), np.cumsum(ws * s)
    out = np.empty(len(v))
    out[order] = s * (2 * below - below[-1]) - 2 * moment + moment[-1]
    return out


def _mean_product(a: FloatArray, b: FloatArray, w: FloatArray, by_b: IntArray) -> float:
    """Σ_ij w_i w_j |a_i - a_j| |b_i - b_j|.

    The product of the differences has the sign of concordance: it is summed over all pairs with
    b_j before b_i, and twice over those with a_j below a_i as well.
    """
    a, b, w = a[by_b], b[by_b], w[by_b]
    moments = np.stack([w, w * a, w * b, w * a * b])
    all_before = np.cumsum(moments, axis=1)
    below = 2 * _sums_below(a, moments) - all_before
    # An event's own term in `all_before` cancels: its distance from itself is zero.
    terms = a * b * below[0] - b * below[1] - a * below[2] + below[3]
    return float(2 * (w @ terms))


def _sums_below(a: FloatArray, moments: FloatArray) -> FloatArray:
    """Σ of `moments` (k, n) over the events j < i with a_j < a_i, shape (k, n).

    Merge sort, all merges of one length at once: in every merge the events of the right half
    collect what is smaller in the left half.
    """
    n = len(a)
    size = 1 << (n - 1).bit_length()
    rank = np.arange(size)  # what is added ranks above all, and weighs nothing
    rank[np.argsort(a, kind="stable")] = np.arange(n)
    at = np.arange(size)  # events in the order of merged blocks
    values = np.zeros((len(moments), size))
    values[:, :n] = moments
    out = np.zeros_like(values)
    half = 1
    while half < size:
        blocks = at.reshape(-1, 2 * half)
        merged = np.argsort(rank[blocks], axis=1, kind="stable")
        at = np.take_along_axis(blocks, merged, axis=1).ravel()
        left = (merged < half).ravel()
        sums = np.cumsum((values[:, at] * left).reshape(len(moments), -1, 2 * half), axis=2)
        out[:, at] += sums.reshape(len(moments), -1) * ~left
        half *= 2
    return out[:, :n]


@dataclass(frozen=True, eq=False)
class _BinnedPairs:
    """Bins of equal content of both variables, int arrays (n,), and how many there are."""

    a: IntArray
    b: IntArray
    n_bins: int

    @classmethod
    def of(cls, a: FloatArray, b: FloatArray) -> _BinnedPairs:
        n_bins = max(2, round((len(a) / _PER_CELL) ** 0.5))
        return cls(_rank_bins(a, n_bins), _rank_bins(b, n_bins), n_bins)

    def information(self, order: IntArray) -> float:
        """Mutual information of a[order] and b [nats]."""
        n = len(self.a)
        table = np.bincount(self.a[order] * self.n_bins + self.b, minlength=self.n_bins**2)
        table = table.reshape(self.n_bins, -1)
        parts = [part[part > 0] / n for part in (table.sum(axis=1), table.sum(axis=0), table)]
        of_a, of_b, joint = (float(-(part * np.log(part)).sum()) for part in parts)
        occupied = [len(part) - 1 for part in parts]
        return of_a + of_b - joint + (occupied[0] + occupied[1] - occupied[2]) / (2 * n)


def _rank_bins(v: FloatArray, n_bins: int) -> IntArray:
    """Bins by the middle of an event's rank, so that equal values stay together."""
    ordered = np.sort(v)
    ranks = np.searchsorted(ordered, v, "left") + np.searchsorted(ordered, v, "right")
    return np.asarray(ranks * n_bins // (2 * len(v)), dtype=np.int64)


def _with_null(measure: Callable[[IntArray], float], orders: list[IntArray]) -> tuple[float, float]:
    """Measure of the pairs as they are, and the share of permutations that reach it."""
    observed = measure(np.arange(len(orders[0])))
    null = np.array([measure(order) for order in orders])
    # Permutations that differ by rounding only are ties, which count against the observation.
    reached = int(np.count_nonzero(null >= observed - 1e-12))
    return observed, (1 + reached) / (1 + len(null))


def _pair(x: ArrayLike, m: ArrayLike, name: str) -> tuple[FloatArray, FloatArray]:
    a, b = finite_column(x, name), finite_column(m, "m")
    if len(a) != len(b):
        raise InputError(f"{len(a)} values for {len(b)} masses", column=name)
    if len(a) < FEWEST_EVENTS:
        raise InputError(
            f"a dependence needs at least {FEWEST_EVENTS} events, got {len(a)}", value=len(a)
        )
    return a, b


def _varying(v: FloatArray, name: str) -> FloatArray:
    if len(v) < 2 or np.ptp(v) == 0:
        raise InputError("all values are equal: there is nothing to depend on", column=name)
    return v
