"""Closure of null (b): whether a classifier tells its events from the sidebands they imitate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from novum.evaluation.two_sample import beyond_permutations, cross_fitted_auc
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
    observed = cross_fitted_auc(features, y, fold, seed)
    permuted = []
    for i in range(PERMUTATIONS):
        swap = np.tile(rng.random(len(rows)) < 0.5, 2)
        permuted.append(cross_fitted_auc(features, np.where(swap, 1 - y, y), fold, seed + i))
    p, mean, sd = beyond_permutations(observed, permuted)
    return Closure(observed, mean, sd, p)
