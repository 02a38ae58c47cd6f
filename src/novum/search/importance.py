"""Permutation importance: what the scores of selected events lose without one feature."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from novum.windows import Window

FloatArray = NDArray[np.float64]

TAIL_SCORE = 2.0  # reached by 1 % of the sidebands
_LEAST_SHARE = 0.01


def feature_losses(
    anomaly_score: Callable[[FloatArray, FloatArray], FloatArray],
    tail: Callable[[FloatArray], FloatArray],
    X: FloatArray,
    m: FloatArray,
    score: NDArray[np.floating],
    window: Window,
    seed: int,
) -> FloatArray:
    """Mean loss of tail score of one fold's most anomalous events, feature by feature.

    The events are those of the signal region at or above `TAIL_SCORE`, or its top 1 % where none
    is. Each feature in turn takes the values of randomly chosen sideband events; all changed
    copies are scored in one call.

    Parameters
    ----------
    anomaly_score : callable
        Raw score of (X, m) from the fold's model.
    tail : callable
        Raw scores to -log10 of the share of sideband events above.
    X, m : arrays (n, d), (n,)
        The fold's held-out events, mass in GeV.
    score : array (n,)
        Their tail scores.
    window : Window
    seed : int

    Returns
    -------
    array (d,)
        0 where the score does not depend on a feature; zeros where the fold holds no event of
        the signal region.
    """
    d = X.shape[1]
    rows = _most_anomalous(score, np.flatnonzero(window.in_signal_region(m)))
    reference = np.flatnonzero(window.in_sidebands(m))
    if not len(rows):
        return np.zeros(d)
    rng = np.random.default_rng([seed, 1])
    changed = np.repeat(X[rows][None], d, axis=0)
    for j in range(d):
        changed[j, :, j] = X[rng.choice(reference, len(rows)), j]
    copies = changed.reshape(-1, d)
    lowered = tail(anomaly_score(copies, np.tile(m[rows], d))).reshape(d, len(rows))
    losses: FloatArray = (score[rows] - lowered).mean(axis=1)
    return losses


def _most_anomalous(score: NDArray[np.floating], inside: NDArray[np.int64]) -> NDArray[np.int64]:
    chosen = inside[score[inside] >= TAIL_SCORE]
    if len(chosen) or not len(inside):
        return chosen
    least = max(1, round(_LEAST_SHARE * len(inside)))
    return inside[np.argsort(-score[inside], kind="stable")[:least]]
