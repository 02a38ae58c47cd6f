"""`TrainingConfig`: how networks are trained, whatever they are trained on."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from novum.errors import ConfigError


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of the training loop.

    Attributes
    ----------
    epochs : int
        Most passes over the training rows.
    batch_size : int
        Rows a step. What does not fill a last batch waits for another epoch.
    learning_rate : float
        Of Adam.
    best_epochs : int
        Weights of that many epochs are kept: those with the least validation loss.
    patience : int or None
        Epochs without a new least validation loss after which a model stops; None: never.
    max_grad_norm : float or None
        Longest gradient of a model; longer ones are scaled down.
    batch_schedule : tuple of (step, batch size)
        Changes of the batch size on the way: larger batches instead of smaller steps
        (arXiv:1711.00489). Steps count from 0, for all models alike; a change ends the epoch.
    """

    epochs: int = 100
    batch_size: int = 128
    learning_rate: float = 1e-3
    best_epochs: int = 10
    patience: int | None = None
    max_grad_norm: float | None = None
    batch_schedule: tuple[tuple[int, int], ...] = ()

    def validated(self) -> TrainingConfig:
        """Return self after checking every value.

        Raises
        ------
        ConfigError
            Names the key and the value.
        """
        for key in ("epochs", "batch_size", "best_epochs", "patience"):
            value = getattr(self, key)
            if value is not None and not value >= 1:
                raise ConfigError(f"{key}: must be at least 1, got {value}")
        for key in ("learning_rate", "max_grad_norm"):
            value = getattr(self, key)
            if value is not None and not 0 < value < math.inf:
                raise ConfigError(f"{key}: must be positive, got {value:g}")
        steps = [0, *(step for step, _ in self.batch_schedule)]
        rising = all(a < b for a, b in itertools.pairwise(steps))
        if not rising or any(size < 1 for _, size in self.batch_schedule):
            raise ConfigError(
                "batch_schedule: give rising steps from 1 on with batch sizes from 1 on, got "
                f"{self.batch_schedule}"
            )
        return self

    def phases(self) -> list[tuple[int, float]]:
        """Batch size of each phase, and the step at which it ends."""
        sizes = [self.batch_size, *(size for _, size in self.batch_schedule)]
        ends = [*(float(step) for step, _ in self.batch_schedule), math.inf]
        return list(zip(sizes, ends, strict=True))
