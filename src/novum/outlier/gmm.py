"""Mixture of normal distributions fitted to the background."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from novum.outlier.base import Detector, require_at_least, require_events

FloatArray = NDArray[np.float64]

_REGULAR = 1e-6  # added to the variances, in units of those of the background
_LEAST_RISE = 1e-4  # of the mean log-likelihood an iteration: less ends the fit


@final
class GaussianMixture(Detector):
    """Minus the log-likelihood of a mixture of normal distributions with full covariances.

    Fitted by expectation maximisation from k-means clusters, with event weights.

    Parameters
    ----------
    components : int
        Normal distributions.
    iterations : int
        Most steps of the fit.
    random_state : int or None
        Seed of the clusters it begins with.

    Attributes
    ----------
    means_ : float64 array (K, d)
        In standardised features.
    precisions_ : float64 array (K, d, d)
        Upper triangular; deviations, as rows, times these have covariance 1.
    log_shares_ : float64 array (K,)
        Log of the share of each component.
    """

    name: ClassVar[str] = "gmm"

    def __init__(
        self, components: int = 10, *, iterations: int = 100, random_state: int | None = None
    ) -> None:
        self.components = components
        self.iterations = iterations
        self.random_state = random_state

    def check_ready(self) -> None:
        """See `Detector.check_ready`."""
        super().check_ready()
        require_at_least("components", self.components, 1)
        require_at_least("iterations", self.iterations, 1)

    def _learn(self, z: FloatArray, w: FloatArray) -> None:
        from sklearn.cluster import KMeans

        k = self.components
        require_events(len(z), k, f"a mixture of {k} components")
        start = KMeans(k, n_init=1, random_state=self.random_state).fit(z, sample_weight=w)
        belongs = np.eye(k)[start.labels_]
        likelihood = -np.inf
        for _ in range(self.iterations):
            self._maximise(z, w, belongs)
            joint = self._joint(z)
            total = logsumexp(joint, axis=1)
            belongs = np.exp(joint - total[:, None])
            before, likelihood = likelihood, float(np.average(total, weights=w))
            if likelihood - before < _LEAST_RISE:
                break

    def _maximise(self, z: FloatArray, w: FloatArray, belongs: FloatArray) -> None:
        """Moments of the components, of which event i belongs to k with `belongs` (n, K)."""
        d = z.shape[1]
        held = belongs * w[:, None]
        total = held.sum(axis=0) + 1e-12
        self.log_shares_ = np.log(total / total.sum())
        self.means_ = held.T @ z / total[:, None]
        self.precisions_ = np.empty((len(total), d, d))
        for k, mean in enumerate(self.means_):
            deviation = z - mean
            covariance = (deviation * held[:, k, None]).T @ deviation / total[k]
            covariance[np.diag_indices(d)] += _REGULAR
            self.precisions_[k] = np.linalg.inv(np.linalg.cholesky(covariance)).T

    def _joint(self, z: FloatArray) -> FloatArray:
        """Log of share times density of each component, shape (n, K)."""
        exponents = [
            -0.5 * (((z - mean) @ precision) ** 2).sum(axis=1)
            for mean, precision in zip(self.means_, self.precisions_, strict=True)
        ]
        diagonals = np.diagonal(self.precisions_, axis1=1, axis2=2)
        log_volumes = np.log(diagonals).sum(axis=1) - 0.5 * diagonals.shape[1] * np.log(2 * np.pi)
        joint: FloatArray = np.stack(exponents, axis=1) + (log_volumes + self.log_shares_)
        return joint

    def _score(self, z: FloatArray) -> FloatArray:
        density: FloatArray = np.logaddexp.reduce(self._joint(z), axis=1)
        return -density
