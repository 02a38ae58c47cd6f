"""Neural spline flow (arXiv:1906.04032)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, final

from novum.density.zuko_flow import ZukoFlow


@final
class NeuralSplineFlow(ZukoFlow):
    """Autoregressive flow of monotonic rational-quadratic splines.

    Each block maps each feature by a spline from -5 to 5 whose knots and slopes a masked network
    reads off the features before it and the mass; the order of the features turns from block to
    block.

    Parameters
    ----------
    transforms : int
        Blocks.
    hidden : tuple of int
        Nodes of the hidden layers of each block.
    bins : int
        Pieces of each spline.
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

    name: ClassVar[str] = "nsf"
    reference: ClassVar[tuple[tuple[str, str], ...]] = (("1906.04032", "Neural Spline Flows"),)

    def __init__(
        self,
        transforms: int = 4,
        hidden: tuple[int, ...] = (64, 64),
        *,
        bins: int = 8,
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
        self.bins = bins

    def _blocks(self, flows: Any, d: int) -> Any:
        return flows.NSF(
            d, 1, bins=self.bins, transforms=self.transforms, hidden_features=self.hidden
        )
