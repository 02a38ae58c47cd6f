"""p-values of scores from a background sample, continued beyond its largest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_TAIL = 0.95  # quantile beyond which scores count as the tail


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
    above = h - np.searchsorted(held, scores, side="left")
    counted = np.log1p(above) - np.log1p(h)
    edge = np.quantile(held, _TAIL)
    tail = held[held > edge]
    excess = float((tail - edge).mean()) if len(tail) else 0.0
    beyond = np.maximum(scores - held[-1], 0.0) / (excess or 1.0)
    return np.asarray(counted - beyond)
