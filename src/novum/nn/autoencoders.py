"""Autoencoders of a single network each: dense, or convolutional on images."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import final

from torch import Tensor, nn


@final
class Autoencoder(nn.Module):
    """An encoder and a decoder, with the latent variables on a sphere if asked for.

    Parameters
    ----------
    encoder, decoder : Module
    sphere : bool
        Whether latent variables are scaled to unit length (arXiv:2105.05735).
    distance : function
        From rows and rebuilt rows (B, d) to what is minimised of each, (B,); by default the mean
        squared residual.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        sphere: bool = False,
        distance: Callable[[Tensor, Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.encoder, self.decoder, self.sphere = encoder, decoder, sphere
        self.distance = mean_square if distance is None else distance

    def encode(self, x: Tensor) -> Tensor:
        """Latent variables (B, L) of rows (B, d)."""
        return self.project(self.encoder(x))

    def decode(self, latent: Tensor) -> Tensor:
        """Rows (B, d) of latent variables (B, L)."""
        rows: Tensor = self.decoder(latent)
        return rows

    def project(self, latent: Tensor) -> Tensor:
        """Latent variables where the space allows them."""
        return nn.functional.normalize(latent, dim=-1) if self.sphere else latent

    def energy(self, x: Tensor) -> Tensor:
        """Distance of each row from the rebuilt one, shape (B,)."""
        return self.distance(x, self.decode(self.encode(x)))


def mean_square(x: Tensor, y: Tensor) -> Tensor:
    """Mean squared difference of rows (B, d), shape (B,)."""
    return (y - x).square().mean(dim=-1)


def dense_autoencoder(
    d: int, hidden: Sequence[int], latent: int, sphere: bool = False
) -> Autoencoder:
    """Fully connected; the decoder mirrors the encoder."""
    sizes = (d, *hidden, latent)
    return Autoencoder(_dense(sizes), _dense(sizes[::-1]), sphere)


def conv_autoencoder(
    size: int, channels: Sequence[int], latent: int, sphere: bool = False
) -> Autoencoder:
    """Convolutions that halve an image each, and their mirror image.

    Parameters
    ----------
    size : int
        Pixels along one side of the images, which are rows (B, size²).
    channels : sequence of int
        Of each convolution.
    latent : int
    sphere : bool
    """
    halved = -(-size // 2 ** len(channels))
    padded = halved * 2 ** len(channels)
    flat = channels[-1] * halved**2
    down: list[nn.Module] = [ToImage(size, padded)]
    for a, b in itertools.pairwise((1, *channels)):
        down += [nn.Conv2d(a, b, 4, stride=2, padding=1), nn.PReLU()]
    up: list[nn.Module] = [nn.Linear(latent, flat), nn.PReLU()]
    up.append(nn.Unflatten(1, (channels[-1], halved, halved)))
    for a, b in itertools.pairwise((*channels[::-1], 1)):
        up += [nn.ConvTranspose2d(a, b, 4, stride=2, padding=1), nn.PReLU()]
    encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(flat, latent))
    return Autoencoder(encoder, nn.Sequential(*up[:-1], ToRows(size)), sphere)


def _dense(sizes: Sequence[int]) -> nn.Sequential:
    parts: list[nn.Module] = []
    for a, b in itertools.pairwise(sizes):
        parts += [nn.Linear(a, b), nn.PReLU()]
    return nn.Sequential(*parts[:-1])


@final
class ToImage(nn.Module):
    """Rows (B, size²) to images (B, 1, padded, padded), the margin of zeros at the end."""

    def __init__(self, size: int, padded: int) -> None:
        super().__init__()
        self.size, self.margin = size, padded - size

    def forward(self, x: Tensor) -> Tensor:
        """Images of rows."""
        image = x.reshape(-1, 1, self.size, self.size)
        return nn.functional.pad(image, (0, self.margin, 0, self.margin))


@final
class ToRows(nn.Module):
    """Images to rows, without the margin."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, image: Tensor) -> Tensor:
        """Rows of images."""
        return image[..., : self.size, : self.size].flatten(1)
