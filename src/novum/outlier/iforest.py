"""Isolation forest."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from novum.outlier.base import Detector, require_at_least

FloatArray = NDArray[np.float64]


@final
class IsolationForest(Detector):
    """How few random cuts set an event apart, over many trees: scikit-learn's isolation forest.

    Where weights differ it grows from as many events that are drawn with replacement, by weight.

    Parameters
    ----------
    trees : int
        Number of trees.
    events_per_tree : int
        Most events that a tree is grown from.
    random_state : int or None
        Seed.
    """

    name: ClassVar[str] = "iforest"
    no_onnx: ClassVar[str] = (
        "trees are no operations on arrays; skl2onnx converts scikit-learn's forest in `forest_`, "
        "which reads (x - center_) / scale_"
    )

    def __init__(
        self,
        trees: int = 200,
        *,
        events_per_tree: int = 256,
        random_state: int | None = None,
    ) -> None:
        self.trees = trees
        self.events_per_tree = events_per_tree
        self.random_state = random_state

    def check_ready(self) -> None:
        """See `Detector.check_ready`."""
        super().check_ready()
        require_at_least("trees", self.trees, 1)
        require_at_least("events_per_tree", self.events_per_tree, 2)

    def _learn(self, z: FloatArray, w: FloatArray) -> None:
        from sklearn.ensemble import IsolationForest as Forest

        forest = Forest(
            n_estimators=self.trees,
            max_samples=min(self.events_per_tree, len(z)),
            random_state=self.random_state,
        )
        if (w != w[0]).any():
            rng = np.random.default_rng(self.random_state)
            z = z[rng.choice(len(z), len(z), p=w / w.sum())]
        self.forest_ = forest.fit(z)

    def _score(self, z: FloatArray) -> FloatArray:
        return -np.asarray(self.forest_.score_samples(z))
