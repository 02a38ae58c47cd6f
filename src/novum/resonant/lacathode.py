"""LaCATHODE: CATHODE's classifier in the latent space of its flow (arXiv:2210.14924)."""

from __future__ import annotations

from typing import Any, ClassVar, Self, final

from novum.density.base import Density
from novum.resonant.base import FloatArray, log_odds
from novum.resonant.template import TemplateMethod


@final
class LaCATHODE(TemplateMethod):
    """CATHODE with the classifier in latent space, where background looks the same at all masses.

    The flow that learns p(x | m) outside the signal region maps background to standard normal
    variables, whatever its mass. A classifier that separates the signal region from the template
    there can be used at any mass without sculpting the spectrum, also where the features follow
    the mass.

    Parameters
    ----------
    density : Density or None
        Learnt outside the signal region; None: the autoregressive spline.
    oversampling : float
        Template events for each event of the signal region.
    """

    name: ClassVar[str] = "lacathode"
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("2210.14924", "Resonant anomaly detection without background sculpting"),
    )

    def __init__(self, density: Density | None = None, *, oversampling: float = 4.0) -> None:
        super().__init__(density, oversampling=oversampling)

    @property
    def mass_dependence(self) -> bool:
        """See `ResonantMethod`: scores are made in latent space, where background is normal."""
        return True

    @classmethod
    def published(cls) -> Self:
        """The flow of CATHODE (arXiv:2109.00546), as arXiv:2210.14924 takes it."""
        from novum.density import MaskedAutoregressiveFlow

        return cls(MaskedAutoregressiveFlow.published(), oversampling=3.3)

    def coordinates(self, X: FloatArray, m: FloatArray) -> FloatArray:
        """Latent variables of the flow."""
        return self.density_.to_latent(X, m)

    def anomaly_score(self, X: FloatArray, m: FloatArray, model: Any = None) -> FloatArray:
        """Log-odds of data against template, shape (n,)."""
        return log_odds(model, self.coordinates(X, m))
