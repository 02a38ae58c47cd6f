"""Closure of null (b): whether a classifier tells its events from the sidebands they imitate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from novum.evaluation.two_sample import MOST_EVENTS, against_permutations
from novum.search.calibration_records import Closure

FloatArray = NDArray[np.float64]

PERMUTATIONS = 10


def closure(
    X: FloatArray, m: FloatArray, drawn: FloatArray, masked: NDArray[np.bool_], seed: int
) -> Closure:
    """Two-fold classifier test of (x, m) against (x, m drawn), and its permutation null.

    Both classes share the features, so only the relation of features and mass can tell them
    apart. An event and its copy stay in one fold, and a permutation swaps them or does not.

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
    swaps = (np.tile(rng.random(len(rows)) < 0.5, 2) for _ in range(PERMUTATIONS))
    swapped = (np.where(swap, 1 - y, y) for swap in swaps)
    found = against_permutations(features, y, fold, swapped, seed=seed)
    return Closure(found.auc, found.null_mean, found.null_sd, found.p)
