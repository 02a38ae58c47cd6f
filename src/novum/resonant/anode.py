"""ANODE: the ratio of two densities (arXiv:2001.04990)."""

from __future__ import annotations

from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import NDArray

from novum.density.base import Density
from novum.resonant.base import FloatArray, ResonantMethod
from novum.resonant.template import learn_sidebands, seeded
from novum.windows import Window


@final
class ANODE(ResonantMethod):
    """Density of the signal region over that interpolated from outside; no classifier.

    Two densities p(x | m) are learnt, of the events in the signal region and of those outside.
    Their ratio at an event is the likelihood ratio of data against background. Beyond the signal
    region its density is taken at the nearest edge. What limits the method is how well a density
    is learnt where signal is: a classifier needs only its difference from background.

    Parameters
    ----------
    density : Density or None
        Cloned for both; None: the autoregressive spline.
    """

    name: ClassVar[str] = "anode"
    packages: ClassVar[tuple[str, ...]] = ("torch",)
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("2001.04990", "Anomaly Detection with Density Estimation"),
    )

    def __init__(self, density: Density | None = None) -> None:
        self.density = density

    @classmethod
    def published(cls) -> Self:
        """The flow of CATHODE's comparison with it (arXiv:2109.00546)."""
        from novum.density import MaskedAutoregressiveFlow

        return cls(MaskedAutoregressiveFlow.published())

    def check_ready(self) -> None:
        """Raise ConfigError or MissingDependencyError before any work."""
        seeded(self.density, 0).check_ready()

    def prepare(
        self,
        X: FloatArray,
        m: FloatArray,
        window: Window,
        sample_weight: FloatArray,
        ids: NDArray[np.uint64],
        seed: int,
    ) -> None:
        """Learn both densities; see `ResonantMethod.prepare`.

        Raises
        ------
        InputError
            If a density cannot be learnt: too few events, or one side of the signal region empty.
        """
        first, second = np.random.SeedSequence(seed).generate_state(2).tolist()
        self.outside_ = learn_sidebands(self.density, X, m, window, sample_weight, first)
        inside = window.in_signal_region(m)
        self.inside_ = seeded(self.density, second).fit(X[inside], m[inside], sample_weight[inside])
        self.region_ = (window.low, window.high)

    def anomaly_score(self, X: FloatArray, m: FloatArray, model: Any = None) -> FloatArray:
        """Log of the density ratio, shape (n,)."""
        nearest = np.clip(m, *self.region_)
        return self.inside_.log_prob(X, nearest) - self.outside_.log_prob(X, m)
