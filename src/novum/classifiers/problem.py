"""A two-class problem made ready for a gradient method: checked, standardised, in one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from novum.errors import InputError

FloatArray = NDArray[np.float64]

FARTHEST = 10.0  # standardised values end here: one wild value must not steer a batch


@dataclass(frozen=True, eq=False)
class Scaling:
    """Shift and scale of each feature, shape (d,) both."""

    center: FloatArray
    scale: FloatArray

    @classmethod
    def of(cls, X: FloatArray) -> Scaling:
        """Median, and half of the central 68 % of the events, which tails do not move.

        Where more than 68 % of the values are equal, the standard deviation; where all are, 1.
        """
        low, center, high = np.quantile(X, [0.16, 0.5, 0.84], axis=0)
        scale = (high - low) / 2
        scale = np.where(scale > 0, scale, X.std(axis=0))
        return cls(center, np.where(scale > 0, scale, 1.0))

    def __call__(self, X: FloatArray) -> NDArray[np.float32]:
        """Standardised features (n, d)."""
        z = (X - self.center) / self.scale
        return np.clip(z, -FARTHEST, FARTHEST).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Problem:
    """What a fit needs: events of positive weight, with weights of mean 1.

    Attributes
    ----------
    classes : array (2,)
        Names of class 0 and 1.
    scaling : Scaling
    y : int8 array (n,)
        0 and 1.
    table : float32 array (n, d + 2)
        Standardised features, class, weight.
    """

    classes: NDArray[Any]
    scaling: Scaling
    y: NDArray[np.int8]
    table: NDArray[np.float32]

    @classmethod
    def of(
        cls, X: FloatArray, y: NDArray[Any], sample_weight: ArrayLike | None, balanced: bool
    ) -> Problem:
        """Check and standardise.

        Raises
        ------
        InputError
            If there are not two classes of positive weight, or a weight is negative or not finite.
        """
        w = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, np.float64)
        if w.shape != (len(X),):
            raise InputError(f"sample_weight: expected {len(X)} weights, got shape {w.shape}")
        bad = ~(np.isfinite(w) & (w >= 0))
        if bad.any():
            raise InputError(
                f"sample_weight: must be finite and not negative, got {w[bad][0]}", value=w[bad][0]
            )
        classes, codes = np.unique(y, return_inverse=True)
        used = w > 0
        if not used.any():
            raise InputError("sample_weight: every weight is zero", value=0.0)
        present = len(np.unique(codes[used]))
        if len(classes) != 2 or present != 2:
            found = f"{present} class of positive weight" if present == 1 else f"{present} classes"
            raise InputError(
                f"Only binary classification is supported: y must hold two classes, got {found}",
                value=classes.tolist(),
            )
        X, labels, w = X[used], codes[used].astype(np.int8), w[used]
        if balanced:
            w = w / np.bincount(labels, weights=w)[labels]
        scaling = Scaling.of(X)
        table = np.column_stack([scaling(X), labels, w / w.mean()]).astype(np.float32)
        return cls(classes, scaling, labels, table)
