"""Selecting events at a background efficiency fixed beforehand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from novum.search.crossfitting import Scores
from novum.windows import Window

FloatArray = NDArray[np.float64]


def thresholds(
    score: FloatArray,
    fold: NDArray[np.int16],
    m: FloatArray,
    w: FloatArray,
    window: Window,
    eps_b: float,
) -> FloatArray:
    """Threshold of each fold: the score that `eps_b` of its held-out sideband events reach.

    Signal-region events never enter. Where scores tie, the threshold whose sideband share is
    closest to `eps_b` is taken.

    Parameters
    ----------
    score, fold, m, w : arrays (n,)
        Scores, folds, resonant variable [GeV] and weights.
    window : Window
    eps_b : float
        Background efficiency.

    Returns
    -------
    array (k,)
        An event is selected if its score is at least the threshold of its fold.
    """
    sideband = window.in_sidebands(m)
    return np.array(
        [
            _threshold(score[rows], w[rows], eps_b)
            for rows in (sideband & (fold == f) for f in range(int(fold.max()) + 1))
        ]
    )


def _threshold(score: FloatArray, w: FloatArray, eps_b: float) -> float:
    if len(score) == 0:
        return float("inf")
    values, inverse = np.unique(score, return_inverse=True)
    above = np.cumsum(np.bincount(inverse, weights=w)[::-1])[::-1]
    return float(values[np.argmin(np.abs(above / above[0] - eps_b))])


def select(
    score: FloatArray,
    fold: NDArray[np.int16],
    m: FloatArray,
    w: FloatArray,
    window: Window,
    eps_b: float,
) -> NDArray[np.bool_]:
    """Mask (n,) of the events that pass the threshold of their fold, over the whole mass range."""
    selected: NDArray[np.bool_] = score >= thresholds(score, fold, m, w, window, eps_b)[fold]
    return selected


def selected_share(scores: Scores, m: FloatArray, w: FloatArray, eps_b: float) -> FloatArray:
    """Share (n,) of the redrawn cross-fits that select each event.

    Counts are averaged over the cross-fits, not made from averaged scores: those make all folds
    agree on where the data fluctuate upwards, and scatter far more than Poisson on background
    (see the documentation of the statistics).
    """
    share = np.zeros(len(m))
    for score, fold in zip(scores.by_repeat, scores.fold_by_repeat, strict=True):
        share += select(score.astype(np.float64), fold, m, w, scores.window, eps_b)
    return share / len(scores.by_repeat)
