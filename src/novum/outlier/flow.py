"""Density of the background from a normalising flow."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray

from novum.errors import ConfigError, ExportError
from novum.outlier.base import Detector, require_at_least
from novum.outlier.network import ROWS
from novum.outlier.traced import is_traced

if TYPE_CHECKING:
    from novum.density.base import Density

FloatArray = NDArray[np.float64]

FLOWS = ("spline", "maf", "nsf")


@final
class FlowDensity(Detector):
    """Minus the log-density of a normalising flow.

    The flows are those of `novum.density`, at one mass for all events. The density is per unit of
    the standardised features. It is no property of an event alone: of other functions of the
    features, their logarithms for one, it is another number and ranks events differently. A
    constant feature counts as normally distributed, with a standard deviation of 1 in its own
    units. Of the three flows `to_onnx` takes spline.

    Parameters
    ----------
    flow : str
        spline, maf or nsf.
    hidden : tuple of int
        Nodes of the hidden layers of its networks; none: those that are its default.
    epochs : int or None
        Passes over the training events; None: its default.
    random_state : int or None
        Seed.

    Attributes
    ----------
    varying_ : int array
        Columns that are not constant.
    density_ : list of Density
        What was learnt of these: one, or none where there are none.
    """

    name: ClassVar[str] = "flow"
    packages: ClassVar[tuple[str, ...]] = ("torch", "zuko")
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("1705.07057", "Masked Autoregressive Flow for Density Estimation"),
        (
            "2106.10164",
            "Rare and Different: Anomaly Scores from a combination of likelihood and "
            "out-of-distribution models to detect new physics at the LHC",
        ),
    )

    def __init__(
        self,
        flow: Literal["spline", "maf", "nsf"] = "spline",
        *,
        hidden: tuple[int, ...] = (),
        epochs: int | None = None,
        random_state: int | None = None,
    ) -> None:
        self.flow = flow
        self.hidden = hidden
        self.epochs = epochs
        self.random_state = random_state

    def check_ready(self) -> None:
        """See `Detector.check_ready`."""
        super().check_ready()
        if self.flow not in FLOWS:
            raise ConfigError(f"flow: must be one of {', '.join(FLOWS)}, got {self.flow}")
        if self.epochs is not None:
            require_at_least("epochs", self.epochs, 1)
        self._new().check_ready()

    def _new(self) -> Density:
        from novum.density import MEMBERS

        known = {m.name: m for m in (getattr(import_module(m), c) for c, m in MEMBERS.items())}
        density: Density = known[self.flow](random_state=self.random_state)
        given = {"hidden": self.hidden or None, "epochs": self.epochs}
        density.set_params(**{k: v for k, v in given.items() if v is not None})
        return density

    def _learn(self, z: FloatArray, w: FloatArray) -> None:
        self.varying_ = np.flatnonzero(np.ptp(z, axis=0) > 0)
        self.density_ = []
        if len(self.varying_):
            x, one = z[:, self.varying_], np.ones(len(z))
            self.density_ = [self._new().fit(x, one, w, strict=False)]

    def _score(self, z: FloatArray) -> FloatArray:
        constant = np.setdiff1d(np.arange(z.shape[1]), self.varying_)
        rest: FloatArray = np.take(z, constant, axis=1) ** 2 + np.log(2 * np.pi)
        score: FloatArray = 0.5 * rest.sum(axis=1)
        for density in self.density_:
            score = score - _log_prob(density, np.take(z, self.varying_, axis=1))
        return score


def _log_prob(density: Density, x: Any) -> Any:
    """Log density (n,) of events (n, d)."""
    if is_traced(x):
        if density.name != "spline":
            raise ExportError(f"{density.name} runs in zuko, outside the graph; spline does not")
        return density.log_prob_at(x, 1.0)
    # All products have as many rows: where a map has a kink, the last bit is not nothing.
    padded = np.zeros((-(-len(x) // ROWS) * ROWS, x.shape[1]))
    padded[: len(x)] = x
    parts = [
        density.log_prob(part, np.ones(ROWS)) for part in np.split(padded, len(padded) // ROWS)
    ]
    return np.concatenate(parts)[: len(x)]
