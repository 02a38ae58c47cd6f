"""What principal components leave out."""

from __future__ import annotations

from typing import ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray

from novum.errors import InputError
from novum.outlier.base import require_at_least
from novum.outlier.reconstruction import Reconstructor

FloatArray = NDArray[np.float64]

_KEPT = 0.9  # of the variance, where the number of components is not given
_NOTHING = 1e-12  # of the largest variance: what rounding leaves of none


@final
class PCA(Reconstructor):
    """What is left of an event after its principal components: a linear autoencoder.

    Parameters
    ----------
    latent : int or None
        Components kept, fewer than features; None: as many as hold 90 % of the variance.
    score_by : str
        mse, mae, residual-mahalanobis or latent-distance.

    Attributes
    ----------
    components_ : float64 array (L, d)
        Rows are orthonormal, the one of largest variance first.
    """

    name: ClassVar[str] = "pca"

    def __init__(
        self,
        latent: int | None = None,
        *,
        score_by: Literal["mse", "mae", "residual-mahalanobis", "latent-distance"] = "mse",
    ) -> None:
        self.latent = latent
        self.score_by = score_by

    def check_ready(self) -> None:
        """See `Detector.check_ready`."""
        super().check_ready()
        if self.latent is not None:
            require_at_least("latent", self.latent, 1)

    def _train(self, z: FloatArray, w: FloatArray) -> None:
        n, d = z.shape
        variance, axes = np.linalg.eigh((z * w[:, None]).T @ z / w.sum())
        variance, axes = variance[::-1].clip(0), axes[:, ::-1]
        share = np.cumsum(variance) / max(variance.sum(), 1e-300)
        enough = int(np.searchsorted(share, _KEPT)) + 1
        varying = int((variance > _NOTHING * max(variance[0], 1e-300)).sum())
        # All that vary would leave nothing of background but rounding.
        kept = self.latent or max(1, min(enough, varying - 1))
        if kept >= d or kept > n:
            raise InputError(
                f"{kept} principal components need more features and as many events, or they leave "
                f"nothing out; there are {d} feature(s) and {n} events",
                value=kept,
            )
        self.components_ = np.ascontiguousarray(axes[:, :kept].T)

    def _rebuilt(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        latent = z @ self.components_.T
        return latent[None], (latent @ self.components_)[None]
