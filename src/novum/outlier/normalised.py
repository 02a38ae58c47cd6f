"""Autoencoders whose residual is the energy of a normalised density."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

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
    from novum.training.energy import EnergyLoss, Normalised
    from novum.training.langevin import Chain, Sampling


FloatArray = NDArray[np.float64]


class DivergenceWarning(UserWarning):
    """A training ran away and was stopped; the last good state is kept."""


class NormalisedReconstructor(SingleReconstructor):
    """Base of autoencoders that are trained twice: as such, and then as an energy-based model.

    Parameters
    ----------
    latent, network, normalising_epochs, normalising_learning_rate, normalising_batch_size, \
latent_steps, steps, latent_step_size, step_size, latent_noise, noise, metropolis, buffer, replay, \
**training
        As the members say.
    """

    def __init__(
        self,
        latent: int,
        *,
        network: Literal["dense", "conv"],
        normalising_epochs: int,
        normalising_learning_rate: float,
        normalising_batch_size: int,
        latent_steps: int,
        steps: int,
        latent_step_size: float,
        step_size: Any,
        latent_noise: float,
        noise: float,
        metropolis: bool,
        buffer: int,
        replay: float,
        **training: Any,
    ) -> None:
        super().__init__(latent, **training)
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

    _remedy: ClassVar[str] = ""  # what else to do where energies run away

    @abstractmethod
    def _loss(self) -> EnergyLoss:
        """What the second training minimises."""

    @abstractmethod
    def _data_chain(self) -> Chain:
        """Chain in the space of the data."""

    def _note(self, found: Normalised) -> None:
        """Keep what the second training of a member says."""
        self.energies_.append(np.array([found.positive, found.negative]))
        self.distances_.append(found.distance)

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
        for key in ("latent_steps", "steps", "latent_noise", "noise"):
            require_at_least(key, getattr(self, key), 0)
        for key in ("latent_step_size", "step_size"):
            value = getattr(self, key)
            if value is not None and not value > 0:
                raise ConfigError(f"{key}: must be positive, got {value:g}")
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
        self.distances_: list[FloatArray] = []
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
            loss=self._loss(),
            nearest=True,
        )
        if found.diverged:
            warnings.warn(
                f"the energies of {self.name} ran away after {len(found.positive)} rounds of at "
                "most 100 steps; the state before is kept. Lower "
                f"normalising_learning_rate{self._remedy}",
                DivergenceWarning,
                stacklevel=2,
            )
        self._note(found)
        return done

    def _normalising(self) -> TrainingConfig:
        return replace(
            self._training(),
            epochs=self.normalising_epochs,
            batch_size=self.normalising_batch_size,
            learning_rate=self.normalising_learning_rate,
        )

    def _sampling(self) -> Sampling:
        from novum.training.langevin import Chain, Sampling

        return Sampling(
            Chain(
                self.latent_steps,
                self.latent_step_size,
                self.latent_noise,
                metropolis=self.metropolis,
            ),
            self._data_chain(),
            self.buffer,
            self.replay,
            # Pixels are not negative where they are alike; standardised ones are.
            low=0.0 if self.network == "conv" and np.isinf(self.farthest_) else None,
        )
