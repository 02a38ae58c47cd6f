"""Dirichlet variational autoencoder."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray

from novum.errors import ConfigError
from novum.outlier.base import require_at_least
from novum.outlier.variational import VariationalReconstructor, normal_divergence

FloatArray = NDArray[np.float64]


@final
class DirichletVAE(VariationalReconstructor):
    """Autoencoder whose latent variables are shares of topics, held to a Dirichlet distribution.

    The encoder gives normal variables whose softmax are the shares; the prior is the normal
    approximation of the Dirichlet distribution (arXiv:2104.08291, eq. 15 to 17). The decoder has
    no hidden layer, so that an event is a sum of topics, each a picture of its own. Loss and
    scores are those of `VariationalAutoencoder`; ``topic`` is the share of the topic that the
    training events have least of.

    Parameters
    ----------
    latent : int
        Number of topics, at least 2.
    hidden : tuple of int
        Nodes of the layers of the encoder.
    alpha : float
        Concentration of the prior: below 1 an event has few topics.
    beta : float
        Share of the divergence in the loss, 0 to 1.
    members : int
        Number of networks.
    score_by : str
        mse, mae, residual-mahalanobis, latent-distance, kl, elbo or topic.
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

    name: ClassVar[str] = "dirichlet-vae"
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("2104.08291", "Better Latent Spaces for Better Autoencoders"),
    )

    scores: ClassVar[tuple[str, ...]] = (*VariationalReconstructor.scores, "topic")

    def __init__(
        self,
        latent: int = 2,
        *,
        hidden: tuple[int, ...] = (64, 32),
        alpha: float = 1.0,
        beta: float = 0.1,
        members: int = 5,
        score_by: Literal[
            "mse", "mae", "residual-mahalanobis", "latent-distance", "kl", "elbo", "topic"
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
            beta=beta,
            members=members,
            score_by=score_by,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            patience=patience,
            validation_fraction=validation_fraction,
            random_state=random_state,
        )

        self.alpha = alpha

    def check_ready(self) -> None:
        """See `Detector.check_ready`."""
        super().check_ready()
        require_at_least("latent", self.latent, 2)
        if not self.alpha > 0:
            raise ConfigError(f"alpha: must be positive, got {self.alpha:g}")

    def _latent(self, seeds: list[int]) -> Any:
        import torch

        from novum.nn import NormalLatent

        variance = torch.full((self.latent,), self._prior_variance())
        return NormalLatent(self.latent, variance=variance, simplex=True)

    def _prior_variance(self) -> float:
        """Of each normal variable, all of mean 0 (arXiv:2104.08291, eq. 16, equal α)."""
        n = self.latent
        return (1 - 2 / n) / self.alpha + 1 / (n * self.alpha)

    def _decoder_hidden(self) -> tuple[int, ...]:
        return ()

    def _read(self, drawn: Any) -> Any:
        share = np.exp(drawn - drawn.max(axis=-1, keepdims=True))
        return share / share.sum(axis=-1, keepdims=True)

    def _draw_prior(self, n: int, rng: np.random.Generator) -> FloatArray:
        return rng.normal(0, np.sqrt(self._prior_variance()), (n, self.latent))

    def _divergence(self, mean: FloatArray, log_variance: FloatArray) -> FloatArray:
        return normal_divergence(mean, log_variance, self._prior_variance())

    def _member_scores(self, z: FloatArray) -> FloatArray:
        if self.score_by != "topic":
            return super()._member_scores(z)
        share = self._read(self._encoded(z)[0]).astype(np.float64)
        rarest = np.eye(self.latent)[self.latent_mean_.argmin(axis=1)]
        topic: FloatArray = (share * rarest[:, None]).sum(axis=2)
        return topic
