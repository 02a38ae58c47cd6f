"""Distance from the nearest of k centres of the background."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from novum.outlier.base import Detector, require_at_least, require_events

FloatArray = NDArray[np.float64]


@final
class KMeans(Detector):
    """Euclidean distance from the nearest k-means centre of the standardised background.

    Parameters
    ----------
    clusters : int
        k.
    restarts : int
        Starts from other k-means++ centres, of which the best is kept.
    random_state : int or None
        Seed.

    Attributes
    ----------
    centers_ : float64 array (k, d)
        In standardised features.
    """

    name: ClassVar[str] = "kmeans"

    def __init__(
        self, clusters: int = 20, *, restarts: int = 3, random_state: int | None = None
    ) -> None:
        self.clusters = clusters
        self.restarts = restarts
        self.random_state = random_state

    def check_ready(self) -> None:
        """See `Detector.check_ready`."""
        super().check_ready()
        require_at_least("clusters", self.clusters, 1)
        require_at_least("restarts", self.restarts, 1)

    def _learn(self, z: FloatArray, w: FloatArray) -> None:
        from sklearn.cluster import KMeans as Clusters

        require_events(len(z), self.clusters, f"k-means with {self.clusters} clusters")
        found = Clusters(self.clusters, n_init=self.restarts, random_state=self.random_state)
        self.centers_ = found.fit(z, sample_weight=w).cluster_centers_

    def _score(self, z: FloatArray) -> FloatArray:
        # One centre at a time: events times centres times features are too many numbers.
        squared = np.stack([((z - center) ** 2).sum(axis=1) for center in self.centers_])
        distance: FloatArray = np.sqrt(squared.min(axis=0))
        return distance
