"""Gradients that are written out are those of autograd."""

import pytest
import torch
from torch import nn

from novum.nn import Autoencoder, conv_autoencoder, dense_autoencoder
from novum.nn.frozen import FrozenAutoencoder
from novum.training import seeded_network

MODELS = {
    "dense": (7, lambda sphere: dense_autoencoder(7, (16, 8), 3, sphere)),
    # 11 pixels a side: the images have a margin
    "conv": (121, lambda sphere: conv_autoencoder(11, (2, 4), 3, sphere)),
    "conv without margin": (64, lambda sphere: conv_autoencoder(8, (2, 4), 3, sphere)),
}


def by_autograd(energy, x):
    x = x.clone().requires_grad_()
    e = energy(x)
    return e.detach(), torch.autograd.grad(e.sum(), x)[0]


@pytest.mark.parametrize("sphere", [True, False])
@pytest.mark.parametrize("kind", MODELS)
def test_energies_and_gradients_are_those_of_autograd(kind, sphere):
    d, make = MODELS[kind]
    model = seeded_network(lambda: make(sphere), 5)
    with torch.no_grad():
        for p in model.parameters():  # slopes of the PReLU that differ, one of them negative
            p.add_(0.1 * torch.randn(p.shape, generator=torch.Generator().manual_seed(p.numel())))
        next(m for m in model.decoder if isinstance(m, nn.PReLU)).weight.fill_(-0.2)
    frozen = FrozenAutoencoder.of(model)
    generator = torch.Generator().manual_seed(1)
    x, latent = torch.randn(40, d, generator=generator), torch.randn(40, 3, generator=generator)
    expected = [by_autograd(model.energy, x)]
    found = [frozen.energy(x)]
    for low in (None, 0.05):

        def energy(z, low=low):
            rows = model.decode(z)
            return model.energy(rows if low is None else rows.clamp_min(low))

        assert (model.decode(latent) < 0.05).any()
        expected.append(by_autograd(energy, latent))
        found.append(frozen.latent_energy(latent, low))
    for pair, other in zip(found, expected, strict=True):
        torch.testing.assert_close(pair[0], other[0])
        torch.testing.assert_close(pair[1], other[1], atol=2e-6, rtol=1e-4)
    assert all(p.grad is None for p in model.parameters())


def test_other_models_are_left_to_autograd():
    odd = Autoencoder(nn.Sequential(nn.Linear(4, 2), nn.Tanh()), nn.Sequential(nn.Linear(2, 4)))
    assert FrozenAutoencoder.of(odd) is None
    assert FrozenAutoencoder.of(nn.Linear(2, 2)) is None
