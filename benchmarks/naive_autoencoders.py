"""Autoencoders as one writes them first, in eager PyTorch: the peers of `outlier_speed.py`.

A DataLoader over a TensorDataset, one network after another, `.item()` at every step; the chains
of the normalised autoencoder on autograd, with their path kept on the CPU and a list of single
points as the replay buffer, as in the code that came with arXiv:2105.05735.
"""

from __future__ import annotations

import copy
import itertools
import random

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from novum.training.langevin import Chain, Sampling


class AE(nn.Module):
    """Fully connected, ReLU."""

    def __init__(self, d: int, hidden: tuple[int, ...], latent: int) -> None:
        super().__init__()
        self.encoder = dense((d, *hidden, latent))
        self.decoder = dense((latent, *hidden[::-1], d))

    def loss(self, x: Tensor) -> Tensor:
        return (self.decoder(self.encoder(x)) - x).square().mean()

    def score(self, x: Tensor) -> Tensor:
        return (self.decoder(self.encoder(x)) - x).square().mean(dim=1)


class VAE(nn.Module):
    """The same with a normal latent distribution."""

    def __init__(self, d: int, hidden: tuple[int, ...], latent: int, beta: float) -> None:
        super().__init__()
        self.encoder = dense((d, *hidden, 2 * latent))
        self.decoder = dense((latent, *hidden[::-1], d))
        self.beta = beta

    def divergence(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1)

    def loss(self, x: Tensor) -> Tensor:
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        residual = (self.decoder(z) - x).square().mean()
        divergence = self.divergence(mean, log_variance).mean() * 2 / x.shape[1]
        return (1 - self.beta) * residual + self.beta * divergence

    def score(self, x: Tensor) -> Tensor:
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        residual = (self.decoder(mean) - x).square().sum(dim=1)
        return 0.5 * residual + self.divergence(mean, log_variance)


def dense(sizes: tuple[int, ...]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for a, b in itertools.pairwise(sizes):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def train(
    model: nn.Module, x: np.ndarray, held_out: np.ndarray, epochs: int, batch: int, rate: float
) -> float:
    """Train in place, keep the best epoch; its validation loss."""
    loader = DataLoader(TensorDataset(torch.from_numpy(x)), batch, shuffle=True, drop_last=True)
    validation = torch.from_numpy(held_out)
    adam = torch.optim.Adam(model.parameters(), lr=rate)
    best, kept = np.inf, copy.deepcopy(model.state_dict())
    for _ in range(epochs):
        running = 0.0
        for (rows,) in loader:
            adam.zero_grad()
            loss = model.loss(rows)
            loss.backward()
            adam.step()
            running += loss.item()
        with torch.no_grad():
            found = model.loss(validation).item()
        if found < best:
            best, kept = found, copy.deepcopy(model.state_dict())
    model.load_state_dict(kept)
    return best


def score(model: nn.Module, x: np.ndarray, batch: int) -> np.ndarray:
    """Scores, batch by batch."""
    found = []
    with torch.no_grad():
        for (rows,) in DataLoader(TensorDataset(torch.from_numpy(x)), batch):
            found.append(model.score(rows).cpu().numpy())
    return np.concatenate(found)


class Buffer:
    """Ends of chains, one by one in a list on the CPU."""

    def __init__(self, most: int) -> None:
        self.held: list[Tensor] = []
        self.most = most

    def push(self, points: Tensor) -> None:
        for point in points.detach().to("cpu"):
            self.held.append(point)
            if len(self.held) > self.most:
                self.held.pop(0)

    def get(self, n: int) -> Tensor:
        return torch.stack(random.choices(self.held, k=n))


def langevin(x: Tensor, energy, chain: Chain, project) -> Tensor:
    """A chain on autograd that keeps its path."""
    x = x.detach().requires_grad_()
    e = energy(x)
    gradient = torch.autograd.grad(e.sum(), x)[0].clamp(-chain.clip, chain.clip)
    path, drift, accepted = [x.detach().cpu()], [], []
    for step in range(chain.steps):
        sigma = chain.noise / (1 + step) if chain.annealed else chain.noise
        noise = sigma * torch.randn_like(x)
        y = project(x - chain.step_size * gradient + noise).detach().requires_grad_()
        e_y = energy(y)
        gradient_y = torch.autograd.grad(e_y.sum(), y)[0].clamp(-chain.clip, chain.clip)
        if chain.metropolis:
            back = (x - y + chain.step_size * gradient_y).square().sum(dim=1)
            forth = (y - x + chain.step_size * gradient).square().sum(dim=1)
            temperature = sigma**2 / (2 * chain.step_size)
            log_ratio = (e - e_y) / temperature - (back - forth) / (2 * sigma**2)
            reject = torch.rand_like(log_ratio).log() > log_ratio
            accepted.append((~reject).float().mean().item())
            y = torch.where(reject[:, None], x, y)
            e_y = torch.where(reject, e, e_y)
            gradient_y = torch.where(reject[:, None], gradient, gradient_y)
        x, e, gradient = y.detach().requires_grad_(), e_y.detach(), gradient_y
        path.append(x.detach().cpu())
        drift.append((chain.step_size * gradient).detach().cpu())
    return x.detach()


def normalise(
    model: nn.Module,
    latent: int,
    x: np.ndarray,
    epochs: int,
    batch: int,
    rate: float,
    sampling: Sampling,
) -> None:
    """Energy-based training of an autoencoder with `energy`, `decode` and `project`, in place."""
    loader = DataLoader(TensorDataset(torch.from_numpy(x)), batch, shuffle=True, drop_last=True)
    adam = torch.optim.Adam(model.parameters(), lr=rate)
    buffer = Buffer(sampling.buffer)
    for _ in range(epochs):
        below = above = 0.0
        for (rows,) in loader:
            again = int((np.random.default_rng().random(batch) < sampling.replay).sum())
            again = again if buffer.held else 0
            start = [buffer.get(again)] if again else []
            start.append(model.project(torch.randn(batch - again, latent)))
            z = langevin(
                torch.cat(start), lambda z: model.energy(model.decode(z)), sampling.latent,
                model.project,
            )  # fmt: skip
            buffer.push(z)
            negative = langevin(model.decode(z).detach(), model.energy, sampling.data, lambda x: x)
            adam.zero_grad()
            e_negative, e_data = model.energy(negative), model.energy(rows)
            loss = e_data.mean() - e_negative.mean()
            loss.backward()
            adam.step()
            below += e_data.mean().item()
            above += e_negative.mean().item()
