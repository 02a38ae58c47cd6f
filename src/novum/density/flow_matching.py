"""Continuous flow that is learnt by regression: flow matching (arXiv:2210.02747)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from novum.density.base import Density
from novum.density.coordinates import Coordinates, gaussianised
from novum.errors import ConfigError
from novum.training.config import TrainingConfig

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from novum.nn import VelocityField

FloatArray = NDArray[np.float64]

_QUARTER = np.pi / 2  # the angle from noise to data
_ROWS = 4096  # moved at once, with their tangents: what a cache holds


@final
class FlowMatching(Density):
    """Continuous flow from noise to data, its velocity learnt by regression.

    A network learns the mean velocity of the paths cos(θ) noise + sin(θ) event, by least squares:
    no likelihood and no solver in the training. Events are drawn by solving the motion from θ = 0
    to 90°. The straight paths of flow matching give the same map: they are these, at another
    pace and scale. What these have for them is that normal variables stay at rest; in coordinates
    that are nearly normal little is left to learn, and few steps of a solver do. The density is
    that of the solver's own map back to noise, whose Jacobian is carried along.

    Parameters
    ----------
    hidden : tuple of int
        Nodes of the hidden layers.
    steps : int
        Runge-Kutta steps of fourth order between noise and data.
    epochs : int
        Passes over the training events, each with new noise.
    batch_size : int
        Events a step.
    learning_rate : float
        Highest of a one-cycle schedule.
    validation_fraction : float
        Share of the events that choose the best epoch.
    random_state : int or None
        Seed.
    """

    name: ClassVar[str] = "flow-matching"
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("2210.02747", "Flow Matching for Generative Modeling"),
        ("2209.15571", "Building Normalizing Flows with Stochastic Interpolants"),
        ("2410.20537", "SIGMA: Single Interpolated Generative Model for Anomalies"),
    )

    def __init__(
        self,
        hidden: tuple[int, ...] = (128, 128),
        *,
        steps: int = 4,
        epochs: int = 40,
        batch_size: int = 512,
        learning_rate: float = 5e-3,
        validation_fraction: float = 0.1,
        random_state: int | None = None,
    ) -> None:
        self.hidden = hidden
        self.steps = steps
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    def check_ready(self) -> None:
        """See `Density.check_ready`.

        Raises
        ------
        ConfigError
            Names the key and the value.
        """
        super().check_ready()
        if not self.hidden or min(self.hidden) < 1:
            raise ConfigError(f"hidden: give the nodes of at least one layer, got {self.hidden}")
        if self.steps < 1:
            raise ConfigError(f"steps: must be at least 1, got {self.steps}")
        if not 0 < self.validation_fraction < 1:
            raise ConfigError(
                f"validation_fraction: must be between 0 and 1, got {self.validation_fraction:g}"
            )
        self._training().validated()

    def _make_coordinates(self, x: FloatArray, context: FloatArray, w: FloatArray) -> Coordinates:
        return gaussianised(x, context, w)

    def _train(self, z: FloatArray, context: FloatArray, w: FloatArray) -> None:
        import torch

        from novum.training import minimise, seeded_network, split_rows

        seed = int(np.random.SeedSequence(self.random_state).generate_state(1)[0])
        network = seeded_network(lambda: self._network(z.shape[1]), seed)

        def loss(rows: Tensor, generator: torch.Generator) -> Tensor:
            event, device = rows[:, :-1], rows.device
            noise = torch.randn(event.shape, generator=generator, device=device)
            # Angles evenly apart, so that no batch lacks a part of the way.
            places = torch.arange(len(rows), device=device)
            places = places + torch.rand(1, generator=generator, device=device)
            angle = places[:, None] * (_QUARTER / len(rows))
            cos, sin = angle.cos(), angle.sin()
            velocity = network.velocity(cos * noise + sin * event, angle, rows[:, -1:])
            return (velocity - (cos * event - sin * noise)).square().sum(dim=1)

        table = torch.from_numpy(np.column_stack([z, context, w]).astype(np.float32))
        rows = split_rows(np.zeros(len(z), np.int8), self.validation_fraction, seed)
        trained = minimise(network, table, rows, self._training(), loss)
        self.validation_loss_ = trained.loss[0]
        self.weights_ = [p[0, 0] for p in trained.parameters]

    def _training(self) -> TrainingConfig:
        return TrainingConfig(
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            best_epochs=1,
        )

    def _to_latent(
        self, z: FloatArray, context: FloatArray, flow: int
    ) -> tuple[FloatArray, FloatArray]:
        n, d = z.shape
        unit = np.broadcast_to(np.eye(d)[:, None], (d, n, d))
        state = self._solve(np.concatenate([z[None], unit]), context, _QUARTER, 0.0)
        # Row k of a Jacobian holds the derivatives along the k-th coordinate of z.
        return state[0], np.linalg.slogdet(state[1:].transpose(1, 0, 2))[1]

    def _from_latent(self, latent: FloatArray, context: FloatArray, flow: int) -> FloatArray:
        return np.asarray(self._solve(latent[None], context, 0.0, _QUARTER)[0])

    def _solve(
        self, state: FloatArray, context: FloatArray, begin: float, end: float
    ) -> FloatArray:
        """Points and tangent vectors (1 + k, n, d) after the motion between two angles."""
        import torch

        from novum.training import one_thread

        angles = np.linspace(begin, end, self.steps + 1).tolist()
        field, device = self._field(state.shape[2])
        parts = []
        with one_thread(), torch.no_grad():
            for i in range(0, max(len(context), 1), _ROWS):
                rows = slice(i, i + _ROWS)
                moved = torch.from_numpy(state[:, rows].astype(np.float32)).to(device)
                given = torch.from_numpy(context[rows, None].astype(np.float32)).to(device)
                for a, b in pairwise(angles):
                    moved = _runge_kutta(field, moved, given, a, b)
                parts.append(moved.cpu().numpy())
        return np.concatenate(parts, axis=1).astype(np.float64)

    def _field(self, d: int) -> tuple[VelocityField, torch.device]:
        """What was learnt, on its device."""
        import torch

        from novum.training import seeded_network

        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        field = seeded_network(lambda: self._network(d), 0)
        for parameter, learnt in zip(field.parameters(), self.weights_, strict=True):
            parameter.data = torch.tensor(learnt)
        return field.to(device), device

    def _network(self, d: int) -> VelocityField:
        from novum.nn import VelocityField

        return VelocityField(d, 1, self.hidden)


def _runge_kutta(
    field: VelocityField, state: Tensor, context: Tensor, begin: float, end: float
) -> Tensor:
    """One classical step of fourth order; tangents move with the derivative of the same step."""

    def rate(at: Tensor, angle: float) -> Tensor:
        return field.push(at, context.new_full((len(context), 1), angle), context)

    h, middle = end - begin, (begin + end) / 2
    first = rate(state, begin)
    second = rate(state + h / 2 * first, middle)
    third = rate(state + h / 2 * second, middle)
    fourth = rate(state + h * third, end)
    return state + h / 6 * (first + 2 * second + 2 * third + fourth)
