"""Velocity field of a continuous flow, with its exact derivatives along any directions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import final

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, pad


@final
class VelocityField(nn.Module):
    """Small network of a point, an angle that serves as the time, and a context.

    It starts as no motion at all: the last layer begins at zero.

    Parameters
    ----------
    d : int
        Dimensions of space.
    n_context : int
    hidden : sequence of int
        Nodes of the hidden layers, with smooth units (SiLU): a solver of high order needs
        derivatives.
    """

    def __init__(self, d: int, n_context: int, hidden: Sequence[int]) -> None:
        super().__init__()
        sizes = [d + 2 + n_context, *hidden, d]
        self.layers = [nn.Linear(a, b) for a, b in pairwise(sizes)]
        for i, layer in enumerate(self.layers):
            self.add_module(f"layer{i}", layer)
        nn.init.zeros_(self.layers[-1].weight)
        nn.init.zeros_(self.layers[-1].bias)

    def velocity(self, y: Tensor, angle: Tensor, context: Tensor) -> Tensor:
        """Velocity (n, d) at points (n, d), angles (n, 1) and contexts (n, n_context)."""
        return self.push(y[None], angle, context)[0]

    def push(self, state: Tensor, angle: Tensor, context: Tensor) -> Tensor:
        """Velocity, and its derivatives along tangent vectors, shape (1 + k, n, d).

        Parameters
        ----------
        state : tensor (1 + k, n, d)
            Points, then k tangent vectors at each.
        angle : tensor (n, 1)
        context : tensor (n, n_context)
        """
        given = torch.cat([angle.cos(), angle.sin(), context], dim=1)
        point = torch.cat([state[0], given], dim=1)
        h = torch.cat([point[None], pad(state[1:], (0, given.shape[1]))])
        for layer in self.layers[:-1]:
            h = _silu(_affine(layer, h))
        return _affine(self.layers[-1], h)


def _affine(layer: nn.Linear, h: Tensor) -> Tensor:
    """A layer on values, and its linear part on tangents."""
    values = linear(h[0], layer.weight, layer.bias)
    if len(h) == 1:
        return values[None]
    return torch.cat([values[None], linear(h[1:], layer.weight)])


def _silu(h: Tensor) -> Tensor:
    """x σ(x) of the values, and its slope times the tangents."""
    x = h[0]
    if len(h) == 1:
        return nn.functional.silu(x)[None]
    sigma = x.sigmoid()
    slope = sigma * (1 + x * (1 - sigma))
    return torch.cat([(x * sigma)[None], h[1:] * slope])
