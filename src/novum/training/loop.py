"""`train`: the loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from novum.errors import FitError
from novum.nn import BinaryCrossEntropy, EnsembleMLP, Objective
from novum.progress import NoProgress, Progress
from novum.training.checkpoint import load_state, save_state
from novum.training.config import TrainingConfig
from novum.training.flat import FlatAdam
from novum.training.rows import Batches, IntArray, Rows
from novum.training.snapshots import Snapshots, Trained
from novum.training.threads import one_thread

FloatArray = NDArray[np.float64]

VALIDATION_BLOCK = 1024  # rows; fixed, so that a sum does not depend on the models beside it


def train(
    network: EnsembleMLP,
    table: Tensor,
    rows: Sequence[Rows],
    config: TrainingConfig,
    *,
    objective: Objective | None = None,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
) -> Trained:
    """Train the M models of `network`, each on its own rows, in one program.

    A model's result follows from its own rows, seed and initial weights. On CPU one thread is
    used: products of this size gain nothing from more, and sums over threads depend on their
    number in the last bits.

    Parameters
    ----------
    network : EnsembleMLP
        Left as it was.
    table : float32 tensor (n, C)
        Events in the columns of the objective, the weight (not negative) last; CUDA is used where
        it is present.
    rows : sequence of M Rows
    config : TrainingConfig
    objective : Objective or None
        Cross-entropy of two classes where None.
    progress : Progress or None
        Counts the epochs of the slowest model.
    checkpoint : path or None
        File that keeps the state after each of these epochs; training goes on from it if it
        exists, and it is removed at the end.

    Raises
    ------
    ConfigError
        For a setting that makes no sense.
    FitError
        If a model never had a finite validation loss.
    FileFormatError
        If the checkpoint is damaged or belongs to another training.
    """
    loop = _Loop(network, table, rows, config.validated(), objective or BinaryCrossEntropy())
    if checkpoint is not None and checkpoint.exists():
        load_state(loop, checkpoint)
    total = config.epochs - int(loop.best.epochs.min())
    with one_thread():
        for _ in (progress or NoProgress()).track(loop.epochs(), "training", total):
            if checkpoint is not None:
                save_state(loop, checkpoint)
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    if not np.isfinite(loop.best.loss.min(axis=1)).all():
        raise FitError(
            "a network diverged: its validation loss was never finite; lower learning_rate, or set "
            "max_grad_norm"
        )
    return loop.best.trained()


class _Loop:
    """State of a training: models on the axis are `alive`, their numbers among all M."""

    def __init__(
        self,
        network: EnsembleMLP,
        table: Tensor,
        rows: Sequence[Rows],
        config: TrainingConfig,
        objective: Objective,
    ) -> None:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.config, self.rows = config, list(rows)
        self.objective = objective
        self.table = torch.cat([table, table.new_zeros(1, table.shape[1])]).to(device)
        self.blank = len(table)
        self.alive = list(range(network.n_models))
        self.network = network.to(device).take(self.alive)
        self.adam = FlatAdam(self.network, config.learning_rate)
        shapes = [p.shape[1:] for p in self.network.parameters()]
        self.best = Snapshots(shapes, network.n_models, config.best_epochs)
        self.started = np.zeros(network.n_models, dtype=np.int64)  # step of the running epoch
        self.step = 0

    def epochs(self) -> Iterator[int]:
        """Train; yield whenever the model with the fewest epochs has done another."""
        for size, end in self.config.phases():
            if self.alive and self.step < end:
                yield from self._phase(size, end)

    def _phase(self, size: int, end: float) -> Iterator[int]:
        """Steps with one batch size, up to step `end`."""
        batches = Batches([self.rows[i] for i in self.alive], size, self.blank, self.table.device)
        for position, model in enumerate(self.alive):
            resumed = int(self.started[model])
            batches.begin_epoch(position, int(self.best.epochs[model]), resumed)
        ends = self._ends(batches, end)
        self._open_buffers(batches)
        while self.alive and self.step < end:
            self._step(batches)
            self.step += 1
            if self.step < ends.min():
                continue
            before = int(self.best.epochs.min())
            self._end_epochs(batches, np.flatnonzero(ends == self.step))
            ends = self._ends(batches, end)
            if not self.alive or int(self.best.epochs.min()) > before:
                yield self.step

    def _ends(self, batches: Batches, end: float) -> FloatArray:
        """Step at which the running epoch of each model on the axis ends."""
        own = [self.started[m] + batches.steps(i) for i, m in enumerate(self.alive)]
        return np.minimum(np.array(own, dtype=np.float64), end)

    def _open_buffers(self, batches: Batches) -> None:
        n, width = len(self.alive), self.table.shape[1]
        self._drawn = self.table.new_empty(n * batches.batch_size, width)
        self._batch = self._drawn.view(n, batches.batch_size, width)
        self._share = 1 / batches.rows_in_batch(self.table.device)

    def _step(self, batches: Batches) -> None:
        torch.index_select(self.table, 0, batches.at(self.step), out=self._drawn)
        x, target, weight = self.objective.split(self._batch)
        self.network.loss_gradient(x, target, weight.mul_(self._share), self.objective)
        if self.config.max_grad_norm is not None:
            self.adam.clip(self.config.max_grad_norm)
        self.adam.step()

    def _end_epochs(self, batches: Batches, due: IntArray) -> None:
        """Validate the models in these places; they begin another epoch or leave the axis."""
        whole = len(due) == len(self.alive)
        part = self.network if whole else self.network.take(due.tolist())
        objective = self.objective if whole else self.objective.take(due.tolist())
        losses = self._validation_loss(part, objective, [batches.rows[i] for i in due])
        parameters = list(part.parameters())
        done = []
        for k, position in enumerate(due.tolist()):
            model = self.alive[position]
            self.best.offer(model, [p[k] for p in parameters], float(losses[k]))
            if self.best.is_done(model, self.config.epochs, self.config.patience):
                done.append(position)
            else:
                self.started[model] = self.step
                batches.begin_epoch(position, int(self.best.epochs[model]), self.step)
        if done:
            self._drop(batches, done)

    @torch.no_grad()
    def _validation_loss(self, part: EnsembleMLP, objective: Objective, rows: list[Rows]) -> Tensor:
        """Mean loss over the validation rows, shape (M,)."""
        most = max(len(r.validation) for r in rows)
        padded = np.full((len(rows), -(-most // VALIDATION_BLOCK) * VALIDATION_BLOCK), self.blank)
        for k, r in enumerate(rows):
            padded[k, : len(r.validation)] = r.validation
        total = torch.zeros(2, len(rows), dtype=torch.float64, device=self.table.device)
        for at in range(0, padded.shape[1], VALIDATION_BLOCK):
            chosen = torch.from_numpy(padded[:, at : at + VALIDATION_BLOCK])
            block = self.table[chosen.to(self.table.device)]
            x, target, weight = objective.split(block)
            losses = objective.loss(part(x), target, weight)
            total += torch.stack([losses, weight.sum(dim=1)])
        return (total[0] / total[1]).cpu()

    def _drop(self, batches: Batches, done: list[int]) -> None:
        """Take models off the axis; the others go on as they are."""
        kept = [i for i in range(len(self.alive)) if i not in done]
        self.alive = [self.alive[i] for i in kept]
        if not kept:
            return
        self.restore(kept, *([t[kept] for t in group] for group in self.adam.moments()))
        batches.keep(kept)
        self._open_buffers(batches)

    def restore(self, places: list[int], first: list[Tensor], second: list[Tensor]) -> None:
        """Leave the models in these places on the axis, with these moments of Adam."""
        self.network = self.network.take(places)
        self.objective = self.objective.take(places)
        self.adam = FlatAdam(self.network, self.config.learning_rate)
        self.adam.resume(self.step, first, second)
