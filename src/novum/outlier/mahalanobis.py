"""Mahalanobis distance from the mean of the background."""

from __future__ import annotations

from typing import ClassVar, Self, final

import numpy as np
from numpy.typing import NDArray

from novum.outlier.base import Detector

FloatArray = NDArray[np.float64]

_SINGULAR = 1e-10  # relative variance below which a direction is a constraint, not a spread


class Normal:
    """Mean and whitening of a multivariate normal distribution.

    Directions in which the background does not vary at all count with the least variance that is
    resolved, so that an event that leaves them is far away.

    Attributes
    ----------
    mean : array (d,)
    whitening : array (d, d)
        Turns deviations, as rows, into independent ones of variance 1.
    """

    def __init__(self, mean: FloatArray, whitening: FloatArray) -> None:
        self.mean, self.whitening = mean, whitening

    @classmethod
    def of(cls, x: FloatArray, w: FloatArray) -> Self:
        """Weighted moments of x (n, d)."""
        mean = np.average(x, axis=0, weights=w)
        deviation = x - mean
        covariance = (deviation * w[:, None]).T @ deviation / w.sum()
        variance, axes = np.linalg.eigh(covariance)
        variance = np.maximum(variance, _SINGULAR * max(variance.max(), 1e-300))
        return cls(mean, axes / np.sqrt(variance))

    def squared_distance(self, x: FloatArray) -> FloatArray:
        """Squared Mahalanobis distance of x (n, d) from the mean, shape (n,)."""
        squared: FloatArray = (((x - self.mean) @ self.whitening) ** 2).sum(axis=1)
        return squared


@final
class Mahalanobis(Detector):
    """Squared distance from the mean in units of the covariance of the background.

    Its square root is what a multivariate normal background would call standard deviations.
    """

    name: ClassVar[str] = "mahalanobis"

    def _learn(self, z: FloatArray, w: FloatArray) -> None:
        normal = Normal.of(z, w)
        self.mean_, self.whitening_ = normal.mean, normal.whitening

    def _score(self, z: FloatArray) -> FloatArray:
        return Normal(self.mean_, self.whitening_).squared_distance(z)
