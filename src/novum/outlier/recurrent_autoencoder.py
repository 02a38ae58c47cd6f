"""Autoencoder of jets as sequences of particles."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, final

from novum.outlier.particles import ParticleReconstructor

if TYPE_CHECKING:
    from novum.nn import Autoencoder


@final
class RecurrentAutoencoder(ParticleReconstructor):
    """Recurrent autoencoder: sequences of particles, pT falling, that it cannot rebuild are odd.

    Gated recurrent layers read a jet particle by particle; the state after the last gives the
    latent variables, from which others write the sequence again. Residuals count where a jet has a
    particle.

    Parameters
    ----------
    latent : int
        Width of the bottleneck.
    hidden : tuple of int
        Widths of the recurrent layers of the encoder; the decoder mirrors them.
    members : int
        Number of networks.
    score_by : str
        mse, mae or latent-distance.
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
        Mean squared residual of each network on its own validation jets.
    epochs_ : int array (members,)
        Epochs that each ran.
    """

    name: ClassVar[str] = "recurrent-autoencoder"
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("2105.09274", "Anomalous Jet Identification via Sequence Modeling"),
    )

    def __init__(
        self,
        latent: int = 6,
        *,
        hidden: tuple[int, ...] = (32,),
        members: int = 1,
        score_by: Literal["mse", "mae", "latent-distance"] = "mse",
        epochs: int = 20,
        batch_size: int = 256,
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

    def _network(self, d: int) -> Autoencoder:
        from novum.nn import recurrent_autoencoder

        return recurrent_autoencoder(d // 3, self.hidden, self.latent)
