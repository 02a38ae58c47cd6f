"""Detectors that are networks, trained side by side as one program."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from novum.errors import ConfigError
from novum.outlier.base import Detector, require_at_least, require_events
from novum.outlier.reconstruction import Reconstructor
from novum.training.config import TrainingConfig

FloatArray = NDArray[np.float64]


class NetworkDetector(Detector):
    """Base of detectors of M networks with their own weights, order of events and split.

    Parameters
    ----------
    latent, hidden, members, epochs, batch_size, learning_rate, patience, validation_fraction, \
random_state
        As the members say.
    """

    packages: ClassVar[tuple[str, ...]] = ("torch",)

    def __init__(
        self,
        latent: int,
        *,
        hidden: tuple[int, ...],
        members: int,
        epochs: int,
        batch_size: int,
        learning_rate: float,
        patience: int | None,
        validation_fraction: float,
        random_state: int | None,
    ) -> None:
        self.latent = latent
        self.hidden = hidden
        self.members = members
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    def check_ready(self) -> None:
        """See `Detector.check_ready`."""
        super().check_ready()
        require_at_least("latent", self.latent, 1)
        require_at_least("members", self.members, 1)
        if not self._layers() or min(self._layers()) < 1:
            raise ConfigError(f"hidden: give the nodes of at least one layer, got {self.hidden}")
        if not 0 < self.validation_fraction < 1:
            raise ConfigError(
                f"validation_fraction: must be between 0 and 1, got {self.validation_fraction:g}"
            )
        self._training().validated()

    def _layers(self) -> tuple[int, ...]:
        """Nodes or channels of the layers of the encoder."""
        return self.hidden

    def _fit_networks(
        self, network: Any, objective: Any, z: FloatArray, w: FloatArray
    ) -> list[NDArray[np.float32]]:
        """Train; the parameters (M, ...) of each network's best epoch."""
        import torch

        from novum.training import split_rows, train

        require_events(len(z), self.latent + 1, f"a latent space of {self.latent}")
        same = np.zeros(len(z), np.int8)
        rows = [split_rows(same, self.validation_fraction, seed) for seed in self._seeds()]
        table = torch.from_numpy(np.column_stack([cut(z, self.farthest_), w.astype(np.float32)]))
        trained = train(network, table, rows, self._training(), objective=objective)
        self.validation_loss_, self.epochs_ = trained.loss[:, 0], trained.epochs
        return [p[:, 0] for p in trained.parameters]

    def _seeds(self) -> list[int]:
        state = np.random.SeedSequence(self.random_state).generate_state(self.members)
        return [int(seed) for seed in state]

    def _training(self) -> TrainingConfig:
        return TrainingConfig(
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            best_epochs=1,
            patience=self.patience,
        )


class NetworkReconstructor(Reconstructor, NetworkDetector):
    """Base of autoencoders that are networks.

    Far inputs are cut off before the encoder but not in the residual, so that no event is too far
    away to be found.

    Parameters
    ----------
    latent, score_by, **training
        As the members say.
    """

    def __init__(self, latent: int, *, score_by: Any, **training: Any) -> None:
        super().__init__(latent, **training)
        self.score_by = score_by


def cut(z: FloatArray, farthest: float) -> NDArray[np.float32]:
    """Events as a network reads them."""
    return z.clip(-farthest, farthest).astype(np.float32)
