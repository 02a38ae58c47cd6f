"""Dense autoencoder."""

from __future__ import annotations

from typing import ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray

from novum.outlier.base import require_at_least
from novum.outlier.network import layers
from novum.outlier.trained import NetworkReconstructor, cut

FloatArray = NDArray[np.float64]


@final
class Autoencoder(NetworkReconstructor):
    """Fully connected autoencoder: what its bottleneck cannot rebuild is odd.

    Members differ in initial weights, order of events and validation split, and train side by
    side as one program.

    Parameters
    ----------
    latent : int
        Width of the bottleneck.
    hidden : tuple of int
        Nodes of the layers of the encoder; the decoder mirrors them.
    members : int
        Number of networks.
    noise : float
        Standard deviation of the noise added to the inputs in training, in standard deviations of
        the features: a denoising autoencoder where it is not 0.
    score_by : str
        mse, mae, residual-mahalanobis or latent-distance.
    epochs : int
        Most passes over the training events.
    batch_size : int
        Events per step.
    learning_rate : float
        Of Adam.
    patience : int or None
        Epochs without a lower validation loss after which a network stops; None: never.
    validation_fraction : float
        Share of the training events that each network sets aside to find its best epoch.
    random_state : int or None
        Seed; member i uses a seed of its own derived from it.

    Attributes
    ----------
    validation_loss_ : float64 array (members,)
        Mean squared residual of each network on its own validation events.
    epochs_ : int array (members,)
        Epochs that each ran.
    """

    name: ClassVar[str] = "autoencoder"
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("1808.08979", "QCD or What?"),
        ("1808.08992", "Searching for New Physics with Deep Autoencoders"),
    )

    def __init__(
        self,
        latent: int = 3,
        *,
        hidden: tuple[int, ...] = (64, 32),
        members: int = 5,
        noise: float = 0.0,
        score_by: Literal["mse", "mae", "residual-mahalanobis", "latent-distance"] = "mse",
        epochs: int = 50,
        batch_size: int = 256,
        learning_rate: float = 1e-3,
        patience: int | None = 10,
        validation_fraction: float = 0.2,
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
        self.noise = noise

    def check_ready(self) -> None:
        """See `Detector.check_ready`."""
        super().check_ready()
        require_at_least("noise", self.noise, 0)

    def _train(self, z: FloatArray, w: FloatArray) -> None:
        from novum.nn import EnsembleMLP, Reconstruction

        seeds, d = self._seeds(), z.shape[1]
        sizes = (*self.hidden, self.latent, *self.hidden[::-1])
        network = EnsembleMLP.seeded(d, sizes, seeds, n_out=d, straight=[len(self.hidden)])
        learnt = self._fit_networks(network, Reconstruction(self.noise, seeds), z, w)
        self.weights_, self.biases_ = learnt[::2], learnt[1::2]

    def _rebuilt(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        bottleneck, last = len(self.hidden), len(self.weights_) - 1
        inputs = cut(z, self.farthest_)
        outputs = layers(inputs, self.weights_, self.biases_, straight=(bottleneck, last))
        return outputs[bottleneck].astype(np.float64), outputs[-1].astype(np.float64)
