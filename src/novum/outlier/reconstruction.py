"""Detectors that compress an event and rebuild it: what they share, and the scores they offer."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import TransformerMixin

from novum.outlier.base import BLOCK, Detector, evenly
from novum.outlier.mahalanobis import Normal

FloatArray = NDArray[np.float64]

SCORES = ("mse", "mae", "residual-mahalanobis", "latent-distance")
_MOMENTS = 100_000  # most events from which moments of residuals and latent space are taken


class Reconstructor(TransformerMixin, Detector):
    """Base of detectors with a latent space: M members, each an encoder and a decoder.

    The score of an event is the mean over the members of

    - ``mse``: mean over the features of the squared residual, standardised features;
    - ``mae``: the same of the absolute residual;
    - ``residual-mahalanobis``: squared Mahalanobis distance of the residuals from those of the
      background, which weighs a feature by how well it is rebuilt as a rule;
    - ``latent-distance``: the same in the latent space.

    One whose rebuilt particles are in an order of their own says so by `rebuilds_in_order`.
    """

    rebuilds_in_order: ClassVar[bool] = True
    scores: ClassVar[tuple[str, ...]] = SCORES
    sums: ClassVar[tuple[str, ...]] = ("mse", "mae", "residual-mahalanobis")  # over the features
    score_by: str

    @abstractmethod
    def _train(self, z: FloatArray, w: FloatArray) -> None:
        """Learn encoders and decoders from standardised events z (n, d), weights (n,)."""

    @abstractmethod
    def _rebuilt(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Latent variables (M, n, L) and rebuilt events (M, n, d), standardised."""

    @final
    def _learn(self, z: FloatArray, w: FloatArray) -> None:
        self._train(z, w)
        some = evenly(len(z), _MOMENTS)
        z, w = z[some], w[some]
        parts = [self._to_describe(z[i : i + BLOCK]) for i in range(0, len(z), BLOCK)]
        latent, residual = (np.concatenate(part, axis=1) for part in zip(*parts, strict=True))
        if "residual-mahalanobis" in self.scores:
            residuals = [Normal.of(member, w) for member in residual]
            self.residual_mean_ = np.array([n.mean for n in residuals])
            self.residual_whitening_ = np.array([n.whitening for n in residuals])
        hidden = [Normal.of(member, w) for member in latent]
        self.latent_mean_ = np.array([n.mean for n in hidden])
        self.latent_whitening_ = np.array([n.whitening for n in hidden])

    def _to_describe(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Latent variables, and residuals (M, n, d) if their moments are asked for."""
        latent, rebuilt = self._rebuilt(z)
        wanted = "residual-mahalanobis" in self.scores
        return latent, z - rebuilt if wanted else np.empty((len(rebuilt), len(z), 0))

    @final
    def _score(self, z: FloatArray) -> FloatArray:
        mean: FloatArray = self._member_scores(z).mean(axis=0)
        return mean

    @final
    def member_scores(self, X: ArrayLike) -> FloatArray:
        """Scores of the single members (M, n): their spread is that of other seeds."""
        return np.concatenate([self._member_scores(z) for z in self._blocks(X)], axis=1)

    @final
    def transform(self, X: ArrayLike) -> FloatArray:
        """Latent variables of the first member, shape (n, L)."""
        return np.concatenate([self._rebuilt(z)[0][0] for z in self._blocks(X)])

    @final
    def latent_axes(self, X: ArrayLike) -> FloatArray:
        """Latent variables of the first member on the principal axes of background, shape (n, L).

        In standard deviations from the mean, the axis of largest variance first; distances are
        Mahalanobis distances.
        """
        return np.asarray(
            (self.transform(X) - self.latent_mean_[0]) @ self.latent_whitening_[0][:, ::-1]
        )

    @final
    def reconstruct(self, X: ArrayLike) -> FloatArray:
        """Rebuilt events, mean over the members, in the features' own units, shape (n, d)."""
        parts = [self._rebuilt(z)[1].mean(axis=0) for z in self._blocks(X)]
        return np.concatenate(parts) * self.scale_ + self.center_

    @final
    def contributions(self, X: ArrayLike) -> FloatArray | None:
        """What each feature adds to the score, shape (n, d): every row adds up to its score.

        Those of ``residual-mahalanobis`` may be negative. None where the score is no sum over the
        features, as a distance in the latent space is none.
        """
        if self.score_by not in self.sums:
            return None
        return np.concatenate([self._summands(z) for z in self._blocks(X)])

    def _summands(self, z: FloatArray) -> FloatArray:
        residual = z - self._rebuilt(z)[1]
        if self.score_by == "residual-mahalanobis":
            moments = zip(residual, self.residual_mean_, self.residual_whitening_, strict=True)
            members = [(r - mean) * ((r - mean) @ w @ w.T) for r, mean, w in moments]
            return np.asarray(np.mean(members, axis=0))
        size = residual**2 if self.score_by == "mse" else np.abs(residual)
        return np.asarray(size.mean(axis=0) / z.shape[1])

    def _member_scores(self, z: FloatArray) -> FloatArray:
        latent, rebuilt = self._rebuilt(z)
        if self.score_by == "latent-distance":
            return _distances(latent, self.latent_mean_, self.latent_whitening_)
        residual = z - rebuilt
        if self.score_by == "residual-mahalanobis":
            return _distances(residual, self.residual_mean_, self.residual_whitening_)
        size = residual**2 if self.score_by == "mse" else np.abs(residual)
        mean: FloatArray = size.mean(axis=2)
        return mean


def _distances(x: FloatArray, mean: FloatArray, whitening: FloatArray) -> FloatArray:
    """Squared Mahalanobis distances (M, n) of x (M, n, k) in each member's own metric."""
    squared: FloatArray = (((x - mean[:, None]) @ whitening) ** 2).sum(axis=2)
    return squared
