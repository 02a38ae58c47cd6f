"""Training of energy-based models: low energy for data, high energy for what chains find."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Protocol, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Adam

from novum.nn import squared_wasserstein
from novum.progress import NoProgress, Progress
from novum.training.config import TrainingConfig
from novum.training.langevin import NegativeSampler, Sampling
from novum.training.rows import Rows
from novum.training.threads import one_thread

FloatArray = NDArray[np.float64]

_RUNAWAY = 20.0  # times an energy of `_scale_of_energies`: beyond, it has diverged
_MEASURED = 500  # validation events of which a distance is taken
_ROUND = 100  # most steps between two looks at energies and distance


class EnergyLoss(Protocol):
    """What an energy is trained by."""

    @property
    def transports(self) -> bool:
        """Whether gradients go through the chains."""
        ...

    def __call__(
        self, x: Tensor, w: Tensor, negative: Tensor, below: Tensor, above: Tensor
    ) -> Tensor:
        """Loss of rows (B, d) with weights (B,), negative samples (B, d), and their energies."""
        ...


@final
@dataclass(frozen=True)
class Contrast:
    """⟨E(data)⟩ - ⟨E(negative samples)⟩, whose gradient is that of the negative log-likelihood.

    Attributes
    ----------
    penalty : float
        Times the mean squared energy of negative samples: keeps them from running away.
    """

    penalty: float = 0.0
    transports = False

    def __call__(
        self, x: Tensor, w: Tensor, negative: Tensor, below: Tensor, above: Tensor
    ) -> Tensor:
        """See `EnergyLoss`."""
        return (w * below).mean() - above.mean() + self.penalty * above.square().mean()


@final
@dataclass(frozen=True)
class Transport:
    """Squared 2-Wasserstein distance between data and negative samples (arXiv:2510.02168)."""

    transports = True

    def __call__(
        self, x: Tensor, w: Tensor, negative: Tensor, below: Tensor, above: Tensor
    ) -> Tensor:
        """See `EnergyLoss`."""
        return squared_wasserstein(x, negative)


@dataclass(frozen=True, eq=False)
class Normalised:
    """What `normalise` did.

    Attributes
    ----------
    positive, negative : float64 arrays (rounds,)
        Mean energy of data and of negative samples in each round: an epoch, or a part of one of
        at most 100 steps.
    distance : float64 array (1 + rounds,)
        Squared Wasserstein distance between validation events and samples, before the first and
        after each round; empty where it was not asked for.
    diverged : bool
        Whether it was stopped since the energies ran away; the network is that of the last round
        before, or of the one with the least distance.
    """

    positive: FloatArray
    negative: FloatArray
    distance: FloatArray
    diverged: bool


def normalise(
    model: nn.Module,
    latent: int,
    table: Tensor,
    rows: Rows,
    config: TrainingConfig,
    sampling: Sampling,
    *,
    loss: EnergyLoss | None = None,
    nearest: bool = False,
    progress: Progress | None = None,
) -> Normalised:
    """Train a pre-trained autoencoder as an energy-based model, on one thread (arXiv:2105.05735).

    The model is p(x) = exp(-E(x)) / Z. Energies that run away end the training with the network
    of the round before.

    Parameters
    ----------
    model : Module
        An `EnergyModel`, trained in place.
    latent : int
        Its latent variables.
    table : float32 tensor (n, d + 1)
        Rows, their weights last; CUDA is used where present.
    rows : Rows
    config : TrainingConfig
        Patience ends the training with `nearest` only.
    sampling : Sampling
    loss : EnergyLoss or None
        `Contrast`, or `Transport`; None: the former.
    nearest : bool
        Whether the network is kept whose samples were nearest to validation events.
    progress : Progress or None
        Counts epochs.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model, table = model.to(device), table.to(device)
    generator = torch.Generator(device).manual_seed(rows.seed)
    sampler = NegativeSampler(model, latent, sampling, generator)  # type: ignore[arg-type]
    adam = Adam(model.parameters(), lr=config.learning_rate, fused=True)
    size = min(config.batch_size, len(rows.training))
    loss = loss or Contrast()
    record = _Record(model)
    with one_thread():
        limit = _RUNAWAY * _scale_of_energies(model, sampler, table, rows, size)
        if nearest:
            record.measure(_distance(sampler, table, rows))
        for epoch in (progress or NoProgress()).track(range(config.epochs), "normalising"):
            order = rows.order(epoch)
            batches = torch.from_numpy(order[: len(order) // size * size]).to(device)
            for part in torch.split(batches.view(-1, size), _ROUND):
                found = _round(model, sampler, adam, table, part, config, loss)
                if not all(energy < limit for energy in found):  # NaN is not, either
                    return record.done(diverged=True)
                record.energies.append(found)
                if nearest:
                    record.measure(_distance(sampler, table, rows))
                else:
                    record.keep()
            if record.ended_epoch(config.patience):
                break
    return record.done(diverged=False)


class _Record:
    """What happened, and the state of the network to go back to."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.energies: list[tuple[float, float]] = []
        self.distances: list[float] = []
        self.epochs_since = 0  # the least distance
        self.keep()

    def keep(self) -> None:
        self.good = copy.deepcopy(self.model.state_dict())

    def measure(self, distance: float) -> None:
        """Keep the network if it is nearer to the data than all before."""
        if distance < min(self.distances, default=np.inf):
            self.keep()
            self.epochs_since = -1  # the epoch that goes on is not one
        self.distances.append(distance)

    def ended_epoch(self, patience: int | None) -> bool:
        """Whether so many epochs have passed without a lower distance."""
        self.epochs_since += 1
        return bool(self.distances) and patience is not None and self.epochs_since >= patience

    def done(self, diverged: bool) -> Normalised:
        self.model.load_state_dict(self.good)
        below, above = np.array(self.energies, np.float64).reshape(-1, 2).T
        return Normalised(below, above, np.array(self.distances), diverged)


def _round(
    model: nn.Module,
    sampler: NegativeSampler,
    adam: Adam,
    table: Tensor,
    batches: Tensor,
    config: TrainingConfig,
    loss: EnergyLoss,
) -> tuple[float, float]:
    """Mean energies of data and of negative samples."""
    total = torch.zeros(2, device=table.device)
    energy = sampler.model.energy
    for batch in batches:
        if loss.transports:
            batch = _by_weight(table, batch, sampler.generator)
        x, w = table[batch, :-1], table[batch, -1]
        negative = sampler.draw(len(batch), through=loss.transports)
        adam.zero_grad()
        with torch.set_grad_enabled(not loss.transports):
            energies = energy(torch.cat([negative, x]))
        above, below = energies[: len(x)], energies[len(x) :]
        loss(x, w, negative, below, above).backward()  # type: ignore[no-untyped-call]
        if config.max_grad_norm is not None:
            nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
        adam.step()
        total += torch.stack([below.detach().mean(), above.detach().mean()])
    below_mean, above_mean = (total / len(batches)).tolist()
    return below_mean, above_mean


@torch.no_grad()
def _scale_of_energies(
    model: nn.Module, sampler: NegativeSampler, table: Tensor, rows: Rows, size: int
) -> float:
    """Largest of the mean energies before the training, and that of an autoencoder that answers 0.

    A good autoencoder starts with energies far below those at which data and samples balance.
    """
    some = torch.from_numpy(rows.order(0)[:size]).to(table.device)
    energy = sampler.model.energy
    x = table[some, :-1]
    below, above = energy(x).mean(), energy(sampler.draw(size)).mean()
    return float(torch.stack([below, above, x.square().mean()]).max())


@torch.no_grad()
def _distance(sampler: NegativeSampler, table: Tensor, rows: Rows) -> float:
    """Squared Wasserstein distance between validation events and samples."""
    some = torch.from_numpy(rows.validation[:_MEASURED]).to(table.device)
    some = _by_weight(table, some, sampler.generator)
    return float(squared_wasserstein(table[some, :-1], sampler.draw(len(some), keep=False)))


def _by_weight(table: Tensor, rows: Tensor, generator: torch.Generator) -> Tensor:
    """Rows that count alike: themselves, or as many drawn by their weights if these differ."""
    w = table[rows, -1]
    if bool((w == w[0]).all()):
        return rows
    return rows[torch.multinomial(w, len(w), replacement=True, generator=generator)]
