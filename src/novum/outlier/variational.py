"""What variational autoencoders have in common, whatever the prior of their latent variables."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from novum.errors import ConfigError
from novum.outlier.network import layers
from novum.outlier.reconstruction import SCORES
from novum.outlier.trained import NetworkReconstructor, cut

FloatArray = NDArray[np.float64]


class VariationalReconstructor(NetworkReconstructor):
    """Base of autoencoders whose latent variables are drawn, and held to a prior.

    The loss is (1 - β) ½ |x - x'|² + β D_KL, divided by half the number of features: β = 0 leaves
    the residual alone, β = 1 the divergence, β = ½ is the evidence bound of a decoder with unit
    variance. Beside the scores of every autoencoder there are ``kl``, the divergence of the latent
    distribution of an event from the prior, and ``elbo``, ½ |x - x'|² + D_KL. Events are rebuilt
    from the mean of their latent distribution.

    Parameters
    ----------
    latent, hidden, beta, members, score_by, epochs, batch_size, learning_rate, patience, \
validation_fraction, random_state
        As the members say.
    """

    scores: ClassVar[tuple[str, ...]] = (*SCORES, "kl", "elbo")

    def __init__(self, latent: int, *, beta: float, **training: Any) -> None:
        super().__init__(latent, **training)
        self.beta = beta

    def check_ready(self) -> None:
        """See `Detector.check_ready`."""
        super().check_ready()
        if not 0 <= self.beta <= 1:
            raise ConfigError(f"beta: must be between 0 and 1, got {self.beta:g}")

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Generate events (n, d), rebuilt from draws of the prior by the members in turn."""
        drawn = self._draw_prior(n, rng).astype(np.float32)
        rebuilt = self._decoded(drawn)
        rows = np.arange(n)
        return rebuilt[rows % len(rebuilt), rows] * self.scale_ + self.center_

    @abstractmethod
    def _latent(self, seeds: list[int]) -> Any:
        """The `novum.nn` latent distribution of networks with these seeds."""

    @abstractmethod
    def _draw_prior(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Normal latent variables (M, n, L) or (n, L) from the prior."""

    @abstractmethod
    def _divergence(self, mean: FloatArray, log_variance: FloatArray) -> FloatArray:
        """Divergence (M, n) of latent distributions (M, n, L) from the prior."""

    def _read(self, drawn: Any) -> Any:
        """What the decoder reads of normal latent variables."""
        return drawn

    def _decoder_hidden(self) -> tuple[int, ...]:
        return self.hidden[::-1]

    def _train(self, z: FloatArray, w: FloatArray) -> None:
        from novum.nn import EnsembleVAE, EvidenceBound

        seeds = self._seeds()
        network = EnsembleVAE.seeded(
            z.shape[1], self.hidden, self._latent(seeds), seeds, self._decoder_hidden()
        )
        self._keep(self._fit_networks(network, EvidenceBound(self.beta), z, w))

    def _keep(self, learnt: list[NDArray[np.float32]]) -> None:
        """Store the parameters, in the order of the network's."""
        middle = 2 * (len(self.hidden) + 1)
        end = middle + 2 * (len(self._decoder_hidden()) + 1)
        self.encoder_weights_, self.encoder_biases_ = learnt[:middle:2], learnt[1:middle:2]
        self.decoder_weights_ = learnt[middle:end:2]
        self.decoder_biases_ = learnt[middle + 1 : end : 2]

    def _encoded(self, z: FloatArray) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Means and logarithms of variances (M, n, L)."""
        depth = len(self.hidden)
        outputs = layers(
            cut(z, self.farthest_), self.encoder_weights_, self.encoder_biases_, straight=(depth,)
        )
        return outputs[-1][..., : self.latent], outputs[-1][..., self.latent :]

    def _decoded(self, drawn: NDArray[np.float32]) -> FloatArray:
        depth = len(self._decoder_hidden())
        weights, biases = self.decoder_weights_, self.decoder_biases_
        return layers(self._read(drawn), weights, biases, straight=(depth,))[-1].astype(np.float64)

    def _rebuilt(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        mean, _ = self._encoded(z)
        return self._read(mean.astype(np.float64)), self._decoded(mean)

    def _member_scores(self, z: FloatArray) -> FloatArray:
        if self.score_by not in ("kl", "elbo"):
            return super()._member_scores(z)
        mean, log_variance = self._encoded(z)
        divergence = self._divergence(mean.astype(np.float64), log_variance.astype(np.float64))
        if self.score_by == "kl":
            return divergence
        squared: FloatArray = ((z - self._decoded(mean)) ** 2).sum(axis=2)
        return 0.5 * squared + divergence


def normal_divergence(
    mean: FloatArray, log_variance: FloatArray, prior_variance: float = 1.0
) -> FloatArray:
    """Divergence of independent normal distributions from those of mean 0, over the last axis."""
    shift = mean**2 / prior_variance
    ratio = np.exp(log_variance) / prior_variance
    each = shift + ratio - log_variance + (np.log(prior_variance) - 1)
    divergence: FloatArray = 0.5 * each.sum(axis=-1)
    return divergence
