"""ANODE: the ratio of two densities (arXiv:2001.04990)."""

from __future__ import annotations

from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import NDArray

from novum.density.base import Density
from novum.density.coordinates import Unchanged
from novum.resonant.base import FloatArray, ResonantMethod
from novum.resonant.template import learn_sidebands, seeded
from novum.windows import Window


@final
class ANODE(ResonantMethod):
    """Density of the signal region over that interpolated from outside; no classifier.

    Two densities are learnt, of the events in the signal region and of those outside, p(x | m).
    Their ratio at an event is the likelihood ratio of data against background. What limits the
    method is how well a density is learnt where signal is: a classifier needs only its difference
    from background. So that a density needs no more either, that of the signal region is learnt
    in the latent space of the other, where background is normal at every mass, and is the ratio
    to the normal density.

    Parameters
    ----------
    density : Density or None
        Cloned for both; None: the autoregressive spline.
    residual : bool
        Learn the density of the signal region in the latent space of the other; otherwise on its
        own given the mass, as in the paper, and beyond the signal region as at its nearest edge.
    """

    name: ClassVar[str] = "anode"
    classifies: ClassVar[bool] = False
    packages: ClassVar[tuple[str, ...]] = ("torch",)
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("2001.04990", "Anomaly Detection with Density Estimation"),
    )

    def __init__(self, density: Density | None = None, *, residual: bool = True) -> None:
        self.density = density
        self.residual = residual

    @property
    def mass_dependence(self) -> bool:
        """See `ResonantMethod`: scores are made in latent space, where background is normal."""
        return self.residual

    @classmethod
    def published(cls) -> Self:
        """The flow of CATHODE's comparison with it (arXiv:2109.00546)."""
        from novum.density import MaskedAutoregressiveFlow

        return cls(MaskedAutoregressiveFlow.published(), residual=False)

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
        self.inside_ = seeded(self.density, second)
        if self.residual:
            z, coordinates = self.outside_.to_latent(X[inside], m[inside]), Unchanged()
            masses = np.full(len(z), window.center)
            self.inside_.fit(z, masses, sample_weight[inside], coordinates=coordinates)
        else:
            self.inside_.fit(X[inside], m[inside], sample_weight[inside])
        self.window_ = window

    def anomaly_score(self, X: FloatArray, m: FloatArray, model: Any = None) -> FloatArray:
        """Log of the density ratio, shape (n,)."""
        region = self.window_
        if self.residual:
            z = self.outside_.to_latent(X, m)
            normal = -0.5 * (z**2 + np.log(2 * np.pi)).sum(axis=1)
            return np.asarray(self.inside_.log_prob(z, np.full(len(z), region.center)) - normal)
        nearest = np.clip(m, region.low, region.high)
        return self.inside_.log_prob(X, nearest) - self.outside_.log_prob(X, m)
