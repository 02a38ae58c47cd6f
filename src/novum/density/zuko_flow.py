"""What the flows of zuko have in common: their training and the passage through them."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray

from novum.density.base import Density
from novum.density.coordinates import Coordinates, Logit, gaussianised
from novum.errors import ConfigError
from novum.training.config import TrainingConfig

FloatArray = NDArray[np.float64]


class ZukoFlow(Density):
    """Base of flows whose blocks come from zuko, trained by maximum likelihood.

    What is learnt is kept as plain arrays, the weights of the best epochs. The network is built
    anew for each use, in some hundredths of a second, so that a fitted flow is small and travels
    between processes.

    Parameters
    ----------
    transforms, hidden, coordinates, epochs, batch_size, learning_rate, schedule, best_epochs, \
validation_fraction, random_state
        As the members say.
    """

    packages: ClassVar[tuple[str, ...]] = ("torch", "zuko")

    def __init__(
        self,
        transforms: int,
        hidden: tuple[int, ...],
        *,
        coordinates: Literal["gaussian", "logit"],
        epochs: int,
        batch_size: int,
        learning_rate: float,
        schedule: Literal["one-cycle", "constant"],
        best_epochs: int,
        validation_fraction: float,
        random_state: int | None,
    ) -> None:
        self.transforms = transforms
        self.hidden = hidden
        self.coordinates = coordinates
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.best_epochs = best_epochs
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    @abstractmethod
    def _blocks(self, flows: Any, d: int) -> Any:
        """The flow of d features given one number, made from the module `zuko.flows`."""

    @final
    def check_ready(self) -> None:
        """See `Density.check_ready`.

        Raises
        ------
        ConfigError
            Names the key and the value.
        """
        super().check_ready()
        if self.transforms < 1:
            raise ConfigError(f"transforms: must be at least 1, got {self.transforms}")
        if not self.hidden or min(self.hidden) < 1:
            raise ConfigError(f"hidden: give the nodes of at least one layer, got {self.hidden}")
        for key, choices in (
            ("coordinates", ("gaussian", "logit")),
            ("schedule", ("one-cycle", "constant")),
        ):
            if getattr(self, key) not in choices:
                raise ConfigError(
                    f"{key}: must be {' or '.join(choices)}, got {getattr(self, key)}"
                )
        if not 0 < self.validation_fraction < 1:
            raise ConfigError(
                f"validation_fraction: must be between 0 and 1, got {self.validation_fraction:g}"
            )
        self._training().validated()

    @final
    def _make_coordinates(self, x: FloatArray, context: FloatArray, w: FloatArray) -> Coordinates:
        return gaussianised(x, context, w) if self.coordinates == "gaussian" else Logit.fit(x, w)

    @final
    def _train(self, z: FloatArray, context: FloatArray, w: FloatArray) -> None:
        import torch

        from novum.training import minimise, split_rows

        seed = int(np.random.SeedSequence(self.random_state).generate_state(1)[0])
        network = self._network(z.shape[1], seed)

        def loss(rows: torch.Tensor, _: torch.Generator) -> torch.Tensor:
            return torch.neg(network(rows[:, -1:]).log_prob(rows[:, :-1]))

        table = torch.from_numpy(np.column_stack([z, context, w]).astype(np.float32))
        rows = split_rows(np.zeros(len(z), np.int8), self.validation_fraction, seed)
        one_cycle = self.schedule == "one-cycle"
        trained = minimise(network, table, rows, self._training(), loss, one_cycle=one_cycle)
        ran = min(self.best_epochs, int(np.isfinite(trained.loss[0]).sum()))
        best = np.argsort(trained.loss[0], kind="stable")[:ran]
        self.validation_loss_ = trained.loss[0, best]
        self.weights_ = [p[0, best] for p in trained.parameters]
        self.n_flows_ = ran

    def _training(self) -> TrainingConfig:
        return TrainingConfig(
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            best_epochs=self.best_epochs,
        )

    @final
    def _to_latent(
        self, z: FloatArray, context: FloatArray, flow: int
    ) -> tuple[FloatArray, FloatArray]:
        import torch

        from novum.training import one_thread

        if not len(z):
            return z, np.zeros(0)  # torch's sums over blocks do not take nothing
        with one_thread(), torch.no_grad():
            latent, log_det = self._map(context, flow).call_and_ladj(_tensor(z))
        return _array(latent), _array(log_det)

    @final
    def _from_latent(self, latent: FloatArray, context: FloatArray, flow: int) -> FloatArray:
        import torch

        from novum.training import one_thread

        if not len(latent):
            return latent
        with one_thread(), torch.no_grad():
            return _array(self._map(context, flow).inv(_tensor(latent)))

    def _map(self, context: FloatArray, flow: int) -> Any:
        """From features to latent variables, given the mass."""
        import torch

        network = self._network(self.n_features_in_, 0)
        for parameter, learnt in zip(network.parameters(), self.weights_, strict=True):
            parameter.data = torch.tensor(learnt[flow])
        given = _tensor(context[:, None])
        return network.to(given.device).transform(given)

    def _network(self, d: int, seed: int) -> Any:
        from novum.optional import optional
        from novum.training import seeded_network

        flows = optional("zuko.flows", "deep", f"the density '{self.name}'")
        return seeded_network(lambda: self._blocks(flows, d), seed)


def _tensor(values: FloatArray) -> Any:
    import torch

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.from_numpy(values.astype(np.float32)).to(device)


def _array(values: Any) -> FloatArray:
    return np.asarray(values.cpu().numpy(), dtype=np.float64)
