"""Classifier two-sample test: can a classifier tell two samples apart? (arXiv:1610.06545)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr
from threadpoolctl import threadpool_limits

from novum.errors import InputError
from novum.evaluation.sic import auc

FloatArray = NDArray[np.float64]

MOST_EVENTS = 20_000  # of each sample; more make the test slower and hardly sharper
FEWEST_EVENTS = 100


@dataclass(frozen=True)
class TwoSampleTest:
    """Outcome of a test whether two samples follow one distribution.

    Attributes
    ----------
    auc : float
        Of a classifier, on events that it was not trained on.
    null_mean, null_sd : float
        The same after permutations of the labels.
    p : float
        One-sided: the chance of such an AUC if the samples follow one distribution.
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
    x: FloatArray, y: FloatArray, *, n_permutations: int = 10, seed: int = 0
) -> TwoSampleTest:
    """Test whether x (n, d) and y (k, d) follow one distribution.

    Boosted trees are trained on one half of both and tested on the other, both ways; the classes
    weigh the same. The labels are permuted for the null.

    Parameters
    ----------
    x, y : arrays (n, d) and (k, d)
        At least 100 events each; of more than 20,000, that many at random.
    n_permutations : int
        At least 3.
    seed : int

    Raises
    ------
    InputError
        If a sample has too few events.
    """
    for name, sample in (("first", x), ("second", y)):
        if len(sample) < FEWEST_EVENTS:
            raise InputError(
                f"the {name} sample of a two-sample test has {len(sample)} events, it needs "
                f"{FEWEST_EVENTS}",
                value=len(sample),
            )
    rng = np.random.default_rng(seed)
    parts = [rng.permutation(s)[:MOST_EVENTS] for s in (x, y)]
    label = np.repeat([1, 0], [len(p) for p in parts])
    features = np.concatenate(parts)
    fold = rng.integers(0, 2, len(label))
    permuted = [rng.permutation(label) for _ in range(n_permutations)]
    values = [
        cross_fitted_auc(features, y_, fold, seed, balanced=True) for y_ in (label, *permuted)
    ]
    p, mean, sd = beyond_permutations(values[0], values[1:])
    return TwoSampleTest(values[0], mean, sd, p, len(parts[0]), len(parts[1]))


def cross_fitted_auc(
    X: FloatArray,
    y: NDArray[Any],
    fold: NDArray[np.int64],
    seed: int,
    *,
    balanced: bool = False,
) -> float:
    """AUC of boosted trees (1 against 0) where each of the two folds is scored by the other's.

    Parameters
    ----------
    X, y, fold : arrays (n, d), (n,), (n,)
        Features, classes 0 and 1, folds 0 and 1.
    seed : int
        Of the early-stopping split.
    balanced : bool
        Whether both classes weigh the same in the training.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    score = np.empty(len(y))
    weights = "balanced" if balanced else None
    with threadpool_limits(1):
        for f in (0, 1):
            model = HistGradientBoostingClassifier(
                early_stopping=True, random_state=seed, class_weight=weights
            )
            model.fit(X[fold != f], y[fold != f])
            score[fold == f] = model.decision_function(X[fold == f])
    return float(auc(score[y == 0], score[y == 1]))


def beyond_permutations(observed: float, permuted: list[float]) -> tuple[float, float, float]:
    """One-sided p-value of one more value after a few permutations, their mean and their sd.

    Student's t, which takes the permuted values as normal: ten of them tell more that way than
    their count does.
    """
    n, mean, sd = len(permuted), float(np.mean(permuted)), float(np.std(permuted, ddof=1))
    t = (observed - mean) / (sd * (1 + 1 / n) ** 0.5)
    return float(stdtr(n - 1, -t)), mean, sd
