"""`minimise`: the training of one network of any kind, with the gradients of autograd."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Adam
from torch.optim.lr_scheduler import OneCycleLR

from novum.errors import ConfigError, FitError
from novum.progress import NoProgress, Progress
from novum.training.config import TrainingConfig
from novum.training.rows import Rows
from novum.training.snapshots import Snapshots, Trained
from novum.training.threads import one_thread

Network = TypeVar("Network", bound=nn.Module)
RowLoss = Callable[[Tensor, torch.Generator], Tensor]  # rows (B, C - 1) to losses (B,)

VALIDATION_BLOCK = 8192  # rows


def seeded_network(make: Callable[[], Network], seed: int) -> Network:
    """The network that `make` returns, with initial weights that follow from the seed alone.

    Torch's own generator is left as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return make()


def minimise(
    network: nn.Module,
    table: Tensor,
    rows: Rows,
    config: TrainingConfig,
    loss: RowLoss,
    *,
    one_cycle: bool = True,
    progress: Progress | None = None,
) -> Trained:
    """Minimise the weighted mean of a loss of single rows, with Adam, on one thread.

    Parameters
    ----------
    network : Module
        Trained in place; it ends with the weights of its last epoch, on the device.
    table : float32 tensor (n, C)
        Rows, with their weights (not negative) in the last column; CUDA is used where present.
    rows : Rows
    config : TrainingConfig
        Without a `batch_schedule`.
    loss : function
        Of rows without their weights, and a generator on their device for what it draws at
        random. Each validation draws the same.
    one_cycle : bool
        Raise the learning rate to that of `config` over 3/10 of the training and let it fall to
        nothing (arXiv:1708.07120); else it stays.
    progress : Progress or None
        Counts epochs.

    Returns
    -------
    Trained
        Of M = 1 model.

    Raises
    ------
    ConfigError
        For a setting that makes no sense.
    FitError
        If the validation loss was never finite.
    """
    if config.validated().batch_schedule:
        raise ConfigError("batch_schedule: is for ensembles; a single network has one batch size")
    descent = _Descent(network, table, rows, config, loss, one_cycle)
    with one_thread():
        for _ in (progress or NoProgress()).track(descent.epochs(), "training", config.epochs):
            pass
    if not np.isfinite(descent.best.loss.min()):
        raise FitError(
            "a network diverged: its validation loss was never finite; lower learning_rate"
        )
    return descent.best.trained()


class _Descent:
    def __init__(
        self,
        network: nn.Module,
        table: Tensor,
        rows: Rows,
        config: TrainingConfig,
        loss: RowLoss,
        one_cycle: bool,
    ) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network = network.to(self.device)
        self.table = table.to(self.device)
        self.rows, self.config, self.loss = rows, config, loss
        self.parameters = list(network.parameters())
        self.adam = Adam(self.parameters, lr=config.learning_rate, fused=True)
        self.size = min(config.batch_size, len(rows.training))
        self.steps = len(rows.training) // self.size
        self.schedule = (
            OneCycleLR(self.adam, config.learning_rate, total_steps=config.epochs * self.steps)
            if one_cycle
            else None
        )
        self.best = Snapshots([p.shape for p in self.parameters], 1, config.best_epochs)
        self.validation = self._on_device(rows.validation)

    def epochs(self) -> Iterator[int]:
        """Train; yield after every epoch."""
        generator = torch.Generator(self.device).manual_seed(self.rows.seed)
        for epoch in range(self.config.epochs):
            order = self._on_device(self.rows.order(epoch)[: self.steps * self.size])
            for batch in order.view(self.steps, self.size):
                self._step(batch, generator)
            self.best.offer(0, self.parameters, self._validation_loss())
            yield epoch
            if self.best.is_done(0, self.config.epochs, self.config.patience):
                return

    def _step(self, batch: Tensor, generator: torch.Generator) -> None:
        rows = self.table[batch]
        self.adam.zero_grad()
        (self.loss(rows[:, :-1], generator) * rows[:, -1]).mean().backward()  # type: ignore[no-untyped-call]
        if self.config.max_grad_norm is not None:
            nn.utils.clip_grad_norm_(self.parameters, self.config.max_grad_norm)
        self.adam.step()
        if self.schedule is not None:
            self.schedule.step()

    @torch.no_grad()
    def _validation_loss(self) -> float:
        generator = torch.Generator(self.device).manual_seed(self.rows.seed)
        total = torch.zeros(2, dtype=torch.float64, device=self.device)
        for batch in torch.split(self.validation, VALIDATION_BLOCK):
            rows = self.table[batch]
            weight = rows[:, -1].double()
            losses = self.loss(rows[:, :-1], generator).double()
            total += torch.stack([(losses * weight).sum(), weight.sum()])
        return float(total[0] / total[1])

    def _on_device(self, numbers: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> Tensor:
        return torch.from_numpy(numbers).to(self.device)
