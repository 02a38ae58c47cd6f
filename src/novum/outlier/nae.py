"""Normalised autoencoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, final

from novum.outlier.base import require_at_least
from novum.outlier.normalised import NormalisedReconstructor

if TYPE_CHECKING:
    from novum.training.energy import EnergyLoss
    from novum.training.langevin import Chain


@final
class NormalisedAutoencoder(NormalisedReconstructor):
    """Autoencoder trained as the energy of a normalised density, exp(-E) with E its residual.

    An autoencoder rebuilds what is simple, seen or not. Here Langevin chains look for points that
    it rebuilds well, first in the latent space, which is a sphere, and then in that of the data;
    the training raises the residual there and lowers it for data (arXiv:2105.05735,
    arXiv:2206.14225). It begins as an ordinary autoencoder. Kept is the network whose samples have
    the least Wasserstein distance from validation events, as in `wnae`: longer training harms.

    The defaults leave the paper (`published`) in the chains: in the latent space they are as warm
    as the residuals of data, rather than cold. Cold ones find the few best rebuilt points, and the
    energies of all others run away. The mean squared energy of the samples is part of the loss, as
    in the code of the paper (arXiv:1903.08689), which sets an end to what the training raises.

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
        Steps against the gradient of the energy.
    latent_noise, noise : float
        Noise of a step; that in the space of the data falls as 1/t. The temperature of latent
        chains is latent_noise² / (2 latent_step_size), in units of the residual.
    metropolis : bool
        Whether the steps of latent chains are accepted as detailed balance asks for.
    buffer : int
        Ends of latent chains that are kept for others to start from.
    replay : float
        Share of the chains that do.
    penalty : float
        Times the mean squared energy of negative samples in the loss, which has its least value
        where these have an energy of 1 / (2 penalty): keeps it from running away. 0: nothing does.
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

    name: ClassVar[str] = "nae"
    _remedy: ClassVar[str] = ", or set penalty"
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("2206.14225", "A Normalized Autoencoder for LHC Triggers"),
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
        normalising_epochs: int = 10,
        normalising_learning_rate: float = 1e-4,
        normalising_batch_size: int = 256,
        latent_steps: int = 10,
        steps: int = 10,
        latent_step_size: float = 1.0,
        step_size: float = 1.0,
        latent_noise: float = 0.5,
        noise: float = 0.05,
        metropolis: bool = True,
        buffer: int = 10_000,
        replay: float = 0.95,
        penalty: float = 1.0,
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
        self.penalty = penalty

    @classmethod
    def published(cls, random_state: int | None = None) -> NormalisedAutoencoder:
        """Settings of arXiv:2206.14225 for jet images; some days on a core.

        100 epochs at 1e-3, then 50 at 1e-5 in batches of 2048, 30 + 30 steps of the chains. Its
        spectral normalisation and the sigmoid at the end of its decoder are left out, and its
        steps are accepted at another temperature than that of their noise.
        """
        return cls(
            3,
            network="conv",
            hidden=(8, 16, 32),
            epochs=100,
            patience=None,
            batch_size=2048,
            normalising_epochs=50,
            normalising_learning_rate=1e-5,
            normalising_batch_size=2048,
            latent_steps=30,
            steps=30,
            latent_step_size=100.0,
            step_size=50.0,
            latent_noise=1e-2,
            noise=1e-4,
            random_state=random_state,
        )

    def check_ready(self) -> None:
        """See `Detector.check_ready`."""
        super().check_ready()
        require_at_least("penalty", self.penalty, 0)

    def _loss(self) -> EnergyLoss:
        from novum.training.energy import Contrast

        return Contrast(self.penalty)

    def _data_chain(self) -> Chain:
        from novum.training.langevin import Chain

        return Chain(self.steps, self.step_size, self.noise, annealed=True)
