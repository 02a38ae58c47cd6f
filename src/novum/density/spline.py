"""Autoregressive density of piecewise linear conditionals: small networks, one a feature."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar, Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri
from sklearn.base import clone

from novum.density.base import Density
from novum.density.coordinates import Coordinates, gaussianised
from novum.errors import ConfigError
from novum.training.config import TrainingConfig

FloatArray = NDArray[np.float64]

BOUND = 4.5  # outermost knots; of 100,000 normal scores none lies beyond
_CLOSEST = 1e-12  # of a probability to 0 and 1


@final
class AutoregressiveSpline(Density):
    """Autoregressive spline density, one small network a feature, all trained as one program.

    p(x | m) is the product of the conditionals of each feature given the mass and the features
    before it. Each conditional is a mixture of linear B-splines on fixed knots whose weights come
    from a network: a continuous, piecewise linear density with a cumulative distribution in closed
    form, so that the map to latent space and its inverse cost one pass and one pass a feature. The
    features are made normal and linearly independent first, so that few knots do. The networks
    share no weights and train side by side, with ever larger batches in place of ever smaller
    steps (arXiv:1711.00489).

    Parameters
    ----------
    hidden : tuple of int
        Nodes of the hidden layers.
    knots : int
        Knots of each conditional, from -4.5 to 4.5 standard deviations.
    epochs : int
        Passes over the training events: 3/8 of them with batches of 1/128 of the events, 1/4
        with 1/32, and 3/8 with 1/8.
    learning_rate : float
        Of Adam.
    validation_fraction : float
        Share of the events that choose the best epoch.
    random_state : int or None
        Seed.
    """

    name: ClassVar[str] = "spline"
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("1705.07057", "Masked Autoregressive Flow for Density Estimation"),
        ("1906.04032", "Neural Spline Flows"),
    )

    def __init__(
        self,
        hidden: tuple[int, ...] = (32, 32),
        *,
        knots: int = 32,
        epochs: int = 12,
        learning_rate: float = 4e-3,
        validation_fraction: float = 0.1,
        random_state: int | None = None,
    ) -> None:
        self.hidden = hidden
        self.knots = knots
        self.epochs = epochs
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
        if self.knots < 3:
            raise ConfigError(f"knots: must be at least 3, got {self.knots}")
        if not 0 < self.validation_fraction < 1:
            raise ConfigError(
                f"validation_fraction: must be between 0 and 1, got {self.validation_fraction:g}"
            )
        self._training(1000).validated()

    def fit_together(self, tables: Sequence[tuple[ArrayLike, ArrayLike]]) -> list[Self]:
        """Densities of several (X, m), such as the windows of a scan, trained as one program.

        Small networks are cheaper side by side. With equally many events in each table the result
        is that of one after the other but for rounding; otherwise all have the batch sizes of the
        first one.

        Parameters
        ----------
        tables : sequence of (array (n, d), array (n,))
            Features and masses, of the same d.

        Returns
        -------
        list of AutoregressiveSpline
            Fitted clones of this one.
        """
        models = [clone(self) for _ in tables]
        self.check_ready()
        _train_together(
            [(d, *d._prepared(X, m, None)) for d, (X, m) in zip(models, tables, strict=True)]
        )
        return models

    def _make_coordinates(self, x: FloatArray, context: FloatArray, w: FloatArray) -> Coordinates:
        return gaussianised(x, context, w)

    def _train(self, z: FloatArray, context: FloatArray, w: FloatArray) -> None:
        _train_together([(self, z, context, w)])

    def _training(self, n: int) -> TrainingConfig:
        first, second = max(round(self.epochs * 3 / 8), 1), max(round(self.epochs / 4), 1)
        sizes = [max(n // steps, 32) for steps in (128, 32, 8)]
        ends = np.cumsum([first * max(n // sizes[0], 1), second * max(n // sizes[1], 1)])
        return TrainingConfig(
            epochs=self.epochs,
            batch_size=sizes[0],
            batch_schedule=tuple(zip(ends.tolist(), sizes[1:], strict=True)),
            learning_rate=self.learning_rate,
            best_epochs=1,
        )

    def _to_latent(
        self, z: FloatArray, context: FloatArray, flow: int
    ) -> tuple[FloatArray, FloatArray]:
        latent, log_det = np.empty_like(z), np.zeros(len(z))
        read = _read(z, context)
        for i in range(z.shape[1]):
            cumulative, log_density = _Conditional(self._logits(i, read)).at(z[:, i])
            latent[:, i] = ndtri(np.clip(cumulative, _CLOSEST, 1 - _CLOSEST))
            log_normal = -0.5 * (latent[:, i] ** 2 + np.log(2 * np.pi))
            log_det += log_density - log_normal
        return latent, log_det

    def _log_density(self, z: FloatArray, context: FloatArray, flow: int) -> FloatArray:
        read, total = _read(z, context), np.zeros(len(context))
        for i in range(z.shape[1]):  # normal scores would cancel
            total = total + _Conditional(self._logits(i, read)).log_density(z[:, i])
        return total

    def _from_latent(self, latent: FloatArray, context: FloatArray, flow: int) -> FloatArray:
        z = np.zeros_like(latent)
        for i in range(latent.shape[1]):
            z[:, i] = _Conditional(self._logits(i, _read(z, context))).quantile(ndtr(latent[:, i]))
        return z

    def _logits(self, model: int, read: NDArray[np.float32]) -> NDArray[np.float32]:
        return _forward(read, [w[model] for w in self.weights_], [b[model] for b in self.biases_])


def _train_together(
    learners: Sequence[tuple[AutoregressiveSpline, FloatArray, FloatArray, FloatArray]],
) -> None:
    """Train alike splines on their own z (n, d), context (n,) and w (n,), as one program."""
    import torch

    from novum.nn import EnsembleMLP, PiecewiseLinearLikelihood
    from novum.training import split_rows, train

    first, z, _, _ = learners[0]
    d, states = z.shape[1], [s.random_state for s, *_ in learners]
    seeds = [np.random.SeedSequence(s).generate_state(d).tolist() for s in states]
    columns = [np.column_stack(part).astype(np.float32) for _, *part in learners]
    starts = np.cumsum([0, *map(len, columns[:-1])])
    rows = [
        split_rows(np.zeros(len(own), np.int8), first.validation_fraction, seed, start)
        for own, start, of_learner in zip(columns, starts.tolist(), seeds, strict=True)
        for seed in of_learner
    ]
    before = np.tril(np.ones((d, d + 1), bool), -1)
    before[:, -1] = True  # the mass
    network = EnsembleMLP.seeded(
        d + 1, first.hidden, np.concatenate(seeds).tolist(),
        torch.from_numpy(np.tile(before, (len(learners), 1))), n_out=first.knots,
    )  # fmt: skip
    normal = -0.5 * torch.linspace(-BOUND, BOUND, first.knots) ** 2
    network.linear[-1].bias.data.add_(normal)  # training starts from the normal distribution
    objective = PiecewiseLinearLikelihood(BOUND, first.knots, list(range(d)) * len(learners))
    table = torch.from_numpy(np.concatenate(columns))
    config = first._training(len(rows[0].training))
    trained = train(network, table, rows, config, objective=objective)
    for k, (learner, *_) in enumerate(learners):
        own = slice(k * d, (k + 1) * d)
        learner.validation_loss_ = trained.loss[own, 0]
        kept = [p[own, 0] for p in trained.parameters]
        learner.weights_, learner.biases_ = kept[::2], kept[1::2]


def _read(z: FloatArray, context: FloatArray) -> NDArray[np.float32]:
    """What the networks read; one context may be that of all rows."""
    given = context[:, None] + 0 * z[:, :1]  # as many as there are rows, in a graph, too
    return np.concatenate([z, given], axis=1).astype(np.float32)


def _forward(
    h: NDArray[np.float32],
    weights: Sequence[NDArray[np.float32]],
    biases: Sequence[NDArray[np.float32]],
) -> NDArray[np.float32]:
    for w, b in zip(weights[:-1], biases[:-1], strict=True):
        h = np.maximum(h @ w + b, 0)
    logits: NDArray[np.float32] = h @ weights[-1] + biases[-1]
    return logits


class _Conditional:
    """Piecewise linear densities of n events, each of its own logits (n, K).

    Beyond the outermost knots the density falls as the normal one does, and the cumulative
    distribution stays at 0 and 1.
    """

    def __init__(self, logits: NDArray[np.float32]) -> None:
        n_knots = logits.shape[1]
        self.step = 2 * BOUND / (n_knots - 1)
        p = np.exp((logits - logits.max(axis=1, keepdims=True)).astype(np.float64))
        ends = np.ones(n_knots)
        ends[[0, -1]] = 2  # half of a hat holds as much at twice the height
        self.height = np.maximum(p / (p.sum(axis=1, keepdims=True) * self.step) * ends, 1e-30)

    @cached_property
    def cumulative(self) -> FloatArray:
        """Cumulative distributions at the knots, shape (n, K)."""
        cells = (self.height[:, 1:] + self.height[:, :-1]) * (self.step / 2)
        return np.concatenate([np.zeros((len(cells), 1)), np.cumsum(cells, axis=1)], axis=1)

    def at(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Cumulative distribution and log density at z (n,)."""
        cell, t, low, density = self._inside(z)
        cumulative = _there(self.cumulative, cell) + self.step * t * (low + density) / 2
        return cumulative, _log_beyond(density, z)

    def log_density(self, z: FloatArray) -> FloatArray:
        """Log density at z (n,)."""
        return _log_beyond(self._inside(z)[-1], z)

    def quantile(self, probability: FloatArray) -> FloatArray:
        """Where the cumulative distributions reach `probability` (n,)."""
        wanted = probability * self.cumulative[:, -1]
        cell = (self.cumulative[:, 1:-1] < wanted[:, None]).sum(axis=1)
        low, high = self._around(cell)
        rest = (wanted - _there(self.cumulative, cell)) / self.step
        # Root of low t + (high - low) t²/2 = rest that lies in the cell, without cancellation.
        root = np.sqrt(np.maximum(low**2 + 2 * (high - low) * rest, 0))
        t = np.clip(2 * rest / np.maximum(low + root, 1e-300), 0, 1)
        return np.asarray((cell + t) * self.step - BOUND)

    def _inside(
        self, z: FloatArray
    ) -> tuple[NDArray[np.int64], FloatArray, FloatArray, FloatArray]:
        """Cells, places in them from 0 to 1, and densities at their starts and there, all (n,)."""
        at = (np.clip(z, -BOUND, BOUND) + BOUND) / self.step
        cell = np.minimum(at.astype(np.int64), self.height.shape[1] - 2)
        t = at - cell
        low, high = self._around(cell)
        return cell, t, low, low + (high - low) * t

    def _around(self, cell: NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
        return _there(self.height, cell), _there(self.height, cell + 1)


def _log_beyond(density: FloatArray, z: FloatArray) -> FloatArray:
    """Log density at z (n,) of one that falls as the normal one does beyond the last knots."""
    fall: FloatArray = 0.5 * np.maximum(z**2 - BOUND**2, 0)
    return np.log(density) - fall


def _there(values: FloatArray, column: NDArray[np.int64]) -> FloatArray:
    """One value (n,) of each row of (n, K)."""
    return np.take_along_axis(values, column[:, None], axis=1)[:, 0]
