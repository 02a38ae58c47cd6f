"""Closure of null (b): whether a classifier tells its events from the sidebands they imitate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from novum.evaluation import auc
from novum.search.calibration_records import Closure

FloatArray = NDArray[np.float64]

MOST_EVENTS = 20_000
PERMUTATIONS = 10


def closure(
    X: FloatArray, m: FloatArray, drawn: FloatArray, masked: NDArray[np.bool_], seed: int
) -> Closure:
    """Two-fold classifier test of (x, m) against (x, m drawn), and its permutation null.

    Both classes share the features, so only the relation of features and mass can tell them
    apart. An event and its copy stay in one fold.

    Parameters
    ----------
    X : array (n, d)
    m, drawn : arrays (n,)
        Observed and drawn masses of the events [GeV].
    masked : bool array (n,)
        Events whose observed mass may hold signal; they are left out.
    seed : int
        Of the subsample, the folds and the permutations.

    Returns
    -------
    Closure
        AUC of drawn against observed, and the p-value: one-sided, Student's t of one more value
        after the mean and standard deviation of 10 permutations.
    """
    rng = np.random.default_rng(seed)
    rows = np.flatnonzero(~masked)
    rows = rng.permutation(rows)[:MOST_EVENTS]
    features = np.vstack([np.column_stack([X[rows], mass[rows]]) for mass in (m, drawn)])
    y = np.repeat([0, 1], len(rows))
    fold = np.tile(rng.integers(0, 2, len(rows)), 2)
    observed = _auc(features, y, fold, seed)
    permuted = []
    for i in range(PERMUTATIONS):
        swap = np.tile(rng.random(len(rows)) < 0.5, 2)
        permuted.append(_auc(features, np.where(swap, 1 - y, y), fold, seed + i))
    mean, sd = float(np.mean(permuted)), float(np.std(permuted, ddof=1))
    t = (observed - mean) / (sd * (1 + 1 / PERMUTATIONS) ** 0.5)
    return Closure(observed, mean, sd, float(stdtr(PERMUTATIONS - 1, -t)))


def _auc(X: FloatArray, y: NDArray[np.int64], fold: NDArray[np.int64], seed: int) -> float:
    score = np.empty(len(y))
    with threadpool_limits(1):
        for f in (0, 1):
            model = HistGradientBoostingClassifier(early_stopping=True, random_state=seed)
            model.fit(X[fold != f], y[fold != f])
            score[fold == f] = model.decision_function(X[fold == f])
    return auc(score[y == 0], score[y == 1])
