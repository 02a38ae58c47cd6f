"""Wasserstein normalised autoencoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, final

from novum.outlier.base import require_at_least
from novum.outlier.normalised import NormalisedReconstructor

if TYPE_CHECKING:
    from novum.training.energy import EnergyLoss
    from novum.training.langevin import Chain


_STEEPEST = 1.0  # largest component of a gradient, per standard deviation


@final
class WassersteinNormalisedAutoencoder(NormalisedReconstructor):
    """Normalised autoencoder trained by the Wasserstein distance of its samples from the data.

    The model is that of `nae`, a density exp(-E/T) with the residual as energy E. Its training
    minimises the squared 2-Wasserstein distance between a batch of events and as many ends of
    Langevin chains (arXiv:2510.02168): the least mean squared distance over all ways to pair
    them, found exactly. As in the code that comes with the paper, the energy enters through the
    chains alone: gradients go through all of their steps in the space of the data, and not into
    where these start, the decoded ends of latent chains. The network with the least distance
    on validation events is kept, be it that before the first step.

    Parameters
    ----------
    latent : int
        Dimensions around the sphere.
    network : str
        conv for images, dense for other features.
    hidden : tuple of int
        Channels of the convolutions or nodes of the layers of the encoder; none: 8, 16, 32 or
        64, 32.
    members : int
        Number of networks.
    score_by : str
        mse, mae or latent-distance.
    epochs : int
        Most passes over the training events as an ordinary autoencoder.
    normalising_epochs : int
        Most passes as an energy-based model.
    normalising_learning_rate : float
        Of Adam, then.
    normalising_batch_size : int
        Events per step, and as many chains, then.
    latent_steps, steps : int
        Steps of a chain in the latent space and in that of the data.
    latent_step_size, step_size : float
        Steps against the gradient of the energy. The latter may be None: a tenth of the number of
        features, so that a step goes a fifth of the way to what rebuilds the point.
    latent_noise, noise : float
        Noise of a step; σ²/2λ is the temperature T, with the step size λ.
    metropolis : bool
        Whether the steps of latent chains are accepted as detailed balance asks for.
    buffer : int
        Ends of latent chains that are kept for others to start from.
    replay : float
        Share of the chains that do.
    batch_size : int
        Events per step.
    learning_rate : float
        Of Adam.
    patience : int or None
        Epochs after which a training stops: the first without a lower validation loss, the
        second without a lower distance of its samples.
    validation_fraction : float
        Share of the events set aside to find its best epoch.
    random_state : int or None
        Seed; member i uses a seed of its own derived from it.

    Attributes
    ----------
    validation_loss_ : float64 array (members,)
        Mean squared residual on validation events, before the normalisation.
    epochs_ : int array (members,)
        Epochs of the first training.
    energies_ : list of float64 arrays (2, rounds)
        Mean energy of data and of negative samples in the rounds of the second training: its
        epochs, or parts of them of at most 100 steps.
    distances_ : list of float64 arrays (1 + rounds,)
        Squared Wasserstein distance of samples from validation events, before and after each.
    """

    name: ClassVar[str] = "wnae"
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("2510.02168", "Wasserstein normalized autoencoder for anomaly detection"),
        ("2105.05735", "Autoencoding Under Normalization Constraints"),
    )

    def __init__(
        self,
        latent: int = 3,
        *,
        network: Literal["dense", "conv"] = "dense",
        hidden: tuple[int, ...] = (),
        members: int = 1,
        score_by: Literal["mse", "mae", "latent-distance"] = "mse",
        epochs: int = 20,
        normalising_epochs: int = 5,
        normalising_learning_rate: float = 1e-3,
        normalising_batch_size: int = 256,
        latent_steps: int = 10,
        steps: int = 10,
        latent_step_size: float = 0.1,
        step_size: float | None = None,
        latent_noise: float = 0.1,
        noise: float = 0.2,
        metropolis: bool = True,
        buffer: int = 10_000,
        replay: float = 0.95,
        batch_size: int = 128,
        learning_rate: float = 1e-3,
        patience: int | None = 5,
        validation_fraction: float = 0.1,
        random_state: int | None = None,
    ) -> None:
        super().__init__(
            latent,
            network=network,
            hidden=hidden,
            members=members,
            score_by=score_by,
            epochs=epochs,
            normalising_epochs=normalising_epochs,
            normalising_learning_rate=normalising_learning_rate,
            normalising_batch_size=normalising_batch_size,
            latent_steps=latent_steps,
            steps=steps,
            latent_step_size=latent_step_size,
            step_size=step_size,
            latent_noise=latent_noise,
            noise=noise,
            metropolis=metropolis,
            buffer=buffer,
            replay=replay,
            batch_size=batch_size,
            learning_rate=learning_rate,
            patience=patience,
            validation_fraction=validation_fraction,
            random_state=random_state,
        )

    def check_ready(self) -> None:
        """See `Detector.check_ready`."""
        super().check_ready()
        require_at_least("steps", self.steps, 1)  # no gradient without

    def _loss(self) -> EnergyLoss:
        from novum.training.energy import Transport

        return Transport()

    def _data_chain(self) -> Chain:
        from novum.training.langevin import Chain

        size = self.n_features_in_ / 10 if self.step_size is None else self.step_size
        return Chain(self.steps, size, self.noise, clip=_STEEPEST)
