"""Variational autoencoder."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray

from novum.outlier.variational import VariationalReconstructor, normal_divergence

FloatArray = NDArray[np.float64]


@final
class VariationalAutoencoder(VariationalReconstructor):
    """Autoencoder whose latent variables are held to a standard normal distribution.

    The loss is (1 - β) ½ ‖x - x'‖² + β D_KL, divided by half the number of features: β = 0 leaves
    the residual alone, β = 1 the divergence, β = ½ is the evidence bound of a decoder with unit
    variance. Beside the scores of every autoencoder there are ``kl``, the divergence of the latent
    distribution of an event from the prior, and ``elbo``, ½ ‖x - x'‖² + D_KL. Events are rebuilt
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

    def _latent(self, seeds: list[int]) -> Any:
        from novum.nn import NormalLatent

        return NormalLatent(self.latent)

    def _draw_prior(self, n: int, rng: np.random.Generator) -> FloatArray:
        return rng.standard_normal((n, self.latent))

    def _divergence(self, mean: FloatArray, log_variance: FloatArray) -> FloatArray:
        return normal_divergence(mean, log_variance)
