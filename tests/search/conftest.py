"""Small toys, quick settings and toy classifiers that every test of the search shares."""

from typing import Any, ClassVar

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

import novum
from novum.events import Events
from novum.progress import NoProgress
from novum.search.inputs import Sample
from novum.simulation.toy import FEATURES

WINDOW = (3300, 3700)
QUICK: dict[str, Any] = {
    "mass": "mjj",
    "features": FEATURES,
    "members": 1,
    "repeats": 1,
    "folds": 3,
    "eps_b": 0.05,
    "n_toys": 200,
    "n_jobs": 1,
}


@pytest.fixture(scope="session")
def toy() -> Events:
    """6000 background events and 60 of a resonance at 3.5 TeV, labelled."""
    return novum.toy_dijets(6000, 60, seed=1)


@pytest.fixture(scope="session")
def toy_sample(toy) -> Sample:
    """The same as arrays."""
    X = np.column_stack([toy.column(name) for name in FEATURES])
    return Sample(X, toy.column("mjj"), toy.weight, toy.id)


@pytest.fixture(scope="session")
def quick():
    """`hunt` with quick settings, a linear classifier and one window unless others are given."""

    def hunt(events: Any, **changes: Any) -> novum.SearchResult:
        settings = {**QUICK, "classifier": LogisticRegression(), **changes}
        if not settings.keys() & {"window", "width", "relative_width", "fit_range"}:
            settings["window"] = WINDOW
        if settings["classifier"] == "trees":
            del settings["classifier"]
        return novum.hunt(events, **settings)

    return hunt


class Memoriser(ClassifierMixin, BaseEstimator):
    """Remembers every row that it was trained on and counts those it meets again."""

    met: ClassVar[int] = 0
    asked: ClassVar[int] = 0

    def fit(self, X, y, sample_weight=None):
        self.rows_ = {row.tobytes() for row in np.ascontiguousarray(X)}
        self.classes_ = np.array([0, 1])
        return self

    def decision_function(self, X):
        known = np.array([row.tobytes() in self.rows_ for row in np.ascontiguousarray(X)])
        type(self).met += int(known.sum())
        type(self).asked += len(X)
        return X[:, 0] + 1e6 * known


class OrderFree(ClassifierMixin, BaseEstimator):
    """Difference of class means, summed exactly: blind to the order of events, bit by bit."""

    def fit(self, X, y, sample_weight):
        from math import fsum

        def mean(rows, column):
            return fsum(X[rows, column] * sample_weight[rows]) / fsum(sample_weight[rows])

        self.direction_ = np.array(
            [mean(y == 1, i) - mean(y == 0, i) for i in range(X.shape[1])]
        ) / X.std(axis=0).round(2)
        self.classes_ = np.array([0, 1])
        return self

    def decision_function(self, X):
        return (X * self.direction_).sum(axis=1)


@pytest.fixture
def memoriser() -> type[Memoriser]:
    """The memorising classifier with its counters at 0."""
    Memoriser.met = Memoriser.asked = 0
    return Memoriser


@pytest.fixture
def order_free() -> OrderFree:
    """A classifier that does not see the order of events."""
    return OrderFree()


class StopAfter(NoProgress):
    """A meter that interrupts the search once so many windows are trained."""

    def __init__(self, windows: int, error: type[BaseException] = KeyboardInterrupt) -> None:
        self.left = windows
        self.error = error

    def track(self, items, description, total=None):
        if description.startswith("training"):
            if self.left == 0:
                raise self.error
            self.left -= 1
        yield from items


@pytest.fixture
def stop_after() -> type[StopAfter]:
    """The interrupting meter."""
    return StopAfter
