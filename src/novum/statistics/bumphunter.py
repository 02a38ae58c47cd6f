"""Histogram-only bump hunt: BumpHunter (Choudalakis, arXiv:1101.0390) with a fixed background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from novum.errors import InputError
from novum.statistics.likelihood import check_spectrum
from novum.statistics.pvalue import PValue

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_BLOCK = 1024  # toys at a time, fixed: results do not depend on memory


@dataclass(frozen=True, eq=False)
class BumpHunterResult:
    """The most discrepant interval of a histogram.

    Attributes
    ----------
    low, high : float
        The interval [GeV].
    local_p : float
        P(at least the observed count) in it; may underflow to 0.
    statistic : float
        -ln of `local_p`, exact where that underflows.
    global_p : PValue
        Share of background-only toys whose largest statistic reaches the observed one.
    toys : float64 array (T,)
        Largest statistic of every toy.
    """

    low: float
    high: float
    local_p: float
    statistic: float
    global_p: PValue
    toys: FloatArray


def bump_hunter(
    counts: ArrayLike,
    background: ArrayLike,
    widths: Sequence[int],
    n_toys: int,
    seed: int,
    edges: ArrayLike,
) -> BumpHunterResult:
    """Find the interval whose excess is least likely, and how often background does as much.

    All intervals of the given widths at every position are looked at; deficits count nothing.
    The background is taken as known: no refit, which is what makes this fast.

    Parameters
    ----------
    counts : array_like (B,)
        Observed counts, whole numbers.
    background : array_like (B,)
        Expected counts.
    widths : sequence of int
        Widths of the intervals [bins].
    n_toys, seed : int
        Number of toys and their seed.
    edges : array_like (B+1,)
        Bin edges [GeV].

    Returns
    -------
    BumpHunterResult

    Raises
    ------
    InputError
        If the histogram cannot be used, the background is not positive or a width does not fit.
    """
    n, e = check_spectrum(counts, edges)
    b = np.asarray(background, dtype=np.float64)
    if b.shape != n.shape or not (np.isfinite(b).all() and (b > 0).all()):
        raise InputError(f"the background needs {len(n)} positive bins, got shape {b.shape}")
    if not np.array_equal(n, np.round(n)):
        raise InputError("BumpHunter needs whole counts")
    bad = [w for w in widths if not 1 <= w <= len(n)]
    if bad or not len(widths):
        raise InputError(f"widths must be between 1 and {len(n)} bins, got {list(widths)}")
    best = (-np.inf, 0, 1)
    for w in widths:
        observed, expected = _sums(n, w), _sums(b, w)
        values = minus_log_p(observed, expected)
        at = int(np.argmax(values))
        best = max(best, (float(values[at]), at, w))
    statistic, at, width = best
    toys = _toy_statistics(b, widths, n_toys, seed)
    reached = int(np.count_nonzero(toys >= statistic - 1e-9))
    return BumpHunterResult(
        low=float(e[at]),
        high=float(e[at + width]),
        local_p=float(np.exp(-statistic)),
        statistic=statistic,
        global_p=PValue.from_toys(reached, n_toys, "BumpHunter toys, fixed background"),
        toys=toys,
    )


def minus_log_p(observed: FloatArray, expected: FloatArray) -> FloatArray:
    """-ln P(N >= observed) for Poisson N of mean `expected`; 0 where there is no excess."""
    d, b = np.asarray(observed, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    excess = d > b
    k = np.where(excess, d, 1.0)
    tail = special.gammainc(k, np.where(excess, b, 1.0))
    with np.errstate(divide="ignore"):
        direct = -np.log(tail)
    if (tail < 1e-290).any():  # the series of the tail where the tail itself underflows
        series = np.log(special.hyp1f1(1.0, k + 1, b))
        leading = b - k * np.log(b) + special.gammaln(k + 1)
        direct = np.where(tail < 1e-290, leading - series, direct)
    result: FloatArray = np.where(excess, direct, 0.0)
    return result


def _sums(values: FloatArray, width: int) -> FloatArray:
    total: FloatArray = np.concatenate([[0.0], np.cumsum(values)])
    sums: FloatArray = total[width:] - total[:-width]
    return sums


@dataclass(frozen=True, eq=False)
class _Table:
    """-ln p of every count of every interval of one width, flattened for one gather.

    `shift` (P, 1) turns a count into an index, which is clipped to `first` and `last`. Entry
    `first` is 0 (no excess); `last` lies 9 standard deviations out, beyond any toy that matters.
    """

    values: FloatArray
    shift: IntArray
    first: IntArray
    last: IntArray


def _table(expected: FloatArray) -> _Table:
    columns = [_tail(float(b)) for b in expected]
    low = np.floor(expected).astype(np.int64)
    sizes = np.array([len(c) for c in columns])
    starts = np.cumsum(sizes) - sizes
    shift, last = starts - low, starts + sizes - 1
    return _Table(np.concatenate(columns), shift[:, None], starts[:, None], last[:, None])


def _tail(mean: float) -> FloatArray:
    """-ln P(N >= k) for k from floor(mean), where it is set to 0, to far out.

    The tail is summed from its small end, which keeps every digit and costs less than one
    incomplete gamma function an entry.
    """
    k = np.arange(np.floor(mean), np.ceil(mean + 9 * np.sqrt(mean)) + 30)
    terms = np.exp(special.xlogy(k, mean) - mean - special.gammaln(k + 1))
    terms[-1] += special.pdtrc(k[-1], mean)
    values: FloatArray = -np.log(np.cumsum(terms[::-1])[::-1])
    values[k <= mean] = 0.0
    return values


def _toy_statistics(
    background: FloatArray, widths: Sequence[int], n_toys: int, seed: int
) -> FloatArray:
    """Largest statistic of every background-only toy, shape (T,)."""
    tables = [(w, _table(_sums(background, w))) for w in widths]
    rng = np.random.default_rng(seed)
    largest = np.zeros(n_toys)
    for at in range(0, n_toys, _BLOCK):
        size = min(_BLOCK, n_toys - at)
        toys = rng.poisson(background, (size, len(background)))
        total = np.zeros((len(background) + 1, size), dtype=np.int64)
        np.cumsum(toys.T, axis=0, out=total[1:])
        for width, table in tables:
            index = total[width:] - total[:-width]
            index += table.shift
            np.clip(index, table.first, table.last, out=index)
            found = table.values[index].max(axis=0)
            np.maximum(largest[at : at + size], found, out=largest[at : at + size])
    return largest
