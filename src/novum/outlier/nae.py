"""Normalised autoencoder."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray

from novum.errors import ConfigError
from novum.outlier.base import require_at_least
from novum.outlier.conv_autoencoder import image_side
from novum.outlier.single import SingleReconstructor
from novum.training.config import TrainingConfig

if TYPE_CHECKING:
    import torch

    from novum.nn import Autoencoder
    from novum.training import Rows
    from novum.training.energy import Sampling


FloatArray = NDArray[np.float64]


class DivergenceWarning(UserWarning):
    """A training ran away and was stopped; the last good state is kept."""


@final
class NormalisedAutoencoder(SingleReconstructor):
    """Autoencoder trained as the energy of a normalised density, exp(-E) with E its residual.

    An autoencoder rebuilds what is simple, seen or not. Here Langevin chains look for points that
    it rebuilds well, first in the latent space, which is a sphere, and then in that of the data;
    the training raises the residual there and lowers it for data (arXiv:2105.05735,
    arXiv:2206.14225). It begins as an ordinary autoencoder.

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
        Passes as an energy-based model.
    normalising_learning_rate : float
        Of Adam, then.
    normalising_batch_size : int
        Events per step, and as many chains, then.
    latent_steps, steps : int
        Steps of a chain in the latent space and in that of the data.
    latent_step_size, step_size : float
        Steps against the gradient of the energy.
    latent_noise, noise : float
        Noise of a step; that in the space of the data falls as 1/t.
    metropolis : bool
        Whether the steps of latent chains are accepted as detailed balance asks for.
    buffer : int
        Ends of latent chains that are kept for others to start from.
    replay : float
        Share of the chains that do.
    penalty : float
        Times the mean squared energy of negative samples in the loss: keeps it from running away.
    batch_size : int
        Events per step.
    learning_rate : float
        Of Adam.
    patience : int or None
        Epochs without a lower validation loss after which the first training stops.
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
    energies_ : list of float64 arrays (2, epochs)
        Mean energy of data and of negative samples, in the epochs of the second.
    """

    name: ClassVar[str] = "nae"
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
        latent_step_size: float = 100.0,
        step_size: float = 50.0,
        latent_noise: float = 1e-2,
        noise: float = 1e-4,
        metropolis: bool = True,
        buffer: int = 10_000,
        replay: float = 0.95,
        penalty: float = 0.0,
        batch_size: int = 128,
        learning_rate: float = 1e-3,
        patience: int | None = 5,
        validation_fraction: float = 0.1,
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
        self.network = network
        self.normalising_epochs = normalising_epochs
        self.normalising_learning_rate = normalising_learning_rate
        self.normalising_batch_size = normalising_batch_size
        self.latent_steps = latent_steps
        self.steps = steps
        self.latent_step_size = latent_step_size
        self.step_size = step_size
        self.latent_noise = latent_noise
        self.noise = noise
        self.metropolis = metropolis
        self.buffer = buffer
        self.replay = replay
        self.penalty = penalty

    @classmethod
    def published(cls, random_state: int | None = None) -> NormalisedAutoencoder:
        """Settings of arXiv:2206.14225 for jet images; some days on a core.

        100 epochs at 1e-3, then 50 at 1e-5 in batches of 2048, 30 + 30 steps of the chains.
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
            random_state=random_state,
        )

    def check_ready(self) -> None:
        """See `Detector.check_ready`."""
        super().check_ready()
        require_at_least("latent", self.latent, 2)  # a sphere
        require_at_least("normalising_epochs", self.normalising_epochs, 0)
        if self.network not in ("dense", "conv"):
            raise ConfigError(f"network: must be dense or conv, got {self.network}")
        if self.normalising_epochs:
            self._normalising().validated()
        self._check_chains()

    def _check_chains(self) -> None:
        for key in ("latent_steps", "steps", "latent_noise", "noise", "penalty"):
            require_at_least(key, getattr(self, key), 0)
        for key in ("latent_step_size", "step_size"):
            if not getattr(self, key) > 0:
                raise ConfigError(f"{key}: must be positive, got {getattr(self, key):g}")
        require_at_least("buffer", self.buffer, 1)
        if not 0 <= self.replay <= 1:
            raise ConfigError(f"replay: must be between 0 and 1, got {self.replay:g}")

    def _network(self, d: int) -> Autoencoder:
        from novum.nn import conv_autoencoder, dense_autoencoder

        if self.network == "conv":
            return conv_autoencoder(image_side(d), self._layers(), self.latent, sphere=True)
        return dense_autoencoder(d, self._layers(), self.latent, sphere=True)

    def _layers(self) -> tuple[int, ...]:
        return self.hidden or ((8, 16, 32) if self.network == "conv" else (64, 32))

    def _train(self, z: FloatArray, w: FloatArray) -> None:
        self.energies_: list[FloatArray] = []
        super()._train(z, w)

    def _train_one(
        self, network: Autoencoder, table: torch.Tensor, rows: Rows
    ) -> tuple[float, int]:
        from novum.training.energy import normalise

        done = super()._train_one(network, table, rows)
        if not self.normalising_epochs:
            return done
        found = normalise(
            network,
            self.latent,
            table,
            rows,
            self._normalising(),
            self._sampling(),
            penalty=self.penalty,
        )
        if found.diverged:
            warnings.warn(
                f"the energies of {self.name} ran away after {len(found.positive)} of "
                f"{self.normalising_epochs} epochs; the state before is kept. Lower "
                "normalising_learning_rate, or set penalty",
                DivergenceWarning,
                stacklevel=2,
            )
        self.energies_ = [
            *getattr(self, "energies_", []),
            np.array([found.positive, found.negative]),
        ]
        return done

    def _normalising(self) -> TrainingConfig:
        return replace(
            self._training(),
            epochs=self.normalising_epochs,
            batch_size=self.normalising_batch_size,
            learning_rate=self.normalising_learning_rate,
        )

    def _sampling(self) -> Sampling:
        from novum.training.energy import Chain, Sampling

        return Sampling(
            Chain(
                self.latent_steps,
                self.latent_step_size,
                self.latent_noise,
                metropolis=self.metropolis,
            ),
            Chain(self.steps, self.step_size, self.noise, annealed=True),
            self.buffer,
            self.replay,
            low=0.0 if self.network == "conv" else None,
        )
