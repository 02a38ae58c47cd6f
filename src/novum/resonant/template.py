"""Background templates: events like background in the signal region, learnt in the sidebands."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Self, final

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from novum.density import AutoregressiveSpline
from novum.density.base import Density
from novum.errors import ConfigError, InputError
from novum.resonant.base import FloatArray, ResonantMethod, Task
from novum.windows import Window


def learn_sidebands(
    density: Density | None,
    X: FloatArray,
    m: FloatArray,
    window: Window,
    sample_weight: FloatArray,
    seed: int,
) -> Density:
    """Density p(x | m) of all events outside the signal region, which it interpolates.

    Parameters
    ----------
    density : Density or None
        Cloned; `AutoregressiveSpline` where None.
    X, m, window, sample_weight, seed
        As for `ResonantMethod.prepare`.

    Raises
    ------
    InputError
        If one side of the signal region holds no weight, or as the density says.
    """
    sides = (("below", m < window.low), ("above", m >= window.high))
    for name, rows in sides:
        if not sample_weight[rows].sum() > 0:
            raise InputError(
                f"no training events {name} the signal region {window}: a density learnt on one "
                "side extrapolates; choose another window",
                value=0,
            )
    outside = ~window.in_signal_region(m)
    return seeded(density, seed).fit(X[outside], m[outside], sample_weight[outside])


def seeded(density: Density | None, seed: int) -> Density:
    """An unfitted copy with this seed; `AutoregressiveSpline` where None."""
    made: Density = AutoregressiveSpline() if density is None else clone(density)
    made.set_params(random_state=seed)
    return made


def masses_like(m: FloatArray, weight: FloatArray, n: int, rng: np.random.Generator) -> FloatArray:
    """Draw n masses from a continuous distribution with the quantiles of m (k,)."""
    order = np.argsort(m)
    share = np.cumsum(weight[order])
    drawn: FloatArray = np.interp(rng.random(n) * share[-1], share, m[order])
    return drawn


def two_classes(data: FloatArray, weight: FloatArray, template: FloatArray) -> Task:
    """Data (y = 1) against template (y = 0), both of the same total weight."""
    n = len(data) + len(template)
    w = [weight / weight.sum() * n / 2, np.full(len(template), n / 2 / max(len(template), 1))]
    y = np.repeat(np.array([1, 0], np.int8), [len(data), len(template)])
    return Task(X=np.concatenate([data, template]), y=y, sample_weight=np.concatenate(w))


class TemplateMethod(ResonantMethod):
    """Base of methods that compare the signal region with events drawn from a density.

    Parameters
    ----------
    density : Density or None
        Learnt outside the signal region.
    oversampling : float
        Template events for each event of the signal region.
    """

    packages: ClassVar[tuple[str, ...]] = ("torch",)

    def __init__(self, density: Density | None = None, *, oversampling: float = 4.0) -> None:
        self.density = density
        self.oversampling = oversampling

    @final
    def check_ready(self) -> None:
        """Raise ConfigError or MissingDependencyError before any work."""
        if not 0 < self.oversampling < np.inf:
            raise ConfigError(f"oversampling: must be positive, got {self.oversampling:g}")
        seeded(self.density, 0).check_ready()

    @final
    def prepare(
        self,
        X: FloatArray,
        m: FloatArray,
        window: Window,
        sample_weight: FloatArray,
        ids: NDArray[np.uint64],
        seed: int,
    ) -> Task:
        """Signal region against the template; see `ResonantMethod.prepare`.

        Raises
        ------
        InputError
            If the signal region or a side of it is empty, or the density cannot be learnt.
        """
        inside = window.in_signal_region(m) & (sample_weight > 0)
        if not inside.any():
            raise InputError(f"the signal region of {window} holds no training events", value=0)
        self.fit_template(X, m, window, sample_weight, seed)
        rng = np.random.default_rng([seed, 0x7E])
        n = max(round(self.oversampling * inside.sum()), 1)
        masses = masses_like(m[inside], sample_weight[inside], n, rng)
        return two_classes(
            self.coordinates(X[inside], m[inside]),
            sample_weight[inside],
            self.coordinates(self.template(masses, rng), masses),
        )

    @final
    def fit_template(
        self,
        X: FloatArray,
        m: FloatArray,
        window: Window,
        sample_weight: FloatArray,
        seed: int,
    ) -> Self:
        """Learn the density outside the signal region; parameters as for `prepare`."""
        self.density_ = learn_sidebands(self.density, X, m, window, sample_weight, seed)
        return self

    @final
    def template(self, m: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Background-like features (n, d), one event for each mass of m (n,)."""
        return self.density_.sample(m, rng)

    @abstractmethod
    def coordinates(self, X: FloatArray, m: FloatArray) -> FloatArray:
        """What the classifier sees of events X (n, d) with masses m (n,)."""
