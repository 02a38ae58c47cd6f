"""All parameters of a network in one tensor, so that the optimiser is one call."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

LANES = 64  # floats; every parameter begins on a cache line, wherever it stands


class FlatAdam:
    """Fused Adam on one flat tensor that the parameters of `network` become views of.

    Parameters
    ----------
    network : Module
        Its parameters and their gradients are moved into the flat tensors.
    learning_rate : float
    """

    def __init__(self, network: nn.Module, learning_rate: float) -> None:
        self._parameters = list(network.parameters())
        self.flat = nn.Parameter(_flatten([p.data for p in self._parameters]))
        self.flat.grad = torch.zeros_like(self.flat)
        views = zip(
            self._parameters, self.split(self.flat.data), self.split(self.flat.grad), strict=True
        )
        for parameter, value, gradient in views:
            parameter.data, parameter.grad = value, gradient
        self._adam = torch.optim.Adam([self.flat], lr=learning_rate, fused=True)
        self.learning_rate = learning_rate

    def step(self) -> None:
        """One step along the gradients that the network has written."""
        self._adam.step()

    def split(self, flat: Tensor) -> list[Tensor]:
        """Views of a flat tensor in the shapes of the parameters."""
        out, at = [], 0
        for parameter in self._parameters:
            out.append(flat[at : at + parameter.numel()].view(parameter.shape))
            at += _padded(parameter.numel())
        return out

    @property
    def steps(self) -> int:
        """Steps taken."""
        state = self._adam.state[self.flat]
        return int(state["step"]) if state else 0

    def moments(self) -> tuple[list[Tensor], list[Tensor]]:
        """Running means of the gradients and of their squares, in the parameters' shapes."""
        state = self._adam.state[self.flat]
        if not state:
            zero = torch.zeros_like(self.flat.data)
            return self.split(zero), self.split(zero)
        return self.split(state["exp_avg"]), self.split(state["exp_avg_sq"])

    def resume(self, steps: int, first: Sequence[Tensor], second: Sequence[Tensor]) -> None:
        """Go on from the moments of an earlier optimiser."""
        self._adam.state[self.flat] = {
            "step": torch.tensor(float(steps), device=self.flat.device),
            "exp_avg": _flatten(first),
            "exp_avg_sq": _flatten(second),
        }

    def clip(self, longest: float) -> None:
        """Scale the gradient of every model down to a norm of at most `longest`."""
        gradients = [p.grad for p in self._parameters if p.grad is not None]
        squares = [g.flatten(1).square().sum(dim=1) for g in gradients]
        norm = torch.stack(squares).sum(dim=0).sqrt()
        scale = (longest / norm.clamp_min(1e-30)).clamp_max(1.0)
        for g in gradients:
            g.mul_(scale.view(-1, *[1] * (g.ndim - 1)))


def _padded(n: int) -> int:
    return -(-n // LANES) * LANES


def _flatten(tensors: Sequence[Tensor]) -> Tensor:
    parts = []
    for t in tensors:
        parts += [t.reshape(-1), t.new_zeros(_padded(t.numel()) - t.numel())]
    return torch.cat(parts)
