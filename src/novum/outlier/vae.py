"""Variational autoencoder."""

from __future__ import annotations

from typing import ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray

from novum.errors import ConfigError
from novum.outlier.network import layers
from novum.outlier.reconstruction import SCORES
from novum.outlier.trained import NetworkReconstructor, cut

FloatArray = NDArray[np.float64]


@final
class VariationalAutoencoder(NetworkReconstructor):
    """Autoencoder whose latent variables are held to a standard normal distribution.

    The loss is (1 - β) ½ |x - x'|² + β D_KL, divided by half the number of features: β = 0 leaves
    the residual alone, β = 1 the divergence, β = ½ is the evidence bound of a decoder with unit
    variance. Beside the scores of every autoencoder there are ``kl``, the divergence of the latent
    distribution of an event from the prior, and ``elbo``, ½ |x - x'|² + D_KL. Events are rebuilt
    from the mean of their latent distribution.

    Parameters
    ----------
    latent : int
        Number of latent variables.
    hidden : tuple of int
        Nodes of the layers of the encoder; the decoder mirrors them.
    beta : float
        Share of the divergence in the loss, 0 to 1.
    members : int
        Number of networks.
    score_by : str
        mse, mae, residual-mahalanobis, latent-distance, kl or elbo.
    epochs : int
        Most passes over the training events.
    batch_size : int
        Events per step.
    learning_rate : float
        Of Adam.
    patience : int or None
        Epochs without a lower validation loss after which a network stops; None: never.
    validation_fraction : float
        Share of the training events that each network sets aside to find its best epoch.
    random_state : int or None
        Seed; member i uses a seed of its own derived from it.

    Attributes
    ----------
    validation_loss_ : float64 array (members,)
        Loss of each network on its own validation events.
    epochs_ : int array (members,)
        Epochs that each ran.
    """

    name: ClassVar[str] = "vae"
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("1312.6114", "Auto-Encoding Variational Bayes"),
        ("2108.03986", "Autoencoders on FPGAs for real-time, unsupervised new physics detection"),
    )
    scores: ClassVar[tuple[str, ...]] = (*SCORES, "kl", "elbo")

    def __init__(
        self,
        latent: int = 4,
        *,
        hidden: tuple[int, ...] = (64, 32),
        beta: float = 0.1,
        members: int = 5,
        score_by: Literal[
            "mse", "mae", "residual-mahalanobis", "latent-distance", "kl", "elbo"
        ] = "elbo",
        epochs: int = 50,
        batch_size: int = 256,
        learning_rate: float = 1e-3,
        patience: int | None = 10,
        validation_fraction: float = 0.2,
        random_state: int | None = None,
    ) -> None:
        super().__init__(
            latent,
            hidden=hidden,
            members=members,
            score_by=score_by,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            patience=patience,
            validation_fraction=validation_fraction,
            random_state=random_state,
        )
        self.beta = beta

    def check_ready(self) -> None:
        """See `Detector.check_ready`."""
        super().check_ready()
        if not 0 <= self.beta <= 1:
            raise ConfigError(f"beta: must be between 0 and 1, got {self.beta:g}")

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Generate events (n, d), rebuilt from draws of the prior by the members in turn."""
        latent = rng.standard_normal((n, self.latent)).astype(np.float32)
        depth = len(self.hidden)
        out = layers(latent, self.decoder_weights_, self.decoder_biases_, straight=(depth,))[
            -1
        ].astype(np.float64)
        return out[np.arange(n) % len(out), np.arange(n)] * self.scale_ + self.center_

    def _train(self, z: FloatArray, w: FloatArray) -> None:
        from novum.nn import EnsembleVAE, EvidenceBound, NormalLatent

        latent = NormalLatent(self.latent)
        network = EnsembleVAE.seeded(z.shape[1], self.hidden, latent, self._seeds())
        learnt = self._fit_networks(network, EvidenceBound(self.beta), z, w)
        middle = 2 * (len(self.hidden) + 1)
        self.encoder_weights_, self.encoder_biases_ = learnt[:middle:2], learnt[1:middle:2]
        self.decoder_weights_, self.decoder_biases_ = learnt[middle::2], learnt[middle + 1 :: 2]

    def _encoded(self, z: FloatArray) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Means and logarithms of variances (M, n, L)."""
        depth = len(self.hidden)
        outputs = layers(cut(z), self.encoder_weights_, self.encoder_biases_, straight=(depth,))
        mean, log_variance = np.split(outputs[-1], 2, axis=2)
        return mean, log_variance

    def _rebuilt(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        mean, _ = self._encoded(z)
        depth = len(self.hidden)
        outputs = layers(mean, self.decoder_weights_, self.decoder_biases_, straight=(depth,))
        return mean.astype(np.float64), outputs[-1].astype(np.float64)

    def _member_scores(self, z: FloatArray) -> FloatArray:
        if self.score_by not in ("kl", "elbo"):
            return super()._member_scores(z)
        mean, log_variance = (part.astype(np.float64) for part in self._encoded(z))
        divergence = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(axis=2)
        if self.score_by == "kl":
            return np.asarray(divergence)
        residual = z - self._rebuilt(z)[1]
        return np.asarray(0.5 * (residual**2).sum(axis=2) + divergence)
