"""Scores of events against those of held-out background."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from novum.search.explained import PassingEvents, ScoreSpectrum

FloatArray = NDArray[np.float64]

BINS = 60
_SKEWED = 10.0  # largest over median score from which bins are logarithmic
_BEYOND = 4.0  # reach of linear bins, in distances from the median to the last per mille
_POINTS = 40
_TAILS = 0.025, 0.975


def score_spectrum(held: FloatArray, scores: FloatArray, top: FloatArray) -> ScoreSpectrum:
    """Shares per bin of the score.

    Parameters
    ----------
    held : array (h,)
        Scores of held-out background.
    scores : array (n,)
        Scores of events, or of a random sample of them.
    top : array (k,)
        The highest of all.
    """
    low = min(float(held.min()), float(scores.min()))
    high = max(float(top.max()), float(held.max()))
    middle = float(np.median(held))
    logarithmic = low > 0 and high > _SKEWED * middle
    if not logarithmic:
        reach = _BEYOND * (float(np.quantile(held, 0.999)) - middle)
        high = min(high, middle + reach) if reach > 0 else high
    high = high if high > low else low + 1.0
    edges = (np.geomspace if logarithmic else np.linspace)(low, high, BINS + 1)
    return ScoreSpectrum(
        _numbers(edges), _shares(scores, edges), _shares(held, edges), bool(logarithmic)
    )


def passing_events(ranks: NDArray[np.int64]) -> PassingEvents:
    """Events at or below p-values that h held-out events can give, and what background would give.

    Parameters
    ----------
    ranks : int array (h + 2,)
        Number of events by the rank of their p-value, rank / (1 + h) with rank from 1 to 1 + h.

    Notes
    -----
    The share of background above the j-th highest held-out score is distributed as
    Beta(j, h + 1 - j); that of n further events has in addition their own fluctuation. The
    interval is that of a Beta distribution of the same mean with the variance of both.
    """
    h, n = len(ranks) - 2, int(ranks.sum())
    j = np.unique(np.rint(np.geomspace(1, h + 1, _POINTS)).astype(np.int64))
    passed = np.cumsum(ranks)[j]
    size = 1 / (1 / (h + 1) + 1 / n)
    p = j / (h + 1)
    inside = j <= h
    low, high = np.ones(len(j)), np.ones(len(j))
    for out, tail in ((low, _TAILS[0]), (high, _TAILS[1])):
        out[inside] = stats.beta.ppf(tail, p[inside] * size, (1 - p[inside]) * size)
    return PassingEvents(_numbers(p), tuple(passed.tolist()), _numbers(low), _numbers(high))


def _shares(values: FloatArray, edges: FloatArray) -> tuple[float, ...]:
    counts = np.histogram(values.clip(edges[0], edges[-1]), edges)[0]
    return _numbers(counts / len(values))


def _numbers(values: FloatArray) -> tuple[float, ...]:
    return tuple(values.tolist())
