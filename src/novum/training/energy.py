"""Training of energy-based models: low energy for data, high energy for what chains find."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, final

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Adam

from novum.errors import ConfigError
from novum.nn.frozen import FrozenAutoencoder
from novum.progress import NoProgress, Progress
from novum.training.config import TrainingConfig
from novum.training.rows import Rows
from novum.training.threads import one_thread


class EnergyModel(Protocol):
    """An autoencoder whose squared residual is the energy."""

    def decode(self, latent: Tensor) -> Tensor:
        """Rows (B, d) of latent variables (B, L)."""
        ...

    def project(self, latent: Tensor) -> Tensor:
        """Latent variables where the space allows them."""
        ...

    def energy(self, x: Tensor) -> Tensor:
        """Energy of rows (B, d), shape (B,)."""
        ...


@dataclass(frozen=True)
class Chain:
    """A Langevin chain: steps against the gradient of the energy, and noise.

    Attributes
    ----------
    steps : int
    step_size : float
        λ of x ← x - λ ∇E + σ ε.
    noise : float
        σ; with `annealed` it falls as 1/t.
    annealed : bool
    clip : float or None
        Largest component of a gradient.
    metropolis : bool
        Whether moves are accepted as detailed balance asks for, at the temperature σ²/2λ of the
        chain.
    """

    steps: int
    step_size: float
    noise: float
    annealed: bool = False
    clip: float | None = 1e-2
    metropolis: bool = False


@dataclass(frozen=True)
class Sampling:
    """How negative samples are found (arXiv:2105.05735, sec. 4).

    A chain in the latent space, on the energy of decoded points, finds the manifold; one in the
    space of the data goes on from there. Latent chains start from a buffer of where earlier ones
    ended.

    Attributes
    ----------
    latent, data : Chain
    buffer : int
        Points that are kept.
    replay : float
        Share of the chains that start from the buffer; the others start anew.
    low : float or None
        Least value of a feature, 0 for images.
    """

    latent: Chain
    data: Chain
    buffer: int = 10_000
    replay: float = 0.95
    low: float | None = None

    def validated(self) -> Sampling:
        """Itself, if its numbers make sense.

        Raises
        ------
        ConfigError
            Names the key and the value.
        """
        for name, chain in (("latent", self.latent), ("data", self.data)):
            if chain.steps < 0 or not chain.step_size > 0 or not chain.noise >= 0:
                raise ConfigError(
                    f"{name} chain: needs steps of at least 0, a positive step size and noise of "
                    f"at least 0, got {chain.steps}, {chain.step_size:g} and {chain.noise:g}"
                )
        if self.buffer < 1 or not 0 <= self.replay <= 1:
            raise ConfigError(
                f"buffer must be at least 1 and replay between 0 and 1, got {self.buffer} and "
                f"{self.replay:g}"
            )
        return self


@dataclass(frozen=True, eq=False)
class Normalised:
    """What `normalise` did.

    Attributes
    ----------
    positive, negative : float64 arrays (epochs,)
        Mean energy of data and of negative samples in each epoch.
    diverged : bool
        Whether it was stopped since the energies ran away; the network is that of the last epoch
        before.
    """

    positive: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    negative: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    diverged: bool


@final
class NegativeSampler:
    """Chains with a buffer that stays on the device.

    Parameters
    ----------
    model : EnergyModel
    latent : int
        L.
    sampling : Sampling
    generator : torch Generator
        On the device of the model.
    """

    def __init__(
        self, model: EnergyModel, latent: int, sampling: Sampling, generator: torch.Generator
    ) -> None:
        self.model, self.sampling, self.generator = model, sampling.validated(), generator
        self.latent = latent
        self.held = torch.empty(0, latent, device=generator.device)
        self.at = 0

    def draw(self, n: int) -> Tensor:
        """Negative samples (n, d), without gradient."""
        start = self._start(n)
        in_latent, in_data = self._slopes()
        end = self._run(self.sampling.latent, start, in_latent, self.model.project)
        self._keep(end)
        with torch.no_grad():
            rows = self._bounded(self.model.decode(end))
        return self._run(self.sampling.data, rows, in_data, self._bounded)

    def _slopes(self) -> tuple[_Slope, _Slope]:
        """Energies with their gradients, in the latent space and in that of the data."""
        frozen, low = FrozenAutoencoder.of(self.model), self.sampling.low
        if frozen is not None:
            return lambda latent: frozen.latent_energy(latent, low), frozen.energy
        return _by_autograd(self._latent_energy), _by_autograd(self.model.energy)

    def _latent_energy(self, latent: Tensor) -> Tensor:
        return self.model.energy(self._bounded(self.model.decode(latent)))

    def _bounded(self, x: Tensor) -> Tensor:
        return x if self.sampling.low is None else x.clamp_min(self.sampling.low)

    def _start(self, n: int) -> Tensor:
        device = self.generator.device
        new = self.model.project(
            torch.randn(n, self.latent, generator=self.generator, device=device)
        ).detach()
        if not len(self.held):
            return new
        again = torch.rand(n, generator=self.generator, device=device) < self.sampling.replay
        rows = torch.randint(len(self.held), (n,), generator=self.generator, device=device)
        return torch.where(again[:, None], self.held[rows], new)

    def _keep(self, end: Tensor) -> None:
        """Fill the buffer, then write over what is oldest."""
        room = self.sampling.buffer - len(self.held)
        if room > 0:
            self.held = torch.cat([self.held, end[:room]])
            end = end[room:]
        places = (self.at + torch.arange(len(end), device=end.device)) % self.sampling.buffer
        self.held[places] = end
        self.at = (self.at + len(end)) % self.sampling.buffer

    def _run(self, chain: Chain, x: Tensor, slope: _Slope, project: _Project) -> Tensor:
        return _chain(chain, x, slope, project, self.generator)


def langevin(
    chain: Chain,
    x: Tensor,
    energy: _Energy,
    project: _Project,
    generator: torch.Generator,
) -> Tensor:
    """Run chains from x (B, k), all at once.

    Parameters
    ----------
    chain : Chain
    x : tensor (B, k)
    energy : function
        Of tensors (B, k), to (B,).
    project : function
        Back to where the space allows points.
    generator : torch Generator

    Returns
    -------
    tensor (B, k)
        Where they end, without gradient.
    """
    return _chain(chain, x, _by_autograd(energy), project, generator)


def _chain(
    chain: Chain, x: Tensor, slope: _Slope, project: _Project, generator: torch.Generator
) -> Tensor:
    if not chain.steps:
        return x
    e, gradient = _clipped(slope, x, chain.clip)
    for t in range(chain.steps):
        sigma = chain.noise / (1 + t) if chain.annealed else chain.noise
        moved = torch.randn(x.shape, generator=generator, device=x.device).mul_(sigma).add_(x)
        new = project(moved.add_(gradient, alpha=-chain.step_size)).detach()
        judged = chain.metropolis and sigma > 0
        if t == chain.steps - 1 and not judged:
            return new  # of where a chain ends, nobody asks for the slope
        new_e, new_gradient = _clipped(slope, new, chain.clip)
        if judged:
            # The temperature at which steps of this size and noise sample exp(-E/T).
            temperature = sigma**2 / (2 * chain.step_size)
            back = (x - new + chain.step_size * new_gradient).square().sum(dim=1)
            forth = (new - x + chain.step_size * gradient).square().sum(dim=1)
            log_ratio = (e - new_e) / temperature - (back - forth) / (2 * sigma**2)
            drawn = torch.rand(len(x), generator=generator, device=x.device)
            stays = drawn.log() > log_ratio
            new = torch.where(stays[:, None], x, new)
            new_gradient = torch.where(stays[:, None], gradient, new_gradient)
            new_e = torch.where(stays, e, new_e)
        x, e, gradient = new, new_e, new_gradient
    return x


def _clipped(slope: _Slope, x: Tensor, clip: float | None) -> tuple[Tensor, Tensor]:
    e, gradient = slope(x)
    return e, gradient if clip is None else gradient.clamp_(-clip, clip)


def _by_autograd(energy: _Energy) -> _Slope:
    """Energies with their gradients, of any energy that torch can differentiate."""

    def slope(x: Tensor) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            e = energy(x)
            (gradient,) = torch.autograd.grad(e.sum(), x)
        return e.detach(), gradient

    return slope


_Slope = Callable[[Tensor], tuple[Tensor, Tensor]]


class _Energy(Protocol):
    def __call__(self, x: Tensor, /) -> Tensor: ...


class _Project(Protocol):
    def __call__(self, x: Tensor, /) -> Tensor: ...


_RUNAWAY = 20.0  # times the larger of the energies before the first step: beyond, it has diverged


def normalise(
    model: nn.Module,
    latent: int,
    table: Tensor,
    rows: Rows,
    config: TrainingConfig,
    sampling: Sampling,
    *,
    penalty: float = 0.0,
    progress: Progress | None = None,
) -> Normalised:
    """Train a pre-trained autoencoder as an energy-based model, on one thread (arXiv:2105.05735).

    The gradient is that of ⟨E(data)⟩ - ⟨E(negative samples)⟩, the negative log-likelihood of
    p(x) = exp(-E(x)) / Z. Energies that run away end the training with the network of the epoch
    before.

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
        All epochs are run; there is no validation that would tell the best.
    sampling : Sampling
    penalty : float
        Times the mean squared energy of negative samples: keeps them from running away.
    progress : Progress or None
        Counts epochs.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model, table = model.to(device), table.to(device)
    generator = torch.Generator(device).manual_seed(rows.seed)
    sampler = NegativeSampler(model, latent, sampling, generator)  # type: ignore[arg-type]
    adam = Adam(model.parameters(), lr=config.learning_rate, fused=True)
    size = min(config.batch_size, len(rows.training))
    energies: list[tuple[float, float]] = []
    good = copy.deepcopy(model.state_dict())
    with one_thread():
        limit = _RUNAWAY * _first_energy(model, sampler, table, rows, size)
        for epoch in (progress or NoProgress()).track(range(config.epochs), "normalising"):
            order = rows.order(epoch)
            batches = torch.from_numpy(order[: len(order) // size * size]).to(device)
            found = _epoch(model, sampler, adam, table, batches.view(-1, size), config, penalty)
            if not all(energy < limit for energy in found):  # NaN is not, either
                model.load_state_dict(good)
                return _normalised(energies, diverged=True)
            energies.append(found)
            good = copy.deepcopy(model.state_dict())
    return _normalised(energies, diverged=False)


def _epoch(
    model: nn.Module,
    sampler: NegativeSampler,
    adam: Adam,
    table: Tensor,
    batches: Tensor,
    config: TrainingConfig,
    penalty: float,
) -> tuple[float, float]:
    """Mean energies of data and of negative samples."""
    total = torch.zeros(2, device=table.device)
    energy = sampler.model.energy
    for batch in batches:
        x, w = table[batch, :-1], table[batch, -1]
        negative = sampler.draw(len(batch))
        adam.zero_grad()
        energies = energy(torch.cat([negative, x]))
        above, below = energies[: len(x)], energies[len(x) :]
        loss = (w * below).mean() - above.mean() + penalty * above.square().mean()
        loss.backward()  # type: ignore[no-untyped-call]
        if config.max_grad_norm is not None:
            nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
        adam.step()
        total += torch.stack([below.detach().mean(), above.detach().mean()])
    below_mean, above_mean = (total / len(batches)).tolist()
    return below_mean, above_mean


@torch.no_grad()
def _first_energy(
    model: nn.Module, sampler: NegativeSampler, table: Tensor, rows: Rows, size: int
) -> float:
    """Mean energy of data or of negative samples before the training, whichever is larger."""
    some = torch.from_numpy(rows.order(0)[:size]).to(table.device)
    energy = sampler.model.energy
    below, above = energy(table[some, :-1]).mean(), energy(sampler.draw(size)).mean()
    return float(torch.maximum(below, above))


def _normalised(energies: list[tuple[float, float]], diverged: bool) -> Normalised:
    below, above = np.array(energies, np.float64).reshape(-1, 2).T
    return Normalised(below, above, diverged)
