"""Masked autoregressive flow (arXiv:1705.07057)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self, final

from novum.density.zuko_flow import ZukoFlow


@final
class MaskedAutoregressiveFlow(ZukoFlow):
    """Autoregressive flow of affine blocks, the density of the CATHODE paper.

    Each block shifts and scales each feature by what a masked network reads off the features
    before it and the mass; the order of the features turns from block to block.

    Parameters
    ----------
    transforms : int
        Blocks.
    hidden : tuple of int
        Nodes of the hidden layers of each block.
    coordinates : "gaussian" or "logit"
        What it is learnt in: features made normal and linearly independent, or their logits.
    epochs : int
        Passes over the training events.
    batch_size : int
        Events a step.
    learning_rate : float
        Of Adam; the highest, where it is scheduled.
    schedule : "one-cycle" or "constant"
        Learning rate over the training.
    best_epochs : int
        The density is the mean of those of this many epochs with the least validation loss.
    validation_fraction : float
        Share of the events that choose the best epochs.
    random_state : int or None
        Seed.
    """

    name: ClassVar[str] = "maf"
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("1705.07057", "Masked Autoregressive Flow for Density Estimation"),
        ("2109.00546", "Classifying Anomalies THrough Outer Density Estimation (CATHODE)"),
    )

    def __init__(
        self,
        transforms: int = 8,
        hidden: tuple[int, ...] = (64, 64),
        *,
        coordinates: Literal["gaussian", "logit"] = "gaussian",
        epochs: int = 20,
        batch_size: int = 1024,
        learning_rate: float = 2e-3,
        schedule: Literal["one-cycle", "constant"] = "one-cycle",
        best_epochs: int = 1,
        validation_fraction: float = 0.1,
        random_state: int | None = None,
    ) -> None:
        super().__init__(
            transforms,
            hidden,
            coordinates=coordinates,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            schedule=schedule,
            best_epochs=best_epochs,
            validation_fraction=validation_fraction,
            random_state=random_state,
        )

    @classmethod
    def published(cls, random_state: int | None = None) -> Self:
        """Settings of arXiv:2109.00546.

        Two of its code are left out: batch normalisation between the blocks, and a weight decay
        of 1e-6.
        """
        return cls(
            transforms=15,
            hidden=(128, 128),
            coordinates="logit",
            epochs=100,
            batch_size=256,
            learning_rate=1e-4,
            schedule="constant",
            best_epochs=10,
            # 378,876 of 878,876 events outside the signal region.
            validation_fraction=0.43,
            random_state=random_state,
        )

    def _blocks(self, flows: Any, d: int) -> Any:
        return flows.MAF(d, 1, transforms=self.transforms, hidden_features=self.hidden)
