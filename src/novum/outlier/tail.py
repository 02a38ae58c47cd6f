"""p-values of scores from a background sample, continued beyond its largest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

HELD_OUT = 5  # one event in so many is set aside for p-values
_TAIL = 0.95  # quantile beyond which scores count as the tail
_ROUNDING = 1e-9  # relative; equal events may differ by as much from batch to batch


def equally_likely(w: FloatArray, drawn: FloatArray, heaviest: float) -> NDArray[np.bool_]:
    """Which events stay so that all that do weigh the same, shape (n,).

    Background counts event by event in a p-value, so that events of unequal weight are thinned:
    one stays with a probability of its weight over the largest.

    Parameters
    ----------
    w : array (n,)
        Weights, not negative.
    drawn : array (n,)
        Uniform random numbers in [0, 1).
    heaviest : float
        The largest weight.
    """
    return np.asarray(drawn * heaviest < w)


def count_at_least(held: FloatArray, scores: FloatArray) -> NDArray[np.int64]:
    """How many background events have at least each score, shape as `scores`.

    Scores that rounding alone tells apart count as equal.

    Parameters
    ----------
    held : array (h,)
        Rising scores of background events.
    scores : array
    """
    x = np.asarray(scores, dtype=np.float64)
    least = np.where(np.isfinite(x), x - _ROUNDING * np.abs(x), x)
    return np.asarray(len(held) - np.searchsorted(held, least, side="left"))


def log_p_value(held: FloatArray, scores: FloatArray) -> FloatArray:
    """Log of the share of background with at least each score, shape as `scores`.

    Counted as (1 + number above) / (1 + h) up to the largest of the h background scores; beyond,
    it falls exponentially with the mean excess of the tail, so that no two far events tie.

    Parameters
    ----------
    held : array (h,)
        Rising scores of background events.
    scores : array
    """
    h = len(held)
    counted = np.log1p(count_at_least(held, scores)) - np.log1p(h)
    edge = np.quantile(held, _TAIL)
    tail = held[held > edge]
    excess = float((tail - edge).mean()) if len(tail) else 0.0
    beyond = np.maximum(scores - held[-1], 0.0) / (excess or 1.0)
    return np.asarray(counted - beyond)
