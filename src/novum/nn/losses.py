"""Losses of ensembles: one number a model, so that models never mix, and their gradients.

An objective cuts a batch of table rows into what a network reads and what its outputs are held
against; the loop of `novum.training` knows no more of it. Gradients are written out, in place.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, Self, final

import torch
from torch import Tensor
from torch.nn.functional import softplus

_LEAST = 1e-30  # a probability that a logarithm still takes


class Objective(Protocol):
    """What networks are trained for; M models, batches of B rows of C columns."""

    def split(self, batch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features (M, B, n_in), targets (M, B) and weights (M, B) of a batch (M, B, C)."""
        ...

    def to_gradient(self, outputs: Tensor, target: Tensor, weight: Tensor) -> None:
        """Replace outputs of the networks by the gradient of the summed loss by them."""
        ...

    def loss(self, outputs: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """Loss summed over the rows, shape (M,); rows of weight 0 do not count."""
        ...

    def take(self, models: Iterable[int]) -> Self:
        """The same for some of the models."""
        ...


@final
class BinaryCrossEntropy:
    """Weighted cross-entropy of one output, the log-odds (M, B).

    Tables end with the class, 0 or 1, and the weight.
    """

    def split(self, batch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """All columns but two are features."""
        return batch[..., :-2], batch[..., -2], batch[..., -1]

    def to_gradient(self, outputs: Tensor, target: Tensor, weight: Tensor) -> None:
        """Probability minus class, times weight."""
        outputs.sigmoid_().sub_(target).mul_(weight)

    def loss(self, outputs: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """Summed cross-entropy, shape (M,)."""
        return (weight * (softplus(outputs) - target * outputs)).sum(dim=1)

    def take(self, models: Iterable[int]) -> Self:
        """Itself: all models are alike."""
        return self


@final
class PiecewiseLinearLikelihood:
    """Negative log-likelihood of a column of the table under a piecewise linear density.

    The density is a mixture of the K hat functions (linear B-splines) on equidistant knots, and
    the K outputs (M, B, K) are the logits of its components. Outside the outermost knots the
    target counts as lying on them. Tables end with the weight; the other columns are features,
    also the target's: a model must not see it (see `EnsembleMLP.seeded`).

    Parameters
    ----------
    bound : float
        Knots run from minus to plus this.
    n_knots : int
        K, at least 2.
    column : sequence of M int
        Column of the table that each model describes.
    """

    def __init__(self, bound: float, n_knots: int, column: Iterable[int]) -> None:
        self.bound, self.n_knots = bound, n_knots
        self.column = torch.as_tensor(list(column))
        self.step = 2 * bound / (n_knots - 1)
        # What a hat of height 1 holds; the outermost are halves.
        self.height = torch.full((n_knots,), 1 / self.step)
        self.height[[0, -1]] *= 2

    def split(self, batch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """All columns but the last are features; the target is one of them."""
        rows = self.column.to(batch.device)[:, None, None].expand(-1, batch.shape[1], 1)
        return batch[..., :-1], batch.gather(2, rows)[..., 0], batch[..., -1]

    def to_gradient(self, outputs: Tensor, target: Tensor, weight: Tensor) -> None:
        """Probability of each component minus that given the target, times weight."""
        outputs.sub_(outputs.amax(dim=-1, keepdim=True)).exp_()
        outputs.div_(outputs.sum(dim=-1, keepdim=True))
        cell, low, high = self._parts(outputs, target)
        total = (low + high).clamp_min_(_LEAST)
        outputs.scatter_add_(-1, cell, low.div_(total).neg_())
        outputs.scatter_add_(-1, cell + 1, high.div_(total).neg_())
        outputs.mul_(weight[..., None])

    def loss(self, outputs: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """Summed negative log-likelihood, shape (M,)."""
        _, low, high = self._parts(outputs.softmax(dim=-1), target)
        return -(weight * (low + high).clamp_min_(_LEAST).log()[..., 0]).sum(dim=1)

    def take(self, models: Iterable[int]) -> Self:
        """The same for some of the models."""
        return type(self)(self.bound, self.n_knots, self.column[list(models)].tolist())

    def _parts(self, p: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Cell (M, B, 1) of each target, and the density of the hats on its left and right knot."""
        at = ((target + self.bound) / self.step).clamp(0, self.n_knots - 1)
        cell = at.floor().clamp_max_(self.n_knots - 2)
        share = (at - cell)[..., None]
        index = cell.long()[..., None]
        height = self.height.to(p.device)
        low = p.gather(-1, index) * height[index] * (1 - share)
        high = p.gather(-1, index + 1) * height[index + 1] * share
        return index, low, high


@final
class Reconstruction:
    """Mean over the features of the squared difference between outputs (M, B, d) and features.

    Tables end with the weight.

    Parameters
    ----------
    noise : float
        Standard deviation of normal noise on the features that a network reads, not on those its
        outputs are held against: a denoising autoencoder.
    seeds : sequence of M int
        Of the noise of each model.
    """

    def __init__(self, noise: float, seeds: Iterable[int]) -> None:
        self.noise = noise
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def split(self, batch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """All columns but the last are features and targets."""
        x, weight = batch[..., :-1], batch[..., -1]
        if not self.noise:
            return x, x, weight
        draws = [torch.randn(x.shape[1:], generator=g) for g in self._generators]
        return x + self.noise * torch.stack(draws).to(x.device), x, weight

    def to_gradient(self, outputs: Tensor, target: Tensor, weight: Tensor) -> None:
        """Twice the difference, times weight, over the number of features."""
        share = weight * (2 / target.shape[-1])
        outputs.sub_(target.reshape(outputs.shape)).mul_(share.view(*share.shape, *_ones(outputs)))

    def loss(self, outputs: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """Summed mean squared difference, shape (M,)."""
        squares = (outputs.reshape(target.shape) - target).square().mean(dim=-1)
        return (weight * squares).sum(dim=1)

    def take(self, models: Iterable[int]) -> Self:
        """The same for some of the models; they go on drawing where they are."""
        part = type(self)(self.noise, ())
        part._generators = [self._generators[m] for m in models]
        return part


@final
class SquaredDistance:
    """Squared distance of the outputs (M, B, k) from a centre of each model.

    Tables end with the weight; the other columns are features.

    Parameters
    ----------
    centre : tensor (M, k)
    """

    def __init__(self, centre: Tensor) -> None:
        self.centre = centre

    def split(self, batch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """All columns but the last are features; there is no other target than the centre."""
        return batch[..., :-1], batch[..., -1], batch[..., -1]

    def to_gradient(self, outputs: Tensor, target: Tensor, weight: Tensor) -> None:
        """Twice the difference, times weight."""
        share = 2 * weight
        outputs.sub_(self._at(outputs)).mul_(share.view(*share.shape, *_ones(outputs)))

    def loss(self, outputs: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """Summed squared distance, shape (M,)."""
        squares = (outputs - self._at(outputs)).square().view(*weight.shape, -1).sum(dim=-1)
        return (weight * squares).sum(dim=1)

    def take(self, models: Iterable[int]) -> Self:
        """The same for some of the models."""
        return type(self)(self.centre[list(models)])

    def _at(self, outputs: Tensor) -> Tensor:
        """Centres (M, 1, k) beside outputs of several, (M, 1) of one."""
        centre = self.centre.to(outputs.device)
        return centre[:, None, :] if outputs.ndim == 3 else centre


def _ones(outputs: Tensor) -> tuple[int, ...]:
    """A trailing axis of weights where outputs have one."""
    return (1,) * (outputs.ndim - 2)
