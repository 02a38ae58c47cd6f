"""Ensemble of histogram gradient-boosted trees: strong on tables, robust to noise features."""

from __future__ import annotations

from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.utils.validation import check_array, check_is_fitted

from novum.classifiers.bagging import check_share, features_seen

FloatArray = NDArray[np.float64]

BINS = 255


@final
class TreeEnsemble(ClassifierMixin, BaseEstimator):
    """Ensemble of histogram gradient-boosted trees.

    The score is the mean of several classifiers that differ in their early-stopping split. Weak
    supervision makes the loss surface nearly flat, so that a single early-stopped model scatters
    a lot; the mean of several is close to the best of them (arXiv:2309.13111).

    Parameters
    ----------
    members : int
        Number of classifiers.
    max_iter : int
        Most boosting iterations.
    learning_rate : float
        Shrinkage.
    max_leaf_nodes : int
        Leaves per tree.
    validation_fraction : float
        Share of the training events that decides when to stop.
    max_features : float
        Share of the features that each member sees, at least one of them.
    random_state : int or None
        Seed; member i uses a seed of its own derived from it.
    """

    name: ClassVar[str] = "trees"
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("2309.13111", "Tree-based algorithms for weakly supervised anomaly detection"),
    )

    def __init__(
        self,
        members: int = 5,
        *,
        max_iter: int = 100,
        learning_rate: float = 0.1,
        max_leaf_nodes: int = 15,
        validation_fraction: float = 0.2,
        max_features: float = 1.0,
        random_state: int | None = None,
    ) -> None:
        self.members = members
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.max_leaf_nodes = max_leaf_nodes
        self.validation_fraction = validation_fraction
        self.max_features = max_features
        self.random_state = random_state

    @classmethod
    def published(cls, random_state: int | None = None) -> TreeEnsemble:
        """Settings of arXiv:2309.13111: 50 members, 31 leaves, half of the data for validation."""
        return cls(
            50,
            max_iter=200,
            max_leaf_nodes=31,
            validation_fraction=0.5,
            random_state=random_state,
        )

    def check_ready(self) -> None:
        """Raise ConfigError before any work if `max_features` is no share."""
        check_share(self.max_features)

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit all members to X (n, d) and y (n,) with weights (n,)."""
        self.check_ready()
        values: FloatArray = check_array(X, dtype=np.float64)
        self._edges = [_quantile_edges(column) for column in values.T]
        codes = self._codes(values)
        seeds = np.random.SeedSequence(self.random_state).generate_state(self.members).tolist()
        n_features = values.shape[1]
        self.features_ = [
            np.flatnonzero(features_seen(n_features, self.max_features, seed)) for seed in seeds
        ]
        self.estimators_: list[HistGradientBoostingClassifier] = [
            HistGradientBoostingClassifier(
                max_iter=self.max_iter,
                learning_rate=self.learning_rate,
                max_leaf_nodes=self.max_leaf_nodes,
                validation_fraction=self.validation_fraction,
                early_stopping=True,
                random_state=seed,
            ).fit(codes[:, seen], y, sample_weight=sample_weight)
            for seed, seen in zip(seeds, self.features_, strict=True)
        ]
        self.classes_ = self.estimators_[0].classes_
        self.n_features_in_ = n_features
        return self

    def decision_function(self, X: ArrayLike) -> FloatArray:
        """Mean log-odds of the second class, shape (n,)."""
        check_is_fitted(self)
        codes = self._codes(check_array(X, dtype=np.float64))
        pairs = zip(self.estimators_, self.features_, strict=True)
        total: Any = sum(member.decision_function(codes[:, seen]) for member, seen in pairs)
        return np.asarray(total / len(self.estimators_), dtype=np.float64)

    def predict_proba(self, X: ArrayLike) -> FloatArray:
        """Class probabilities from the mean log-odds, shape (n, 2)."""
        p = 1 / (1 + np.exp(-self.decision_function(X)))
        return np.column_stack([1 - p, p])

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The more probable class, shape (n,)."""
        rows = (self.decision_function(X) > 0).astype(int)
        return np.asarray(self.classes_[rows])

    def _codes(self, X: FloatArray) -> FloatArray:
        """Bin numbers instead of values, which trees cannot tell apart from values.

        scikit-learn places its bins by weighted percentiles, one pass over the data for each of
        255 edges: that took nine tenths of a weighted fit. Few distinct values need no percentile.
        """
        if X.ndim != 2 or X.shape[1] != len(self._edges):
            raise ValueError(f"expected {len(self._edges)} features, got shape {X.shape}")
        columns = [np.searchsorted(e, c) for e, c in zip(self._edges, X.T, strict=True)]
        return np.column_stack(columns).astype(np.float64)


def _quantile_edges(column: FloatArray) -> FloatArray:
    return np.unique(np.quantile(column, np.linspace(0, 1, BINS + 1)[1:-1]))
