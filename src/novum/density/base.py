"""The contract of densities: flows that map features, given the mass, to normal variables."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from novum.density.coordinates import Coordinates, Lattices
from novum.errors import InputError
from novum.optional import require

FloatArray = NDArray[np.float64]

FEWEST_EVENTS = 200  # on fewer no network learns a density
MAX_DEPENDENCE = 0.9  # Chatterjee's ξ of a feature given the mass: a linear correlation of 0.995
_BLOCK = 65_536  # events scored at once
_MOST_TESTED = 10_000  # events, or up to twice as many
_LEAST_OWN = 1e-9  # of a feature's variance: what those before it do not give linearly


class Density(BaseEstimator, ABC):
    """Base of all densities p(x | m).

    A member states its command-line `name`, the `packages` whose versions decide a result, and
    the papers it comes from, `reference`, as pairs of arXiv id and title. It learns in
    `Coordinates` of its own choice and maps those to d independent standard normal variables,
    the latent space. Seeds come with `random_state`. One that keeps several best epochs of its
    training is the mean of that many flows, `n_flows_`, the best first.

    Attributes
    ----------
    lattice_features_ : list of int
        Columns that take few values; they were spread evenly between these for the training.
    n_flows_ : int
        Flows whose mean it is.
    """

    name: ClassVar[str]
    packages: ClassVar[tuple[str, ...]] = ("torch",)
    reference: ClassVar[tuple[tuple[str, str], ...]]
    random_state: int | None
    n_flows_: int = 1

    @final
    def fit(
        self,
        X: ArrayLike,
        m: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        coordinates: Coordinates | None = None,
        strict: bool = True,
    ) -> Self:
        """Learn p(x | m).

        Parameters
        ----------
        X : array (n, d)
        m : array (n,)
            Resonant variable [GeV], positive. All equal: p(x) is learnt.
        sample_weight : array (n,), optional
            Not negative.
        coordinates : Coordinates, optional
            To learn in, instead of its own choice.
        strict : bool
            Whether few events, and features that follow from the mass or from others, are refused.

        Raises
        ------
        InputError
            If there are too few events, a feature is constant or a function of the mass, or a
            number is not finite.
        MissingDependencyError
            If an optional package is missing; it says what to install.
        """
        self.check_ready()
        self._train(*self._prepared(X, m, sample_weight, coordinates, strict))
        return self

    def _prepared(
        self,
        X: ArrayLike,
        m: ArrayLike,
        sample_weight: ArrayLike | None,
        coordinates: Coordinates | None = None,
        strict: bool = True,
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Coordinates learnt, and what to train on: z (n, d), context (n,), w (n,) of mean one."""
        x, masses, w = _checked(X, m, sample_weight)
        kept = w > 0
        x, masses, w = x[kept], masses[kept], w[kept]
        if strict:
            require_learnable(x, masses)
        rng = np.random.default_rng([0 if self.random_state is None else self.random_state, 0xD])
        self.lattices_ = Lattices.of(x)
        self.lattice_features_ = list(self.lattices_.values)
        self.n_features_in_ = x.shape[1]
        x = self.lattices_.spread(x, lambda _: rng.random(len(x)))
        log_m = np.log(masses)
        self.m_mean_ = float(np.average(log_m, weights=w))
        self.m_sd_ = float(np.sqrt(np.average((log_m - self.m_mean_) ** 2, weights=w))) or 1.0
        context = self._context(masses)
        self.coordinates_ = coordinates or self._make_coordinates(x, context, w)
        z, _ = self.coordinates_.forward(x, context)
        return z, context, w / w.mean()

    @final
    def log_prob(self, X: ArrayLike, m: ArrayLike) -> FloatArray:
        """log p(x | m) per unit of the features as they were given, shape (n,).

        It changes with the coordinates: of features measured in other units, or of their
        logarithms, it is another number and ranks events differently. Ratios of two densities
        do not change.
        """
        return self._by_blocks(self._log_prob, X, m)

    @final
    def log_prob_at(self, x: FloatArray, m: float) -> FloatArray:
        """`log_prob` of rows that need no check, all at one mass.

        What writes down a graph may stand in for x where the density is made of NumPy's functions.
        """
        return self._log_prob(x, self._context(np.array([m])))

    @final
    def to_latent(self, X: ArrayLike, m: ArrayLike) -> FloatArray:
        """Latent variables (n, d), standard normal for events that follow the density.

        Where the density is the mean of several flows, those of the best one. Features that take
        few values are spread evenly between them, as in the training, by the other digits of the
        event: at the values themselves events would be lumps, which nothing of background is.
        """
        return self._by_blocks(self._latent, X, m)

    @final
    def from_latent(self, latent: ArrayLike, m: ArrayLike) -> FloatArray:
        """Features (n, d) of latent variables (n, d): the inverse of `to_latent`."""
        return self._features(latent, m, 0)

    @final
    def sample(self, m: ArrayLike, rng: np.random.Generator) -> FloatArray:
        """Draw features (n, d), one event for each mass of m (n,); several flows take turns."""
        check_is_fitted(self, "n_features_in_")
        masses = np.asarray(m, dtype=np.float64)
        x = rng.standard_normal((len(masses), self.n_features_in_))
        for k in range(self.n_flows_):
            turn = slice(k, None, self.n_flows_)
            x[turn] = self._features(x[turn], masses[turn], k)
        return self.lattices_.gather(x)

    def check_ready(self) -> None:
        """Raise MissingDependencyError or ConfigError before any work."""
        for package in self.packages:
            require(package, "deep", f"the density '{self.name}'")

    @abstractmethod
    def _make_coordinates(self, x: FloatArray, context: FloatArray, w: FloatArray) -> Coordinates:
        """Coordinates in which this density learns, fitted to x (n, d) at context (n,)."""

    @abstractmethod
    def _train(self, z: FloatArray, context: FloatArray, w: FloatArray) -> None:
        """Learn from z (n, d), the standardised log mass (n,) and weights (n,) of mean 1."""

    @abstractmethod
    def _to_latent(
        self, z: FloatArray, context: FloatArray, flow: int
    ) -> tuple[FloatArray, FloatArray]:
        """Latent variables (n, d) and log |∂latent/∂z| (n,) of one of the flows."""

    @abstractmethod
    def _from_latent(self, latent: FloatArray, context: FloatArray, flow: int) -> FloatArray:
        """The inverse map, shape (n, d)."""

    def _log_density(self, z: FloatArray, context: FloatArray, flow: int) -> FloatArray:
        """log p(z | m) (n,) of one of the flows."""
        latent, log_det = self._to_latent(z, context, flow)
        log_normal: FloatArray = -0.5 * (latent**2 + np.log(2 * np.pi)).sum(axis=1)
        return log_det + log_normal

    def _latent(self, x: FloatArray, context: FloatArray) -> FloatArray:
        z, _ = self.coordinates_.forward(self.lattices_.by_row(x, context), context)
        return self._to_latent(z, context, 0)[0]

    def _features(self, latent: ArrayLike, m: ArrayLike, flow: int) -> FloatArray:
        return self._by_blocks(
            lambda u, c: self.coordinates_.inverse(self._from_latent(u, c, flow), c), latent, m
        )

    def _log_prob(self, x: FloatArray, context: FloatArray) -> FloatArray:
        z, stretch = self.coordinates_.forward(x, context)
        each = np.stack([self._log_density(z, context, k) for k in range(self.n_flows_)])
        mean: FloatArray = np.logaddexp.reduce(each, axis=0) - np.log(self.n_flows_)
        return mean + stretch

    def _context(self, m: FloatArray) -> FloatArray:
        return np.asarray((np.log(m) - self.m_mean_) / self.m_sd_)

    def _by_blocks(
        self, function: Callable[[FloatArray, FloatArray], FloatArray], X: ArrayLike, m: ArrayLike
    ) -> FloatArray:
        """Row by row in bounded memory."""
        check_is_fitted(self, "n_features_in_")
        x, masses, _ = _checked(X, m, None)
        if x.shape[1] != self.n_features_in_:
            raise InputError(
                f"expected {self.n_features_in_} features, got {x.shape[1]}", value=x.shape[1]
            )
        context = self._context(masses)
        starts = range(0, max(len(x), 1), _BLOCK)
        parts = [function(x[i : i + _BLOCK], context[i : i + _BLOCK]) for i in starts]
        return np.concatenate(parts)


def _checked(X: ArrayLike, m: ArrayLike, w: ArrayLike | None) -> tuple[Any, Any, Any]:
    x, masses = np.asarray(X, np.float64), np.asarray(m, np.float64)
    weight = np.ones(len(masses)) if w is None else np.asarray(w, np.float64)
    if x.ndim != 2 or masses.shape != (len(x),) or weight.shape != (len(x),):
        raise InputError(
            f"expected features (n, d) with masses and weights (n,), got {x.shape}, "
            f"{masses.shape} and {weight.shape}"
        )
    for name, values in (("features", x), ("mass", masses), ("weight", weight)):
        if not np.isfinite(values).all():
            raise InputError(f"{name}: not all values are finite", column=name)
    if len(masses) and not masses.min() > 0:
        raise InputError(
            "a density given the mass needs positive masses", column="mass", value=masses.min()
        )
    if len(weight) and weight.min() < 0:
        raise InputError("weights must not be negative", column="weight", value=weight.min())
    return x, masses, weight


def require_learnable(x: FloatArray, m: FloatArray, names: Sequence[str] = ()) -> None:
    """Raise InputError unless features x (n, d) at masses m (n,) may have a density p(x | m).

    Parameters
    ----------
    x, m : arrays (n, d), (n,)
    names : sequence of str, optional
        Of the features, for the message.
    """
    if len(x) < FEWEST_EVENTS:
        raise InputError(
            f"a density needs at least {FEWEST_EVENTS} training events, there are {len(x)}; widen "
            "the range, or use a method that needs none (cwola)",
            value=len(x),
        )
    _, each = np.unique(m, return_index=True)  # copies of an event would look like a function
    each = each[:: max(len(each) // _MOST_TESTED, 1)]
    for i, column in enumerate(x.T):
        name = f"'{names[i]}'" if names else str(i)
        if column.min() == column.max():
            raise InputError(
                f"feature {name} is constant ({column[0]:g}) in all training events",
                value=column[0],
            )
        dependence = _dependence(column[each]) if len(each) > 1 else 0.0
        if dependence > MAX_DEPENDENCE:
            raise InputError(
                f"feature {name} is a function of the mass (Chatterjee's ξ {dependence:.3f}): "
                "given the mass it has no density; leave it out",
                value=dependence,
            )
    _require_independent(x, names)


def _require_independent(x: FloatArray, names: Sequence[str]) -> None:
    """Refuse a feature that is a sum, a product or a rising function of those before it."""
    if len(x) < 10 * x.shape[1]:
        return  # so few events are sums of each other by chance
    rows = x[:: max(len(x) // _MOST_TESTED, 1)]
    every, positive = np.arange(x.shape[1]), np.flatnonzero((x > 0).all(axis=0))
    kinds = [(every, rows), (every, rankdata(rows, axis=0)), (positive, np.log(rows[:, positive]))]
    for columns, values in kinds:
        z = (values - values.mean(axis=0)) / np.maximum(values.std(axis=0), 1e-300)
        left = np.diag(np.linalg.qr(z, mode="r")) ** 2 / len(z)
        for i in columns[left < _LEAST_OWN]:
            name = f"'{names[i]}'" if names else str(i)
            raise InputError(
                f"feature {name} follows from the features before it: with them it has no "
                "density; leave it out",
                value=name,
            )


def _dependence(x: FloatArray) -> float:
    """Chatterjee's ξ (arXiv:1909.10140) of x (n,) in the order of the mass.

    1 where x is a function of the mass, whatever its form, and 0 where it is independent.
    """
    n = len(x)
    rank, above = rankdata(x, "max"), rankdata(-x, "max")
    spread = float((above * (n - above)).sum())
    return 1 - n * float(np.abs(np.diff(rank)).sum()) / (2 * spread) if spread else 0.0
