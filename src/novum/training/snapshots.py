"""The weights of each model's best epochs, kept along the model axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Trained:
    """What training leaves: plain arrays.

    Attributes
    ----------
    parameters : list of float32 arrays (M, K, ...)
        Weights of the K best epochs of each model, in the order of the network's parameters.
    loss : float64 array (M, K)
        Mean validation loss of these epochs; infinite where a model ran for fewer than K.
    epochs : int array (M,)
        Epochs that each model ran.
    """

    parameters: list[NDArray[np.float32]]
    loss: NDArray[np.float64]
    epochs: NDArray[np.int64]


class Snapshots:
    """Weights of the `best` epochs with the least validation loss, for every model.

    Parameters
    ----------
    shapes : sequence of shapes
        Of one model's parameters.
    n_models, best : int
    """

    def __init__(self, shapes: Sequence[torch.Size], n_models: int, best: int) -> None:
        self.loss = np.full((n_models, best), np.inf)
        self.epochs = np.zeros(n_models, dtype=np.int64)
        self.last_improved = np.zeros(n_models, dtype=np.int64)
        self.parameters = [torch.zeros(n_models, best, *shape) for shape in shapes]

    def offer(self, model: int, parameters: Sequence[Tensor], loss: float) -> None:
        """Take the weights after another epoch of a model, if they are among its best."""
        self.epochs[model] += 1
        if loss < self.loss[model].min():
            self.last_improved[model] = self.epochs[model]
        worst = int(self.loss[model].argmax())
        if loss < self.loss[model, worst]:
            self.loss[model, worst] = loss
            for kept, new in zip(self.parameters, parameters, strict=True):
                kept[model, worst] = new.detach()

    def is_done(self, model: int, epochs: int, patience: int | None) -> bool:
        """Whether a model has run all epochs, or too long without a better one."""
        ran = int(self.epochs[model])
        return ran >= epochs or (
            patience is not None and ran - int(self.last_improved[model]) >= patience
        )

    def trained(self) -> Trained:
        """As plain arrays."""
        return Trained([p.numpy() for p in self.parameters], self.loss, self.epochs)
