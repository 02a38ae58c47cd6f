"""Ensembles of small networks as one program: a leading model axis in place of a loop.

A network of 64 nodes is too small to fill a core: most of a step is spent on calling it. Ten of
them side by side in batched matrix products cost little more than one.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterable, Sequence
from typing import Self, final

import torch
from torch import Tensor, nn

from novum.nn.losses import Objective


@final
class EnsembleLinear(nn.Module):
    """M affine maps side by side.

    Parameters
    ----------
    n_models, n_in, n_out : int

    Attributes
    ----------
    weight : parameter (M, n_in, n_out)
    bias : parameter (M, 1, n_out)
    """

    def __init__(self, n_models: int, n_in: int, n_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n_models, n_in, n_out))
        self.bias = nn.Parameter(torch.zeros(n_models, 1, n_out))

    def forward(self, x: Tensor) -> Tensor:
        """Map x (M, B, n_in) to (M, B, n_out)."""
        return torch.baddbmm(self.bias, x, self.weight)

    @torch.no_grad()
    def reset(self, model: int, generator: torch.Generator, fan_in: int) -> None:
        """Draw weight and bias of one model from U(-1, 1) / √fan_in, the default of torch."""
        bound = 1 / math.sqrt(fan_in)
        for parameter in (self.weight, self.bias):
            parameter[model].uniform_(-bound, bound, generator=generator)


@final
class EnsembleMLP(nn.Module):
    """M fully connected networks with ReLU, side by side.

    Every parameter has the model axis first. The gradient of an objective is written out
    (`loss_gradient`), which saves the bookkeeping of autograd and every temporary.

    Parameters
    ----------
    n_models, n_in : int
    hidden : sequence of int
        Nodes of the hidden layers.
    n_out : int
        Outputs.
    straight : sequence of int
        Hidden layers, counted from 0, that have no ReLU: a bottleneck.
    biased : bool
        Whether the layers have biases; else these are 0 and stay so.

    Attributes
    ----------
    seen : float tensor (M, n_in, 1) or None
        1 for the features that a model sees. The weights of the others are 0 and stay so.
    """

    def __init__(
        self,
        n_models: int,
        n_in: int,
        hidden: Sequence[int],
        n_out: int = 1,
        straight: Collection[int] = (),
        biased: bool = True,
    ) -> None:
        super().__init__()
        self.straight = frozenset(straight)
        self.biased = biased
        sizes = (n_in, *hidden, n_out)
        self.layers = nn.ModuleList(
            EnsembleLinear(n_models, a, b) for a, b in itertools.pairwise(sizes)
        )
        self.seen: Tensor | None
        self.register_buffer("seen", None)
        self._room: tuple[int, int] | None = None

    @classmethod
    def seeded(
        cls,
        n_in: int,
        hidden: Sequence[int],
        seeds: Sequence[int],
        seen: Tensor | None = None,
        n_out: int = 1,
        straight: Collection[int] = (),
        biased: bool = True,
    ) -> Self:
        """With initial weights of each model from its own seed, whatever stands beside it.

        Parameters
        ----------
        n_in : int
        hidden : sequence of int
        seeds : sequence of M int
        seen : bool tensor (M, n_in) or None
            Features that each model sees; all where None.
        n_out : int
        straight : sequence of int
        biased : bool
        """
        network = cls(len(seeds), n_in, hidden, n_out, straight, biased)
        for model, seed in enumerate(seeds):
            generator = torch.Generator().manual_seed(seed)
            for i, layer in enumerate(network.linear):
                fan_in = layer.weight.shape[1]
                if i == 0 and seen is not None:
                    fan_in = int(seen[model].sum())
                layer.reset(model, generator, fan_in)
        if not biased:
            for layer in network.linear:
                layer.bias.data.zero_()
        if seen is not None:
            network.seen = seen[:, :, None].float()
            network.linear[0].weight.data.mul_(network.seen)
        return network

    @property
    def linear(self) -> list[EnsembleLinear]:
        """The layers, input first."""
        return [layer for layer in self.layers if isinstance(layer, EnsembleLinear)]

    @property
    def n_models(self) -> int:
        """Length of the model axis."""
        return len(self.linear[0].weight)

    def forward(self, x: Tensor) -> Tensor:
        """Outputs of features x (M, B, n_in): (M, B) of one, (M, B, n_out) of several."""
        *body, head = self.linear
        for i, layer in enumerate(body):
            x = layer(x) if i in self.straight else layer(x).relu_()
        if self.n_out > 1:
            outputs: Tensor = head(x)
            return outputs
        return torch.baddbmm(head.bias, _row(head.weight), x.transpose(1, 2)).squeeze(1)

    @property
    def n_out(self) -> int:
        """Outputs of each model."""
        return self.linear[-1].weight.shape[2]

    def take(self, models: Iterable[int]) -> Self:
        """The chosen models alone, as copies."""
        rows = torch.tensor(list(models), device=self.linear[0].weight.device)
        sizes = [layer.weight.shape[1] for layer in self.linear]
        part = type(self)(len(rows), sizes[0], sizes[1:], self.n_out, self.straight, self.biased)
        part.seen = None if self.seen is None else self.seen[rows]
        for mine, theirs in zip(part.parameters(), self.parameters(), strict=True):
            mine.data = theirs.data[rows]
        return part

    @torch.no_grad()
    def loss_gradient(
        self, x: Tensor, target: Tensor, weight: Tensor, objective: Objective
    ) -> None:
        """Write the gradient of the loss, summed over rows and models, into ``.grad``.

        Parameters
        ----------
        x : tensor (M, B, n_in)
        target, weight : tensors (M, B)
        objective : Objective
        """
        self._make_room(x)
        *body, head = self.linear
        inputs = [x, *self._active]
        for i, (layer, h, out) in enumerate(zip(body, inputs, self._active, strict=False)):
            torch.baddbmm(layer.bias, h, layer.weight, out=out)
            if i not in self.straight:
                out.clamp_min_(0)
        delta = self._delta
        if self.n_out == 1:
            torch.baddbmm(head.bias, _row(head.weight), inputs[-1].transpose(1, 2), out=delta)
            objective.to_gradient(delta[:, 0], target, weight)
            torch.bmm(delta, inputs[-1], out=_row(_grad(head.weight)))
            torch.sum(delta, 2, keepdim=True, out=_grad(head.bias))
            torch.mul(delta.transpose(1, 2), _row(head.weight), out=self._back[-1])
        else:
            torch.baddbmm(head.bias, inputs[-1], head.weight, out=delta)
            objective.to_gradient(delta, target, weight)
            torch.bmm(inputs[-1].transpose(1, 2), delta, out=_grad(head.weight))
            torch.bmm(self._ones, delta, out=_grad(head.bias))
            torch.bmm(delta, head.weight.transpose(1, 2), out=self._back[-1])
        self._through_body(body, inputs)

    def _through_body(self, body: Sequence[EnsembleLinear], inputs: Sequence[Tensor]) -> None:
        """Carry the gradient by the last activations back to the first layer."""
        for i in range(len(body) - 1, -1, -1):
            back = self._back[i]
            if i not in self.straight:
                torch.ops.aten.threshold_backward.grad_input(
                    back, inputs[i + 1], 0, grad_input=back
                )
            torch.bmm(inputs[i].transpose(1, 2), back, out=_grad(body[i].weight))
            torch.bmm(self._ones, back, out=_grad(body[i].bias))  # a sum over rows
            if i:
                torch.bmm(back, body[i].weight.transpose(1, 2), out=self._back[i - 1])
        if self.seen is not None:
            _grad(body[0].weight).mul_(self.seen)
        if not self.biased:
            for layer in self.linear:
                _grad(layer.bias).zero_()

    def _make_room(self, x: Tensor) -> None:
        """Room for one batch, and for the gradients; kept from step to step."""
        shape = (x.shape[0], x.shape[1])
        if self._room == shape:
            return
        widths = [layer.weight.shape[2] for layer in self.linear[:-1]]
        self._active = [x.new_empty(*shape, n) for n in widths]
        self._back = [x.new_empty(*shape, n) for n in widths]
        single = self.n_out == 1
        self._delta = (
            x.new_empty(shape[0], 1, shape[1]) if single else x.new_empty(*shape, self.n_out)
        )
        self._ones = x.new_ones(shape[0], 1, shape[1])
        for parameter in self.parameters():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        self._room = shape


def _row(column: Tensor) -> Tensor:
    """Of shape (M, 1, n) instead of (M, n, 1): products with a row are several times faster."""
    return column.view(len(column), 1, -1)


def _grad(parameter: Tensor) -> Tensor:
    assert parameter.grad is not None
    return parameter.grad
