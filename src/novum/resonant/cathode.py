"""CATHODE: the signal region against samples of an interpolated density (arXiv:2109.00546)."""

from __future__ import annotations

from typing import Any, ClassVar, Self, final

from novum.density.base import Density
from novum.resonant.base import FloatArray, log_odds
from novum.resonant.template import TemplateMethod


@final
class CATHODE(TemplateMethod):
    """Signal region against events sampled from an interpolated density, without labels.

    The density p(x | m) is learnt from all events outside the signal region. Samples of it with
    masses of the signal region are what background would look like there, also where its
    features depend on the mass, and a classifier separates the observed events from them. It is
    trained inside the signal region alone: if the features follow the mass, its scores mean
    nothing elsewhere (see LaCATHODE).

    Parameters
    ----------
    density : Density or None
        Learnt outside the signal region; None: the autoregressive spline.
    oversampling : float
        Template events for each event of the signal region.
    """

    name: ClassVar[str] = "cathode"
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("2109.00546", "Classifying Anomalies THrough Outer Density Estimation (CATHODE)"),
    )

    def __init__(self, density: Density | None = None, *, oversampling: float = 4.0) -> None:
        super().__init__(density, oversampling=oversampling)

    @classmethod
    def published(cls) -> Self:
        """The flow of arXiv:2109.00546, and 400,000 samples for 121,000 events."""
        from novum.density import MaskedAutoregressiveFlow

        return cls(MaskedAutoregressiveFlow.published(), oversampling=3.3)

    def coordinates(self, X: FloatArray, m: FloatArray) -> FloatArray:
        """The features themselves."""
        return X

    def anomaly_score(self, X: FloatArray, m: FloatArray, model: Any = None) -> FloatArray:
        """Log-odds of data against template, shape (n,)."""
        return log_odds(model, X)
