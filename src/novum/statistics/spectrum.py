"""The record of a spectrum fit and what it predicts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from novum.errors import WindowError
from novum.statistics.families import Family, family
from novum.statistics.likelihood import BinIntegrals, BoolArray, FloatArray
from novum.windows import Window

_ARRAYS = ("parameters", "covariance", "edges", "counts", "expected")


@dataclass(frozen=True)
class OrderTest:
    """One step of the F-test that chose the number of parameters.

    Attributes
    ----------
    n_params : int
        Number of parameters tried.
    deviance : float
        Poisson deviance of that fit.
    ndf : int
        Its degrees of freedom.
    f_p : float or None
        p-value of the improvement over the previous order; None for the first.
    """

    n_params: int
    deviance: float
    ndf: int
    f_p: float | None


@dataclass(frozen=True, eq=False)
class SpectrumFit:
    """A smooth family fitted to a spectrum, the bins of a signal region masked.

    Attributes
    ----------
    family : Family
        The family.
    n_params : int
        Number of parameters p.
    parameters : float64 array (p,)
        Maximum-likelihood parameters in the family's own basis.
    covariance : float64 array (p, p)
        Inverse Fisher information.
    edges : float64 array (B+1,)
        Bin edges [GeV].
    counts : float64 array (B,)
        Observed counts, effective counts for weighted events.
    masked : bool array (B,)
        True: the bin did not enter the likelihood.
    expected : float64 array (B,)
        Expected counts, masked bins included.
    deviance : float
        Poisson deviance over the bins fitted.
    ndf : int
        Bins fitted minus parameters.
    p_value : float
        Goodness of fit.
    p_method : str
        ``"chi2"``, or ``"toys"`` (refitted) where a bin expects fewer than 5 events.
    order_tests : tuple of OrderTest
        How the order was chosen; empty where it was given.
    exposure : float64 array (B,) or None
        Counts per event of the density; None where it is 1. `counts` and `expected` contain it,
        `expectation` and `ratio` do not.
    """

    family: Family
    n_params: int
    parameters: FloatArray
    covariance: FloatArray
    edges: FloatArray
    counts: FloatArray
    masked: BoolArray
    expected: FloatArray
    deviance: float
    ndf: int
    p_value: float
    p_method: str
    order_tests: tuple[OrderTest, ...] = ()
    exposure: FloatArray | None = None

    def expectation(self, low: float, high: float) -> tuple[float, float]:
        """Expected events between two masses and their standard error.

        Of weighted events, the expected sum of weights.

        Parameters
        ----------
        low, high : float
            Interval inside the range of the spectrum [GeV].

        Returns
        -------
        value, error : float

        Raises
        ------
        WindowError
            If the interval is empty or leaves the range of the spectrum.
        """
        value, slope = self._integral(low, high)
        return value, float(np.sqrt(slope @ self.covariance @ slope))

    def ratio(self, window: Window) -> tuple[float, float]:
        """Expected events of the signal region over those of both sidebands.

        Of weighted events, the ratio of expected sums of weights. The uncertainty carries the
        correlation of numerator and denominator.

        Parameters
        ----------
        window : Window
            Inside the range of the spectrum, sidebands included.

        Returns
        -------
        r, sigma_r : float

        Raises
        ------
        WindowError
            If the window leaves the range of the spectrum.
        """
        inside, slope_in = self._integral(window.low, window.high)
        parts = [self._integral(*side) for side in window.sidebands]
        outside = parts[0][0] + parts[1][0]
        r = inside / outside
        slope = slope_in / outside - r * (parts[0][1] + parts[1][1]) / outside
        return r, float(np.sqrt(slope @ self.covariance @ slope))

    @property
    def integrals(self) -> BinIntegrals:
        """The model of `expected`."""
        return BinIntegrals.of(self.family, self.edges, self.n_params, self.exposure)

    @property
    def expected_error(self) -> FloatArray:
        """Standard error of every bin's expectation, shape (B,)."""
        slope = self.integrals.expected(self.parameters)[1]
        error: FloatArray = np.sqrt(np.einsum("bi,ij,bj->b", slope, self.covariance, slope))
        return error

    def linearised(self) -> tuple[FloatArray, FloatArray]:
        """Design (B, p) and offset (B,) of the log-linear model tangent at the fit.

        ``exp(offset + design @ θ)`` equals the exact bin integrals at θ = `parameters`, with
        equal first derivatives, so that batched fits share the maximum of the exact fit.
        """
        return self.integrals.tangent(self.parameters)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        arrays = {name: getattr(self, name).tolist() for name in _ARRAYS}
        return {
            "family": self.family.to_dict(),
            "n_params": self.n_params,
            **arrays,
            "masked": self.masked.tolist(),
            "deviance": self.deviance,
            "ndf": self.ndf,
            "p_value": self.p_value,
            "p_method": self.p_method,
            "order_tests": [asdict(t) for t in self.order_tests],
            "exposure": None if self.exposure is None else self.exposure.tolist(),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> SpectrumFit:
        """Inverse of `to_dict`."""
        arrays = {name: np.asarray(data[name], dtype=np.float64) for name in _ARRAYS}
        exposure = data["exposure"]
        return cls(
            family=family(**data["family"]),
            n_params=data["n_params"],
            **arrays,
            masked=np.asarray(data["masked"], dtype=np.bool_),
            deviance=data["deviance"],
            ndf=data["ndf"],
            p_value=data["p_value"],
            p_method=data["p_method"],
            order_tests=tuple(OrderTest(**t) for t in data["order_tests"]),
            exposure=None if exposure is None else np.asarray(exposure, dtype=np.float64),
        )

    def _integral(self, low: float, high: float) -> tuple[float, FloatArray]:
        slack = 1e-9 * (self.edges[-1] - self.edges[0])
        if not self.edges[0] - slack <= low < high <= self.edges[-1] + slack:
            raise WindowError(
                f"the interval {low:g}-{high:g} GeV is empty or outside the fitted spectrum, "
                f"{self.edges[0]:g}-{self.edges[-1]:g} GeV",
                value=(low, high),
            )
        inner = self.edges[(self.edges > low + slack) & (self.edges < high - slack)]
        pieces = np.concatenate([[low], inner, [high]])
        integrals = BinIntegrals.of(self.family, pieces, self.n_params)
        value, slope = integrals.expected(self.parameters)
        return float(value.sum()), slope.sum(axis=0)
