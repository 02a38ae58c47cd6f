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
        Scores, folds, resonant variable [GeV] and weights; negative weights count by their size.
    window : Window
    eps_b : float
        Background efficiency.

    Returns
    -------
    array (k,)
        An event is selected if its score is at least the threshold of its fold.
    """
    return cuts(score, fold, m, w, window, np.array([eps_b]))[:, 0]


def cuts(
    score: FloatArray,
    fold: NDArray[np.int16],
    m: FloatArray,
    w: FloatArray,
    window: Window,
    eps_b: FloatArray,
) -> FloatArray:
    """Thresholds (k, E) of every fold at E background efficiencies; see `thresholds`."""
    sideband = window.in_sidebands(m)
    size = np.abs(w) / np.abs(w).max()  # equal weights become exactly 1, and tie as plain counts do
    return np.array(
        [
            _cuts(score[rows], size[rows], eps_b)
            for rows in (sideband & (fold == f) for f in range(int(fold.max()) + 1))
        ]
    )


def _cuts(score: FloatArray, w: FloatArray, eps_b: FloatArray) -> FloatArray:
    if len(score) == 0:
        return np.full(len(eps_b), np.inf)
    values, inverse = np.unique(score, return_inverse=True)
    above = np.cumsum(np.bincount(inverse, weights=w)[::-1])[::-1]
    nearest = [np.argmin(np.abs(above / above[0] - eps)) for eps in eps_b]
    return np.asarray(values[nearest], dtype=np.float64)


def expected_background(
    n_off: float, ratio: float, ratio_error: float, scale: float = 1.0
) -> tuple[float, float]:
    """Background in the signal region that `n_off` sideband events predict, and its error.

    Of weighted events `n_off` is a sum of weights, and `scale` the weight of an effective event.
    """
    return n_off * ratio, float(np.hypot(np.sqrt(n_off * scale) * ratio, n_off * ratio_error))


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
