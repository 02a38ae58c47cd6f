"""Langevin chains, and the sampler of an energy-based model that is made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol, final

import torch
from torch import Tensor

from novum.errors import ConfigError
from novum.nn.frozen import FrozenAutoencoder


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

    def draw(self, n: int, *, through: bool = False, keep: bool = True) -> Tensor:
        """Negative samples (n, d).

        Parameters
        ----------
        n : int
        through : bool
            Whether they have a gradient: that through the steps of the chain in the space of the
            data, whose start is fixed.
        keep : bool
            Whether the ends of the latent chains go into the buffer.
        """
        in_latent, in_data = self._slopes(through)
        chain, data, generator = self.sampling.latent, self.sampling.data, self.generator
        end = _run(chain, self._start(n), in_latent, self.model.project, generator)
        if keep:
            self._keep(end)
        with torch.no_grad():
            rows = self._bounded(self.model.decode(end))
        return _run(data, rows, in_data, self._bounded, generator, through)

    def _slopes(self, through: bool) -> tuple[_Slope, _Slope]:
        """Energies with their gradients, in the latent space and in that of the data."""
        frozen, low = FrozenAutoencoder.of(self.model), self.sampling.low
        in_data = _by_autograd(self.model.energy, through)
        if frozen is None:
            return _by_autograd(self._latent_energy), in_data
        in_latent = partial(frozen.latent_energy, low=low)
        return in_latent, in_data if through else frozen.energy

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


def langevin(
    chain: Chain,
    x: Tensor,
    energy: _Energy,
    project: _Project,
    generator: torch.Generator,
    through: bool = False,
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
    through : bool
        Whether the ends have a gradient by the parameters of the energy, through all steps.

    Returns
    -------
    tensor (B, k)
        Where they end.
    """
    return _run(chain, x, _by_autograd(energy, through), project, generator, through)


def _run(
    chain: Chain,
    x: Tensor,
    slope: _Slope,
    project: _Project,
    generator: torch.Generator,
    through: bool = False,
) -> Tensor:
    if not chain.steps:
        return x
    e, gradient = _clipped(slope, x, chain.clip)
    for t in range(chain.steps):
        sigma = chain.noise / (1 + t) if chain.annealed else chain.noise
        moved = torch.randn(x.shape, generator=generator, device=x.device).mul_(sigma).add_(x)
        new = project(moved.add_(gradient, alpha=-chain.step_size))
        new = new if through else new.detach()
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
    return e, gradient if clip is None else gradient.clamp(-clip, clip)


def _by_autograd(energy: _Energy, through: bool = False) -> _Slope:
    """Energies with their gradients, of any energy that torch can differentiate."""

    def slope(x: Tensor) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            at = x if through and x.requires_grad else x.detach().requires_grad_()
            e = energy(at)
            (gradient,) = torch.autograd.grad(e.sum(), at, create_graph=through)
        return e.detach(), gradient

    return slope


_Slope = Callable[[Tensor], tuple[Tensor, Tensor]]


class _Energy(Protocol):
    def __call__(self, x: Tensor, /) -> Tensor: ...


class _Project(Protocol):
    def __call__(self, x: Tensor, /) -> Tensor: ...
