"""Autoencoders of jets as clouds or sequences of particles, and distances between such.

Rows (B, 3P) hold P particles of pT and two coordinates in the plane, in one unit; particles with
pT = 0 are absent. Networks and distances ask for no number of rows, so that they take what stands
in for a tensor in the functions of torch, too.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.overrides import handle_torch_function

from novum.nn.autoencoders import Autoencoder

DIRECTIONS = 8  # of the slices, over half a turn

_LEAST = 1e-12  # a sum of pT that still divides


def cloud_autoencoder(
    particles: int, hidden: Sequence[int], latent: int, distance: str
) -> Autoencoder:
    """Deep set (arXiv:1810.05165) to latent variables, from which all particles follow at once.

    Parameters
    ----------
    particles : int
        P.
    hidden : sequence of int
        Nodes of the network of a single particle; the sum of its outputs over the particles goes
        through one more layer. The decoder mirrors the two.
    latent : int
    distance : str
        Name in `DISTANCES` of what is minimised.
    """
    sizes = (latent, *hidden[::-1], 3 * particles)
    decoder = nn.Sequential(*_dense(sizes), _Positive())
    return Autoencoder(_DeepSet(hidden, latent), decoder, distance=DISTANCES[distance])


def recurrent_autoencoder(particles: int, hidden: Sequence[int], latent: int) -> Autoencoder:
    """Gated recurrent layers from particle to particle, and others back.

    Parameters
    ----------
    particles : int
        P.
    hidden : sequence of int
        Widths of the layers of the encoder; the decoder mirrors them.
    latent : int
    """
    encoder, decoder = _Reader(hidden, latent), _Writer(particles, hidden[::-1], latent)
    return Autoencoder(encoder, decoder, distance=masked_square)


def chamfer(x: Tensor, y: Tensor) -> Tensor:
    """Squared distance of each particle from the nearest of the other jet, (B,); pT weighs.

    In the space of pT and the two coordinates, as the mean over the particles of either jet with
    their shares of its pT, so that soft particles matter less.

    Parameters
    ----------
    x, y : tensors (B, 3P)
        Jets.
    """
    x, y = _particles(x), _particles(y)
    with torch.no_grad():
        # Without the table of differences, which is three times as large; the pairs that are chosen
        # are measured exactly below.
        sizes = x.square().sum(dim=-1)[:, :, None] + y.square().sum(dim=-1)[:, None]
        square = sizes - 2 * (x @ y.transpose(1, 2))
        square.masked_fill_((x[..., 0] <= 0)[:, :, None], math.inf)
        square.masked_fill_((y[..., 0] <= 0)[:, None], math.inf)
        nearest = square.argmin(dim=2), square.argmin(dim=1)
    # The choice of the nearest has no gradient: only the pairs are seen by autograd.
    return _to_chosen(x, y, nearest[0]) + _to_chosen(y, x, nearest[1])


def sliced_transport(x: Tensor, y: Tensor) -> Tensor:
    """Work that carries the pT of one jet to that of the other, shape (B,); total pT one.

    Mean over projections of the plane on fixed directions (arXiv:2102.04014), on each of which it
    is the area between the cumulative distributions of pT: a distance like the energy mover's
    (arXiv:1902.02346), scaled so that a jet that is moved as a whole is as far away as it was
    moved, to 1.5 %. Where a particle is split into two in the same direction nothing changes.

    Parameters
    ----------
    x, y : tensors (B, 3P)
        Jets.
    """
    x, y = _particles(x), _particles(y)
    angle = torch.arange(DIRECTIONS, device=x.device) * (math.pi / DIRECTIONS)
    axes = torch.stack([angle.cos(), angle.sin()]).type_as(x)
    places = torch.cat([x[..., 1:], y[..., 1:]], dim=1) @ axes  # (B, 2P, directions)
    shares = torch.cat([_shares(x), -_shares(y)], dim=1)
    places, order = places.transpose(1, 2).sort(dim=2)
    flow = shares[:, None].expand(-1, DIRECTIONS, -1).gather(2, order).cumsum(dim=2)[..., :-1]
    # On average a projection shortens a way by 2/π.
    return (flow.abs() * places.diff(dim=2)).sum(dim=2).mean(dim=1) * (math.pi / 2)


def masked_square(x: Tensor, y: Tensor) -> Tensor:
    """Mean squared residual of the particles that are present in x, shape (B,)."""
    return _masked_mean(x, (x - y).square())


def masked_absolute(x: Tensor, y: Tensor) -> Tensor:
    """Mean absolute residual of the particles that are present in x, shape (B,)."""
    return _masked_mean(x, (x - y).abs())


DISTANCES = {
    "chamfer": chamfer,
    "transport": sliced_transport,
    "mse": masked_square,
    "mae": masked_absolute,
}


def _particles(rows: Tensor) -> Tensor:
    return rows.reshape(-1, rows.shape[1] // 3, 3)


def _shares(jets: Tensor) -> Tensor:
    pt = jets[..., 0]
    return pt / pt.sum(dim=1, keepdim=True).clamp_min(_LEAST)


def _to_chosen(jets: Tensor, other: Tensor, index: Tensor) -> Tensor:
    """Mean squared distance (B,) of particles from those (B, P) of the other jet; pT weighs."""
    pairs = other.gather(1, index[..., None].expand(-1, -1, 3))
    return (_shares(jets).detach() * (jets - pairs).square().sum(dim=-1)).sum(dim=1)


def _masked_mean(x: Tensor, residual: Tensor) -> Tensor:
    present = (_particles(x)[..., 0] > 0).type_as(x)
    mean = _particles(residual).mean(dim=-1)
    return (mean * present).sum(dim=1) / present.sum(dim=1).clamp_min(1)


def _dense(sizes: Sequence[int]) -> list[nn.Module]:
    parts: list[nn.Module] = []
    for a, b in itertools.pairwise(sizes):
        parts += [nn.Linear(a, b), nn.ReLU()]
    return parts[:-1]


@final
class _DeepSet(nn.Module):
    def __init__(self, hidden: Sequence[int], latent: int) -> None:
        super().__init__()
        self.single = nn.Sequential(*_dense((3, *hidden)), nn.ReLU())
        self.whole = nn.Sequential(*_dense((hidden[-1], hidden[-1], latent)))

    def forward(self, rows: Tensor) -> Tensor:
        """Latent variables (B, L) of rows."""
        x = _particles(rows)
        present = (x[..., :1] > 0).type_as(x)
        each = self.single(x.reshape(-1, 3))
        each = each.reshape(-1, x.shape[1], each.shape[1])
        # Divided by the most there can be: multiplicity stays in the sum.
        latent: Tensor = self.whole((each * present).sum(dim=1) / x.shape[1])
        return latent


@final
class _Positive(nn.Module):
    """Rows whose pT are positive."""

    def forward(self, rows: Tensor) -> Tensor:
        """Rows of rows."""
        x = _particles(rows)
        return torch.cat([softplus(x[..., :1]), x[..., 1:]], dim=-1).flatten(1)


@final
class _Reader(nn.Module):
    def __init__(self, hidden: Sequence[int], latent: int) -> None:
        super().__init__()
        self.layers = _recurrent((3, *hidden))
        self.head = nn.Linear(hidden[-1], latent)

    def forward(self, rows: Tensor) -> Tensor:
        """Latent variables (B, L) from the state after the last particle that is present."""
        x = _particles(rows)
        states = x
        for layer in self.layers:
            states = _states(layer, states)
        place = torch.arange(x.shape[1], device=x.device)
        last = torch.where(x[..., 0] > 0, place, 0).amax(dim=1)
        index = last[:, None, None].expand(-1, -1, states.shape[2])
        latent: Tensor = self.head(states.gather(1, index)[:, 0])
        return latent


@final
class _Writer(nn.Module):
    def __init__(self, particles: int, hidden: Sequence[int], latent: int) -> None:
        super().__init__()
        self.particles = particles
        self.layers = _recurrent((latent, *hidden))
        self.head = nn.Linear(hidden[-1], 3)

    def forward(self, latent: Tensor) -> Tensor:
        """Rows of latent variables, which every step reads."""
        states = latent[:, None].expand(-1, self.particles, -1)
        for layer in self.layers:
            states = _states(layer, states)
        rows: Tensor = self.head(states).flatten(1)
        return rows


def _recurrent(sizes: Sequence[int]) -> nn.ModuleList:
    return nn.ModuleList(nn.GRU(a, b, batch_first=True) for a, b in itertools.pairwise(sizes))


def _states(layer: Any, x: Any) -> Tensor:
    """States (B, P, H) of a gated recurrent layer after each particle."""
    if isinstance(x, Tensor):
        states: Tensor = layer(x)[0]
        return states
    # The module would begin with zeros for each row.
    function: Any = torch.gru
    settings = (layer.num_layers, layer.dropout, layer.training, layer.bidirectional)
    inputs = (x, None, list(layer.parameters()), layer.bias, *settings, layer.batch_first)
    states, _ = handle_torch_function(function, (x,), *inputs)
    return states
