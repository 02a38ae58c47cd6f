"""Convolutional autoencoder on jet images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Literal, final

from novum.errors import InputError
from novum.outlier.single import SingleReconstructor

if TYPE_CHECKING:
    from novum.nn import Autoencoder


@final
class ConvAutoencoder(SingleReconstructor):
    """Convolutional autoencoder: jet images that its bottleneck cannot rebuild are odd.

    Each convolution halves the image; the decoder mirrors the encoder.

    Parameters
    ----------
    latent : int
        Width of the bottleneck.
    hidden : tuple of int
        Channels of the convolutions.
    members : int
        Number of networks.
    score_by : str
        mse, mae or latent-distance.
    epochs : int
        Most passes over the training images.
    batch_size : int
        Images per step.
    learning_rate : float
        Of Adam.
    patience : int or None
        Epochs without a lower validation loss after which a network stops; None: never.
    validation_fraction : float
        Share of the images that each network sets aside to find its best epoch.
    random_state : int or None
        Seed; member i uses a seed of its own derived from it.

    Attributes
    ----------
    validation_loss_ : float64 array (members,)
        Mean squared residual of each network on its own validation images.
    epochs_ : int array (members,)
        Epochs that each ran.
    """

    name: ClassVar[str] = "conv-autoencoder"
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("1808.08979", "QCD or What?"),
        ("1808.08992", "Searching for New Physics with Deep Autoencoders"),
    )
    takes: ClassVar[Literal["table", "images", "clouds"]] = "images"

    def __init__(
        self,
        latent: int = 6,
        *,
        hidden: tuple[int, ...] = (8, 16, 32),
        members: int = 1,
        score_by: Literal["mse", "mae", "latent-distance"] = "mse",
        epochs: int = 20,
        batch_size: int = 128,
        learning_rate: float = 1e-3,
        patience: int | None = 5,
        validation_fraction: float = 0.1,
        random_state: int | None = None,
    ) -> None:
        super().__init__(
            latent,
            hidden=hidden,
            members=members,
            score_by=score_by,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            patience=patience,
            validation_fraction=validation_fraction,
            random_state=random_state,
        )

    def _network(self, d: int) -> Autoencoder:
        from novum.nn import conv_autoencoder

        return conv_autoencoder(image_side(d), self.hidden, self.latent)


def image_side(d: int) -> int:
    """Pixels along one side of a square image of d pixels.

    Raises
    ------
    InputError
        If there is no such square.
    """
    side = math.isqrt(d)
    if side**2 != d or side < 2:
        raise InputError(f"needs the pixels of square images, {d} columns are none", value=d)
    return side
