"""Variational autoencoders side by side: encoders, a latent distribution, decoders.

arXiv:1312.6114; what is known of the latent variables beforehand stands in `Latent`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Self, final

import torch
from torch import Tensor, nn

from novum.nn.ensemble import EnsembleMLP
from novum.nn.losses import Objective


class Latent(nn.Module, ABC):
    """What encoders make of an event: parameters of a distribution over L latent variables.

    Attributes
    ----------
    n_parameters : int
        P, the outputs of an encoder: L means and L logarithms of variances of normal variables.
    """

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.latent = latent
        self.n_parameters = 2 * latent

    def draw(self, parameters: Tensor, noise: Tensor) -> Tensor:
        """Normal variables (M, B, L) from parameters (M, B, P) and normal noise (M, B, L).

        Mean plus noise times standard deviation (arXiv:1312.6114, eq. 10).
        """
        mean, log_variance = parameters.chunk(2, dim=-1)
        return mean + noise * (0.5 * log_variance).exp()

    def read(self, drawn: Tensor) -> Tensor:
        """What a decoder reads of them."""
        return drawn

    @abstractmethod
    def divergence(self, parameters: Tensor, drawn: Tensor) -> Tensor:
        """Kullback-Leibler divergence from the prior, shape (M, B), or an estimate by the draw."""

    @abstractmethod
    def take(self, models: Iterable[int]) -> Self:
        """The same for some of the models."""


@final
class NormalLatent(Latent):
    """Normal variables with an independent normal prior of mean 0.

    Parameters
    ----------
    latent : int
        L.
    variance : tensor (L,), optional
        Of the prior; 1 by default.
    simplex : bool
        Whether a decoder reads the softmax of the variables, shares that add up to one: with the
        right variance nearly a Dirichlet distribution (arXiv:2104.08291, eq. 15).
    """

    def __init__(self, latent: int, variance: Tensor | None = None, simplex: bool = False) -> None:
        super().__init__(latent)
        self.variance = torch.ones(latent) if variance is None else variance
        self.simplex = simplex

    def read(self, drawn: Tensor) -> Tensor:
        """The variables, or their softmax."""
        return drawn.softmax(dim=-1) if self.simplex else drawn

    def divergence(self, parameters: Tensor, drawn: Tensor) -> Tensor:
        """In closed form (arXiv:1312.6114, appendix B)."""
        mean, log_variance = parameters.chunk(2, dim=-1)
        variance = self.variance.to(mean.device)
        shift = mean.square() / variance
        ratio = log_variance.exp() / variance
        return 0.5 * (shift + ratio - 1 - log_variance + variance.log()).sum(dim=-1)

    def take(self, models: Iterable[int]) -> Self:
        """Itself: all models are alike."""
        return self


@final
class MixtureLatent(Latent):
    """Normal variables whose prior is a mixture of K normal distributions, learnt with the rest.

    The divergence is log q(z|x) - log p(z) at the draw (arXiv:1611.05148, with the mixture as
    prior of the latent variables).

    Parameters
    ----------
    latent, components : int
        L and K.
    seeds : sequence of M int
        Of the first means of each model's prior.
    """

    def __init__(self, latent: int, components: int, seeds: Sequence[int]) -> None:
        super().__init__(latent)
        draws = [
            torch.randn(components, latent, generator=torch.Generator().manual_seed(s ^ 0x3A))
            for s in seeds
        ]
        first = torch.stack(draws) if draws else torch.zeros(0, components, latent)
        self.means = nn.Parameter(2 * first)
        self.log_variances = nn.Parameter(torch.zeros_like(first))
        self.logits = nn.Parameter(torch.zeros(len(first), components))

    def divergence(self, parameters: Tensor, drawn: Tensor) -> Tensor:
        """log q - log p of the draw; the constants of both normal densities cancel."""
        mean, log_variance = parameters.chunk(2, dim=-1)
        posterior = _log_normal(drawn, mean, log_variance)
        each = (
            _log_normal(drawn[:, :, None], self.means[:, None], self.log_variances[:, None])
            + self.logits.log_softmax(dim=-1)[:, None]
        )
        return posterior - each.logsumexp(dim=-1)

    def take(self, models: Iterable[int]) -> Self:
        """The priors of some of the models, as copies."""
        rows = torch.tensor(list(models), device=self.means.device)
        part = type(self)(self.latent, self.means.shape[1], ())
        for mine, theirs in zip(part.parameters(), self.parameters(), strict=True):
            mine.data = theirs.data[rows]
        return part


def _log_normal(x: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Log density but for its constant, summed over the last axis."""
    return -0.5 * ((x - mean).square() / log_variance.exp() + log_variance).sum(dim=-1)


@final
class EnsembleVAE(nn.Module):
    """M variational autoencoders side by side; what `novum.training.train` trains.

    Parameters
    ----------
    encoder, decoder : EnsembleMLP
        To the parameters of `latent`, and from its variables to the features.
    latent : Latent
    seeds : sequence of M int
        Of the noise of each model.
    """

    def __init__(
        self, encoder: EnsembleMLP, decoder: EnsembleMLP, latent: Latent, seeds: Iterable[int]
    ) -> None:
        super().__init__()
        self.encoder, self.decoder, self.latent = encoder, decoder, latent
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    @classmethod
    def seeded(
        cls,
        n_in: int,
        hidden: Sequence[int],
        latent: Latent,
        seeds: Sequence[int],
        decoder_hidden: Sequence[int],
    ) -> Self:
        """With weights of each model from its own seed."""
        encoder = EnsembleMLP.seeded(n_in, hidden, seeds, n_out=latent.n_parameters)
        others = [seed ^ 0x5EED for seed in seeds]
        decoder = EnsembleMLP.seeded(latent.latent, decoder_hidden, others, n_out=n_in)
        return cls(encoder, decoder, latent, seeds)

    @property
    def n_models(self) -> int:
        """Length of the model axis."""
        return self.encoder.n_models

    def forward(self, x: Tensor) -> Tensor:
        """Rebuilt features with the divergence of each event as last column, (M, B, d + 1)."""
        parameters = self.encoder(x)
        shape = (x.shape[1], self.latent.latent)
        noise = torch.stack([torch.randn(shape, generator=g) for g in self._generators])
        drawn = self.latent.draw(parameters, noise.to(x.device))
        divergence = self.latent.divergence(parameters, drawn)
        rebuilt = self.decoder(self.latent.read(drawn)).reshape(x.shape)
        return torch.cat([rebuilt, divergence[..., None]], dim=-1)

    def take(self, models: Iterable[int]) -> Self:
        """The chosen models alone, as copies that go on drawing where they are."""
        chosen = list(models)
        latent = self.latent.take(chosen)
        part = type(self)(self.encoder.take(chosen), self.decoder.take(chosen), latent, ())
        part._generators = [self._generators[m] for m in chosen]
        return part

    def loss_gradient(
        self, x: Tensor, target: Tensor, weight: Tensor, objective: Objective
    ) -> None:
        """Write the gradient of the loss, summed over rows and models, into ``.grad``."""
        for parameter in self.parameters():
            if parameter.grad is not None:
                parameter.grad.zero_()
        objective.loss(self(x), target, weight).sum().backward()  # type: ignore[no-untyped-call]


@final
class EvidenceBound:
    """(1 - β) ½ |x - x'|² + β D_KL, times 2 / d: the negative evidence bound at β = ½.

    β = 0 leaves the squared residual alone, β = 1 the divergence (arXiv:2108.03986, eq. 2).
    Tables end with the weight.
    """

    def __init__(self, beta: float) -> None:
        self.beta = beta

    def split(self, batch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """All columns but the last are features and targets."""
        return batch[..., :-1], batch[..., :-1], batch[..., -1]

    def to_gradient(self, outputs: Tensor, target: Tensor, weight: Tensor) -> None:
        """The gradient comes from autograd."""
        raise NotImplementedError

    def loss(self, outputs: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """Summed over the rows, shape (M,)."""
        residual = (outputs[..., :-1] - target).square().mean(dim=-1)
        divergence = outputs[..., -1] * (2 / target.shape[-1])
        return (weight * ((1 - self.beta) * residual + self.beta * divergence)).sum(dim=1)

    def take(self, models: Iterable[int]) -> Self:
        """Itself: all models are alike."""
        return self
