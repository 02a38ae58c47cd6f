"""Variational autoencoder with a mixture as prior."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from novum.outlier.base import require_at_least
from novum.outlier.variational import VariationalReconstructor

FloatArray = NDArray[np.float64]

_DRAWS = 16  # of the latent variables of an event, for its divergence


@final
class GaussianMixtureVAE(VariationalReconstructor):
    """Autoencoder whose latent variables are held to a mixture of normal distributions.

    The mixture is learnt with the rest. Loss and scores are those of `VariationalAutoencoder`;
    the divergence has no closed form and is the mean over draws that are the same for all events.

    Parameters
    ----------
    latent : int
        Number of latent variables.
    hidden : tuple of int
        Nodes of the layers of the encoder; the decoder mirrors them.
    components : int
        Normal distributions in the prior.
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

    name: ClassVar[str] = "gmvae"
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("2104.08291", "Better Latent Spaces for Better Autoencoders"),
        ("1611.05148", "Variational Deep Embedding"),
    )

    def __init__(
        self,
        latent: int = 4,
        *,
        hidden: tuple[int, ...] = (64, 32),
        components: int = 2,
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

        self.components = components

    def check_ready(self) -> None:
        """See `Detector.check_ready`."""
        super().check_ready()
        require_at_least("components", self.components, 1)

    def _latent(self, seeds: list[int]) -> Any:
        from novum.nn import MixtureLatent

        return MixtureLatent(self.latent, self.components, seeds)

    def _keep(self, learnt: list[NDArray[np.float32]]) -> None:
        super()._keep(learnt)
        means, log_variances, logits = (p.astype(np.float64) for p in learnt[-3:])
        self.prior_means_, self.prior_log_variances_ = means, log_variances
        self.prior_log_shares_ = logits - logsumexp(logits, axis=1, keepdims=True)

    def _draw_prior(self, n: int, rng: np.random.Generator) -> FloatArray:
        noise = rng.standard_normal((n, self.latent))
        drawn = []
        for share, means, log_variances in zip(
            np.exp(self.prior_log_shares_),
            self.prior_means_,
            self.prior_log_variances_,
            strict=True,
        ):
            chosen = rng.choice(len(share), n, p=share / share.sum())
            drawn.append(means[chosen] + noise * np.exp(log_variances[chosen] / 2))
        return np.array(drawn)

    def _divergence(self, mean: FloatArray, log_variance: FloatArray) -> FloatArray:
        noise = np.random.default_rng(0).standard_normal((_DRAWS // 2, self.latent))
        spread = np.exp(log_variance / 2)
        # One pair of draws at a time: all of them at once would be large.
        total: FloatArray = sum(
            -(e**2 + log_variance).sum(axis=-1)
            - self._log_prior(mean + e * spread)
            - self._log_prior(mean - e * spread)
            for e in noise
        )
        return total / _DRAWS

    def _log_prior(self, drawn: FloatArray) -> FloatArray:
        """Log density (M, n) of the mixture, but for the constant of a normal density."""
        shift = drawn[:, :, None] - self.prior_means_[:, None]
        log_variances = self.prior_log_variances_[:, None]
        each = -0.5 * (shift**2 / np.exp(log_variances) + log_variances).sum(axis=-1)
        density: FloatArray = np.logaddexp.reduce(each + self.prior_log_shares_[:, None], axis=-1)
        return density
