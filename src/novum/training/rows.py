"""Which rows of the table a model trains on, and the batches that its epochs are cut into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of one model.

    Attributes
    ----------
    training, validation : int arrays
        Numbers of rows in the table; neither is empty.
    seed : int
        Orders the training rows, anew in every epoch.
    """

    training: IntArray
    validation: IntArray
    seed: int

    def order(self, epoch: int) -> IntArray:
        """Training rows in the order of one epoch; it follows from seed and epoch alone."""
        return np.random.default_rng([self.seed, epoch]).permutation(self.training)


def split_rows(y: NDArray[np.int8], fraction: float, seed: int, first: int = 0) -> Rows:
    """Set part of the rows of each class aside for validation, at random.

    Parameters
    ----------
    y : array (n,)
        Classes.
    fraction : float
        Share of each class that is set aside, rounded; a class keeps at least one row for the
        training. Where no row is set aside, validation is on the training rows.
    seed : int
    first : int
        Number of the first row in the table.
    """
    rng = np.random.default_rng([seed, 0xF01D])
    parts: list[list[IntArray]] = [[], []]
    for label in np.unique(y):
        rows = rng.permutation(np.flatnonzero(y == label))
        aside = min(round(fraction * len(rows)), len(rows) - 1)
        parts[0].append(rows[aside:])
        parts[1].append(rows[:aside])
    training, validation = (np.sort(np.concatenate(p)) + first for p in parts)
    return Rows(training, validation if len(validation) else training, seed)


class Batches:
    """Row numbers of the coming steps of all models, with a clock for each.

    A ring of steps: a model that begins an epoch writes its batches into the slots ahead, which
    it has used up, and reads them as the common step number passes. So models of different size
    run side by side, each in step with itself.

    Parameters
    ----------
    rows : sequence of Rows
    batch_size : int
    blank : int
        A row of weight 0, to fill the batch of a model that has fewer rows than a batch.
    device : torch.device
    """

    def __init__(
        self, rows: Sequence[Rows], batch_size: int, blank: int, device: torch.device
    ) -> None:
        self.rows = list(rows)
        self.batch_size = batch_size
        self._blank = blank
        slots = max(self.steps(i) for i in range(len(rows)))
        shape = (slots, len(rows), batch_size)
        self._ring = torch.full(shape, blank, dtype=torch.int32, device=device)

    def steps(self, model: int) -> int:
        """Steps in an epoch of a model."""
        return max(len(self.rows[model].training) // self.batch_size, 1)

    def begin_epoch(self, model: int, epoch: int, step: int) -> None:
        """Write the batches of one epoch of a model, from `step` on."""
        n = self.steps(model)
        order = self.rows[model].order(epoch)[: n * self.batch_size]
        padded = np.full(n * self.batch_size, self._blank, dtype=np.int32)
        padded[: len(order)] = order
        slots = (step + torch.arange(n)) % len(self._ring)
        batches = torch.from_numpy(padded.reshape(n, self.batch_size))
        self._ring[slots.to(self._ring.device), model] = batches.to(self._ring.device)

    def at(self, step: int) -> Tensor:
        """Rows of a step, shape (M · batch_size,)."""
        return self._ring[step % len(self._ring)].view(-1)

    def keep(self, models: list[int]) -> None:
        """Drop all models but these."""
        self.rows = [self.rows[i] for i in models]
        self._ring = self._ring[:, models].contiguous()

    def rows_in_batch(self, device: torch.device) -> Tensor:
        """True rows in each model's batches, shape (M, 1)."""
        counts = [min(len(r.training), self.batch_size) for r in self.rows]
        return torch.tensor(counts, dtype=torch.float32, device=device)[:, None]
