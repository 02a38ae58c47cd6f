"""The contract of resonant methods: what turns a window into a score.

A method knows nothing of folds: `search.crossfit` hands it training events only and asks it to
score others.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from novum.windows import Window

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Task:
    """A two-class problem: y = 1 is what might hold signal, y = 0 what it is compared with.

    Attributes
    ----------
    X : float64 array (n, d)
    y : int8 array (n,)
    sample_weight : float64 array (n,)
        Mean 1, so that regularisation means the same in every window.
    """

    X: FloatArray
    y: NDArray[np.int8]
    sample_weight: FloatArray


@dataclass(frozen=True)
class Estimate:
    """A number that a method learnt about the signal region, with its 68 % interval.

    Attributes
    ----------
    name : str
        What it is, in words.
    value, low, high : float
    """

    name: str
    value: float
    low: float
    high: float


class ResonantMethod(BaseEstimator, ABC):
    """Base of all resonant methods. Higher scores are more anomalous.

    A member states its command-line `name` and the papers it comes from, `reference`, as pairs of
    arXiv id and title; with `local` that it learns from the events of the window alone, so that
    null searches may leave out all others; with `classifies` whether it trains a classifier; with
    `needs_truth` that it learns from events of known origin, which no search has.
    """

    local: ClassVar[bool] = False
    classifies: ClassVar[bool] = True
    needs_truth: ClassVar[bool] = False
    packages: ClassVar[tuple[str, ...]] = ()  # whose versions decide a result, too
    reference: ClassVar[tuple[tuple[str, str], ...]]
    name: ClassVar[str]

    @property
    def mass_dependence(self) -> bool:
        """Scores of background are distributed alike at all masses even if features are not."""
        return False

    @abstractmethod
    def prepare(
        self,
        X: FloatArray,
        m: FloatArray,
        window: Window,
        sample_weight: FloatArray,
        ids: NDArray[np.uint64],
        seed: int,
    ) -> Task | None:
        """Fit what the method needs and return the two-class problem, if it has one.

        Parameters
        ----------
        X : array (n, d)
            Features of the training events, over the whole mass range.
        m : array (n,)
            Resonant variable [GeV].
        window : Window
            The signal region with its sidebands.
        sample_weight : array (n,)
            Event weights, not negative.
        ids : array (n,)
            Identities; copies of an event share one.
        seed : int
            Seed of everything random.
        """

    @abstractmethod
    def anomaly_score(self, X: FloatArray, m: FloatArray, model: Any = None) -> FloatArray:
        """Score of each event, shape (n,); `model` is the classifier fitted to the task."""

    def summary(self) -> tuple[Estimate, ...]:
        """What was learnt about the signal region besides scores, after `prepare`."""
        return ()


def log_odds(model: Any, X: FloatArray) -> FloatArray:
    """Log-odds of class 1 from any fitted scikit-learn classifier, shape (n,)."""
    if hasattr(model, "decision_function"):
        return np.asarray(model.decision_function(X), dtype=np.float64)
    p = np.clip(np.asarray(model.predict_proba(X)[:, 1], dtype=np.float64), 1e-12, 1 - 1e-12)
    return np.log(p / (1 - p))
