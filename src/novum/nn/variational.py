"""Variational autoencoders side by side: encoders, a latent distribution, decoders.

arXiv:1312.6114; latent spaces that are not normal stand in `Latent`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, Self, final

import torch
from torch import Tensor, nn

from novum.nn.ensemble import EnsembleMLP
from novum.nn.losses import Objective


class Latent(Protocol):
    """What encoders make of an event: parameters of a distribution over L latent variables."""

    @property
    def n_parameters(self) -> int:
        """Outputs of an encoder."""
        ...

    @property
    def n_noise(self) -> int:
        """L: normal numbers drawn for one event, and latent variables that a decoder reads."""
        ...

    def draw(self, parameters: Tensor, noise: Tensor) -> Tensor:
        """Latent variables (M, B, L) from parameters (M, B, P) and normal noise (M, B, L)."""
        ...

    def divergence(self, parameters: Tensor, drawn: Tensor) -> Tensor:
        """Kullback-Leibler divergence from the prior, shape (M, B), or an estimate by the draw."""
        ...


@final
class NormalLatent:
    """Independent normal variables with a standard normal prior.

    Parameters are L means and L logarithms of variances.
    """

    def __init__(self, latent: int) -> None:
        self.n_noise = latent
        self.n_parameters = 2 * latent

    def draw(self, parameters: Tensor, noise: Tensor) -> Tensor:
        """Mean plus noise times standard deviation (arXiv:1312.6114, eq. 10)."""
        mean, log_variance = parameters.chunk(2, dim=-1)
        return mean + noise * (0.5 * log_variance).exp()

    def divergence(self, parameters: Tensor, drawn: Tensor) -> Tensor:
        """In closed form (arXiv:1312.6114, appendix B)."""
        mean, log_variance = parameters.chunk(2, dim=-1)
        return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=-1)


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
    def seeded(cls, n_in: int, hidden: Sequence[int], latent: Latent, seeds: Sequence[int]) -> Self:
        """With a decoder that mirrors the encoder, weights of each model from its own seed."""
        encoder = EnsembleMLP.seeded(n_in, hidden, seeds, n_out=latent.n_parameters)
        others = [seed ^ 0x5EED for seed in seeds]
        decoder = EnsembleMLP.seeded(latent.n_noise, hidden[::-1], others, n_out=n_in)
        return cls(encoder, decoder, latent, seeds)

    @property
    def n_models(self) -> int:
        """Length of the model axis."""
        return self.encoder.n_models

    def forward(self, x: Tensor) -> Tensor:
        """Rebuilt features with the divergence of each event as last column, (M, B, d + 1)."""
        parameters = self.encoder(x)
        shape = (x.shape[1], self.latent.n_noise)
        noise = torch.stack([torch.randn(shape, generator=g) for g in self._generators])
        drawn = self.latent.draw(parameters, noise.to(x.device))
        divergence = self.latent.divergence(parameters, drawn)
        rebuilt = self.decoder(drawn).reshape(x.shape)
        return torch.cat([rebuilt, divergence[..., None]], dim=-1)

    def take(self, models: Iterable[int]) -> Self:
        """The chosen models alone, as copies that go on drawing where they are."""
        chosen = list(models)
        part = type(self)(self.encoder.take(chosen), self.decoder.take(chosen), self.latent, ())
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
