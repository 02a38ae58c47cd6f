"""Autoencoder of jets as clouds of particles."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, final

from novum.errors import ConfigError
from novum.outlier.particles import ParticleReconstructor

if TYPE_CHECKING:
    from novum.nn import Autoencoder

LOSSES = ("transport", "chamfer")


@final
class CloudAutoencoder(ParticleReconstructor):
    """Permutation-invariant autoencoder: clouds of particles that it cannot rebuild are odd.

    A network reads every particle, the sum of its outputs goes on to the latent variables, and
    from these all particles of a cloud are made at once; neither the score nor the training
    knows an order. ``transport`` is the work that carries the pT of a jet to that of the rebuilt
    one, by slices of the plane: infrared and collinear safe, and quick. ``chamfer`` is the squared
    distance of each particle from the nearest of the other, weighted by pT, and sees single
    particles. Transport is the default: a few nearest neighbours do not make up for pT that is
    elsewhere.

    Parameters
    ----------
    latent : int
        Width of the bottleneck.
    hidden : tuple of int
        Nodes of the network of a single particle; the decoder mirrors them.
    distance : str
        What is minimised: transport or chamfer.
    members : int
        Number of networks.
    score_by : str
        transport, chamfer or latent-distance.
    epochs : int
        Most passes over the training jets.
    batch_size : int
        Jets per step.
    learning_rate : float
        Of Adam.
    patience : int or None
        Epochs without a lower validation loss after which a network stops; None: never.
    validation_fraction : float
        Share of the jets that each network sets aside to find its best epoch.
    random_state : int or None
        Seed; member i uses a seed of its own derived from it.

    Attributes
    ----------
    validation_loss_ : float64 array (members,)
        Mean distance for each network on its own validation jets.
    epochs_ : int array (members,)
        Epochs that each ran.
    """

    name: ClassVar[str] = "cloud-autoencoder"
    rebuilds_in_order: ClassVar[bool] = False
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        (
            "2111.12849",
            "Particle Graph Autoencoders and Differentiable, Learned Energy Mover's Distance",
        ),
        ("1810.05165", "Energy Flow Networks: Deep Sets for Particle Jets"),
        ("1902.02346", "The Metric Space of Collider Events"),
    )
    scores: ClassVar[tuple[str, ...]] = (*LOSSES, "latent-distance")

    def __init__(
        self,
        latent: int = 6,
        *,
        hidden: tuple[int, ...] = (64, 64),
        distance: Literal["transport", "chamfer"] = "transport",
        members: int = 1,
        score_by: Literal["transport", "chamfer", "latent-distance"] = "transport",
        epochs: int = 30,
        batch_size: int = 128,
        learning_rate: float = 2e-3,
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
        self.distance = distance

    def check_ready(self) -> None:
        """See `Detector.check_ready`."""
        super().check_ready()
        if self.distance not in LOSSES:
            raise ConfigError(f"distance: must be one of {', '.join(LOSSES)}, got {self.distance}")

    def _network(self, d: int) -> Autoencoder:
        from novum.nn import cloud_autoencoder

        return cloud_autoencoder(d // 3, self.hidden, self.latent, self.distance)
