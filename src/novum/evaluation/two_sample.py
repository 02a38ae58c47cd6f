"""Classifier two-sample test: whether a classifier tells one sample from another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from novum.errors import InputError
from novum.evaluation.sic import auc
from novum.evaluation.weights import event_weights

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MOST_EVENTS = 20_000  # of each sample: a test with all its permutations then takes a minute
FEWEST_EVENTS = 50  # trees want 20 events in a leaf, and learn on half of each sample
PERMUTATIONS = 20


@dataclass(frozen=True)
class TwoSample:
    """Outcome of a classifier two-sample test.

    Attributes
    ----------
    auc : float
        Of the second sample against the first, out of fold; 0.5 where they cannot be told apart.
    null_mean, null_sd : float
        Mean and standard deviation of the AUC over permutations of the labels.
    p : float
        One-sided p-value of the AUC.
    n_x, n_y : int
        Events of each sample that took part.
    """

    auc: float
    null_mean: float
    null_sd: float
    p: float
    n_x: int
    n_y: int


def two_sample_test(
    X: ArrayLike,
    Y: ArrayLike,
    *,
    weight_x: ArrayLike | None = None,
    weight_y: ArrayLike | None = None,
    n_permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> TwoSample:
    """Test whether two samples have the same distribution, with a classifier (arXiv:1610.06545).

    Two-fold cross-fitted boosted trees with early stopping; both samples weigh the same in the
    fit. The order of the rows does not matter. At most 20 000 events of each sample take part,
    drawn at random. With weights, events move between the samples together with their weight:
    this has the right width only where the samples are equally large, so that the larger is then
    cut down to the number of events of the smaller.

    Parameters
    ----------
    X, Y : arrays (n, d), (k, d)
        The samples, such as data and a background template. NaN is a missing value.
    weight_x, weight_y : arrays (n,), (k,), optional
        Not negative; only their ratios within a sample count.
    n_permutations : int
        Permutations of the labels, within the folds.
    seed : int
        Of the subsamples, the folds, the classifiers and the permutations.

    Returns
    -------
    TwoSample
        p is that of Student's t for one more value after those of the permutations.

    Raises
    ------
    InputError
        If the samples are no tables of the same features, hold infinities or fewer than 50 events,
        a weight is negative or not finite, or there are fewer than two permutations.
    """
    if n_permutations < 2:
        raise InputError(
            f"a permutation null needs at least 2 permutations, got {n_permutations}",
            value=n_permutations,
        )
    first, second = _table(X, "X"), _table(Y, "Y")
    if first.shape[1] != second.shape[1]:
        raise InputError(f"X has {first.shape[1]} features and Y has {second.shape[1]}")
    weighted = weight_x is not None or weight_y is not None
    most = min(len(first), len(second), MOST_EVENTS) if weighted else MOST_EVENTS
    rng = np.random.default_rng(seed)
    features, weights, folds = zip(
        _drawn(first, event_weights(weight_x, len(first), "weight_x"), most, rng),
        _drawn(second, event_weights(weight_y, len(second), "weight_y"), most, rng),
        strict=True,
    )
    y = np.repeat([0, 1], [len(part) for part in features])
    fold = np.concatenate(folds)
    return against_permutations(
        np.vstack(features),
        y,
        fold,
        (_permuted(y, fold, rng) for _ in range(n_permutations)),
        seed=seed,
        weight=np.concatenate(weights) if weighted else None,
    )


def against_permutations(
    X: FloatArray,
    y: IntArray,
    fold: IntArray,
    relabelled: Iterable[IntArray],
    *,
    seed: int,
    weight: FloatArray | None = None,
) -> TwoSample:
    """AUC of a two-fold classifier, and its null from permuted labels.

    Parameters
    ----------
    X : array (n, d)
    y, fold : int arrays (n,)
        Label and fold of each event, 0 or 1.
    relabelled : iterable of int arrays (n,)
        At least two; labels that are as likely as `y` where both classes are distributed alike.
    seed : int
        Of the classifiers.
    weight : array (n,), optional
        Of the events in the fits, where the classes are balanced on top, and in the AUC.
    """
    from scipy.special import stdtr  # with scikit-learn below: a quick start needs neither
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        observed = _cross_fitted_auc(X, y, fold, weight, seed)
        null = np.array(
            [_cross_fitted_auc(X, z, fold, weight, seed + i) for i, z in enumerate(relabelled)]
        )
    mean, sd = float(np.mean(null)), float(np.std(null, ddof=1))
    if sd > 0:
        t = (observed - mean) / (sd * (1 + 1 / len(null)) ** 0.5)
        p = float(stdtr(len(null) - 1, -t))
    else:  # no tree splits permuted samples: what remains is the rank
        p = (1 + int(np.count_nonzero(null >= observed))) / (1 + len(null))
    return TwoSample(observed, mean, sd, p, int((y == 0).sum()), int((y == 1).sum()))


def _cross_fitted_auc(
    X: FloatArray, y: IntArray, fold: IntArray, weight: FloatArray | None, seed: int
) -> float:
    """AUC of the scores of both folds together."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    score = np.empty(len(y))
    for f in (0, 1):
        rows = fold != f
        model = HistGradientBoostingClassifier(early_stopping=True, random_state=seed)
        model.fit(X[rows], y[rows], _balanced(y[rows], None if weight is None else weight[rows]))
        score[~rows] = model.decision_function(X[~rows])
    if weight is None:
        return auc(score[y == 0], score[y == 1])
    return float(roc_auc_score(y, score, sample_weight=weight))


def _balanced(y: IntArray, weight: FloatArray | None) -> FloatArray | None:
    """Weights that give both classes the same sum.

    None without weights: folds hold the same share of both samples, so that log-odds of both are
    off by the same constant, and weighted fits spend most of their time on weighted percentiles.
    """
    if weight is None:
        return None
    total = np.bincount(y, weights=weight)
    return np.asarray(weight * total.sum() / (2 * total[y]))


def _table(values: ArrayLike, name: str) -> FloatArray:
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2:
        raise InputError(f"{name} needs one row per event, got shape {table.shape}")
    if np.isinf(table).any():
        raise InputError(f"{name} holds {int(np.isinf(table).sum())} infinite values")
    if len(table) < FEWEST_EVENTS:
        raise InputError(
            f"a two-sample test needs at least {FEWEST_EVENTS} events of each sample, {name} has "
            f"{len(table)}",
            value=len(table),
        )
    return table


def _drawn(
    table: FloatArray, weight: FloatArray, most: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray, IntArray]:
    """At most `most` rows with weights of mean one and folds of equal size."""
    order = np.lexsort([weight, *table.T])  # the draw cannot depend on the order of the rows
    rows = rng.permutation(order)[:most]
    if not weight[rows].any():
        raise InputError(f"the {len(rows)} events drawn for a two-sample test all weigh nothing")
    return table[rows], weight[rows] / weight[rows].mean(), np.arange(len(rows)) % 2


def _permuted(y: IntArray, fold: IntArray, rng: np.random.Generator) -> IntArray:
    """Labels permuted within each fold, so that each keeps its share of both samples."""
    z = y.copy()
    for f in (0, 1):
        z[fold == f] = rng.permutation(y[fold == f])
    return z
