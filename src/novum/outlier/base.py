"""The contract of outlier detectors: trained on background, higher scores are more anomalous."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, Literal, Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from novum.errors import ConfigError, ExportError, InputError
from novum.optional import require
from novum.outlier.traced import trace

FloatArray = NDArray[np.float64]

BLOCK = 4096  # events scored at once
FARTHEST = 10.0  # standardised inputs of networks end here; residuals are those of the whole value


class Detector(BaseEstimator, ABC):
    """Base of all outlier detectors.

    A member states its command-line `name`, the `packages` beyond the core whose versions decide
    a result, and the papers it comes from, `reference`, as pairs of arXiv id and title. It is
    given events as rows of features (n, d), standardised by the weighted mean and standard
    deviation of the training events. What it learns are plain arrays and numbers in attributes.
    Where its score can be made in several ways they are `scores`, the choice is the parameter
    `score_by`, and changing it needs no new fit. One that `takes` images is given the pixels of
    square images, row by row; one that takes clouds the particles of jets, each with its share of
    pT and two coordinates, and zeros where there is none. `to_onnx` hands `_score` a
    `novum.outlier.traced.Traced` in place of an array; a detector for which that leads nowhere
    says why in `no_onnx`, or, where that depends on its parameters, by an ExportError on the way.

    Attributes
    ----------
    n_features_in_ : int
        d.
    center_, scale_ : float64 arrays (d,)
        Mean and standard deviation; the latter is 1 for constant features.
    farthest_ : float
        Where the inputs of networks are cut off, in standard deviations.
    """

    name: ClassVar[str]
    packages: ClassVar[tuple[str, ...]] = ()
    reference: ClassVar[tuple[tuple[str, str], ...]] = ()
    scores: ClassVar[tuple[str, ...]] = ()
    takes: ClassVar[Literal["table", "images", "clouds"]] = "table"
    no_onnx: ClassVar[str] = ""

    @final
    def fit(
        self,
        X: ArrayLike,
        y: object = None,
        sample_weight: ArrayLike | None = None,
        *,
        alike: bool = False,
    ) -> Self:
        """Learn the background.

        Parameters
        ----------
        X : array (n, d)
            Background, or events with little else.
        y : ignored
            Truth is for studies; no detector sees it.
        sample_weight : array (n,), optional
            Not negative; events of weight 0 do not count.
        alike : bool
            Whether the features are alike, such as the pixels of an image: all are then divided
            by one number, their root mean square, and none is shifted. Those of images and clouds
            are so in any case where a detector is made for them.

        Raises
        ------
        InputError
            If there are too few events, or a weight is negative.
        ValueError
            If a number is not finite or X is not a table.
        ConfigError
            Names a parameter that makes no sense.
        MissingDependencyError
            If an optional package is missing; it says what to install.
        """
        self.check_ready()
        x = validate_data(self, X, dtype=[np.float64, np.float32], ensure_min_samples=2)
        if sample_weight is not None and not np.asarray(sample_weight).any():
            raise InputError(
                "sample weights must contain at least one non-zero number",
                column="weight",
                value=0.0,
            )
        w = _check_sample_weight(sample_weight, x, dtype=np.float64)
        if w.min() < 0:
            raise InputError("weights must not be negative", column="weight", value=w.min())
        x, w = x[w > 0], w[w > 0]
        if len(x) < 2:
            raise InputError(f"{self.name} needs at least 2 events, got {len(x)}", value=len(x))
        w = w / w.mean()
        alike = alike or self.takes != "table"
        self.center_, self.scale_ = _common(x, w) if alike else _standard(x, w)
        self.farthest_ = np.inf if alike else FARTHEST
        self._learn(self._standardised(x), w)
        self._fitted_with = self._decisive()
        return self

    @final
    def anomaly_score(self, X: ArrayLike) -> FloatArray:
        """How anomalous each event is, shape (n,); higher is more so, row by row.

        Raises
        ------
        InputError
            If a score is not a number: the event is too far away for this detector.
        """
        scores = np.concatenate([self._score(z) for z in self._blocks(X)])
        bad = np.flatnonzero(np.isnan(scores))
        if len(bad):
            raise InputError(
                f"{self.name} gives {len(bad)} of {len(scores)} events a score that is not a "
                f"number, the first in row {bad[0]} (rows count from 0): its values are too large, "
                "or the parameters of the detector make no sense",
                value=float("nan"),
            )
        return scores

    @final
    def score_samples(self, X: ArrayLike) -> FloatArray:
        """Minus the anomaly score, shape (n,): scikit-learn's sign."""
        return -self.anomaly_score(X)

    @final
    def to_onnx(self) -> Any:
        """The score as a graph that other programs run.

        Returns
        -------
        onnx.ModelProto
            Input ``x``, float32 (n, d), the features in their own units; output ``score``, float32
            (n,), by the score chosen now. It refuses neither what is not finite nor empty jets.

        Raises
        ------
        ExportError
            If the score has no such form; says why.
        MissingDependencyError
            Says what to install.
        """
        self._check_fitted()
        if self.no_onnx:
            raise ExportError(f"{self.name} is not exported: {self.no_onnx}")
        try:
            return trace(lambda x: self._score(self._standardised(x)), self.n_features_in_)
        except ExportError as error:
            raise ExportError(f"{self.name} is not exported: {error}") from None

    def check_ready(self) -> None:
        """Raise before any work if a package is missing or a parameter makes no sense.

        Raises
        ------
        MissingDependencyError
            Says what to install.
        ConfigError
            Names the key and the value.
        """
        for package in self.packages:
            require(package, "deep", f"the detector '{self.name}'")
        chosen = getattr(self, "score_by", None)
        if self.scores and chosen not in self.scores:
            raise ConfigError(f"score_by: must be one of {', '.join(self.scores)}, got {chosen}")

    def _decisive(self) -> dict[str, Any]:
        """Parameters that a fit depends on: all but the choice of the score."""
        return {key: v for key, v in self.get_params(deep=False).items() if key != "score_by"}

    def _check_fitted(self) -> None:
        """Raise if there was no fit, or one with other parameters than those of now."""
        check_is_fitted(self)
        self.check_ready()
        now = self._decisive()
        for key, then in getattr(self, "_fitted_with", now).items():
            if now[key] != then:
                raise ConfigError(f"{key}: the fit was made with {then}, not {now[key]}; fit again")

    @abstractmethod
    def _learn(self, z: FloatArray, w: FloatArray) -> None:
        """Learn from standardised events z (n, d) with weights (n,) of mean 1."""

    @abstractmethod
    def _score(self, z: FloatArray) -> FloatArray:
        """Anomaly score (n,) of standardised events (n, d)."""

    def _blocks(self, X: ArrayLike) -> Iterator[FloatArray]:
        """Standardised events, some at a time."""
        self._check_fitted()
        x = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        for i in range(0, len(x), BLOCK):
            yield self._standardised(x[i : i + BLOCK])

    def _standardised(self, x: Any) -> Any:
        return (x - self.center_) / self.scale_


def _standard(x: FloatArray, w: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation of each feature; the latter is 1 for constant ones."""
    center = np.average(x, axis=0, weights=w)
    spread = np.sqrt(np.average((x - center) ** 2, axis=0, weights=w))
    # Rounding leaves a constant column a spread of some 1e-16 of its value.
    return center, np.where(spread <= 1e-12 * np.abs(center), 1.0, spread)


def _common(x: FloatArray, w: FloatArray) -> tuple[FloatArray, FloatArray]:
    size = float(np.sqrt(np.average(np.mean(x**2, axis=1), weights=w)))
    return np.zeros(x.shape[1]), np.full(x.shape[1], size or 1.0)


def evenly(n: int, most: int) -> slice:
    """At most so many of n rows, evenly spaced: rows may be sorted."""
    return slice(None, None, max(1, -(-n // most)))


def require_at_least(key: str, value: float, least: float) -> None:
    """Raise a ConfigError that names a parameter below its least value."""
    if not value >= least:
        raise ConfigError(f"{key}: must be at least {least:g}, got {value:g}")


def require_events(n: int, least: int, what: str) -> None:
    """Raise an InputError where there are fewer events than a model needs."""
    if n < least:
        raise InputError(f"{what} needs at least {least} events, got {n}", value=n)
