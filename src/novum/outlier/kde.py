"""Kernel density estimate of the background."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from novum.errors import ConfigError
from novum.outlier.base import Detector, require_at_least
from novum.outlier.mahalanobis import Normal

FloatArray = NDArray[np.float64]

_PAIRS = 1 << 22  # kernels evaluated at once


@final
class KernelDensity(Detector):
    """Minus the log of a Gaussian kernel density of the background.

    The kernels have the covariance of the background, scaled by one bandwidth.

    Parameters
    ----------
    bandwidth : float or None
        Width of the kernels in units of the spread of the background; None: Scott's rule,
        N^(-1/(d + 4)) with the effective number N of events.
    centers : int
        Most events that carry a kernel; of more, so many are drawn at random. The time to score
        grows with it.
    random_state : int or None
        Seed.

    Attributes
    ----------
    centers_ : float64 array (K, d)
        Places of the kernels, in whitened features.
    bandwidth_ : float
    """

    name: ClassVar[str] = "kde"
    no_onnx: ClassVar[str] = (
        "thousands of kernels an event are too slow where such a file runs; gmm is a density with "
        "few parts"
    )

    def __init__(
        self,
        bandwidth: float | None = None,
        *,
        centers: int = 5000,
        random_state: int | None = None,
    ) -> None:
        self.bandwidth = bandwidth
        self.centers = centers
        self.random_state = random_state

    def check_ready(self) -> None:
        """See `Detector.check_ready`."""
        super().check_ready()
        require_at_least("centers", self.centers, 1)
        if self.bandwidth is not None and not self.bandwidth > 0:
            raise ConfigError(f"bandwidth: must be positive, got {self.bandwidth:g}")

    def _learn(self, z: FloatArray, w: FloatArray) -> None:
        normal = Normal.of(z, w)
        self.mean_, self.whitening_ = normal.mean, normal.whitening
        white = (z - self.mean_) @ self.whitening_
        if len(white) > self.centers:
            rng = np.random.default_rng(self.random_state)
            rows = rng.choice(len(white), self.centers, replace=False)
            white, w = white[rows], w[rows]
        effective = w.sum() ** 2 / (w**2).sum()
        d = white.shape[1]
        self.bandwidth_ = self.bandwidth or float(effective ** (-1 / (d + 4)))
        self.centers_ = white / self.bandwidth_
        self.log_share_ = np.log(w / w.sum()) - d * (
            np.log(self.bandwidth_) + 0.5 * np.log(2 * np.pi)
        )
        self.log_volume_ = float(np.linalg.slogdet(self.whitening_)[1])

    def _score(self, z: FloatArray) -> FloatArray:
        u = (z - self.mean_) @ self.whitening_ / self.bandwidth_
        rows = max(1, _PAIRS // len(self.centers_))
        parts = [self._log_density(u[i : i + rows]) for i in range(0, len(u), rows)]
        return -np.concatenate(parts) - self.log_volume_

    def _log_density(self, u: FloatArray) -> FloatArray:
        # |u - c|² = |u|² + |c|² - 2 u·c: one matrix product in place of a table of differences.
        exponent = u @ self.centers_.T
        exponent -= 0.5 * (self.centers_**2).sum(axis=1) - self.log_share_
        total = logsumexp(exponent, axis=1)
        return np.asarray(total - 0.5 * (u**2).sum(axis=1))
