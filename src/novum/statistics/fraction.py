"""Fraction of signal in a mixture of two densities, of which that of background needs proof.

Events of the signal region follow w s + (1 - w) b', control events b'. The background that was
learnt, b, is believed up to the distortion that matters most: b' = b (1 + t g), where g is the
influence of an event on the fraction less its mean over b. The nuisance t is fitted to both
samples, so that background that the learnt density misses under the signal is seen in the control
events first, and what these cannot tell widens the interval.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

FloatArray = NDArray[np.float64]

FOUND = 2.0  # z from which an interval may begin above 0: no signal is excluded at 97.7 %
_FEWEST = 3.0  # events that the influence is computed for, if fewer are found
_LARGEST = 0.999


@dataclass(frozen=True)
class FractionFit:
    """Fraction of signal with its interval.

    Attributes
    ----------
    value : float
        Of largest likelihood, at least 0.
    low, high : float
        Where the profile likelihood falls by the asked number of standard deviations. `low` is 0
        unless no signal is excluded at 97.7 %: an interval that begins above 0 reads as a finding.
    z : float
        Root of twice the log-likelihood ratio to no signal.
    """

    value: float
    low: float
    high: float
    z: float


@dataclass(frozen=True, eq=False)
class FractionData:
    """Ratios of signal over background density, all positive, by J fits of the signal density.

    Attributes
    ----------
    ratio : float64 array (n,)
        Of the events of the signal region, each by a fit that was made without it.
    fit : int array (n,)
        Which fit that was.
    weight : float64 array (n,)
        In effective events.
    control : float64 array (J, c)
        Of events without signal.
    control_weight : float64 array (c,)
    reference : float64 array (J, r)
        Of draws from the background density.
    """

    ratio: FloatArray
    fit: NDArray[np.int64]
    weight: FloatArray
    control: FloatArray
    control_weight: FloatArray
    reference: FloatArray


def fit_fraction(data: FractionData, sigmas: float = 1.0) -> FractionFit:
    """Fraction of largest likelihood, with the interval of `sigmas` standard deviations."""
    none = np.zeros_like(data.ratio)
    pilot = _Likelihood(data, none, np.zeros_like(data.control_weight)).best()
    model = _Likelihood(data, *_influence(data, max(pilot, _FEWEST / data.weight.sum())))
    best = model.best()
    top = model.profiled(best)

    def rise(w: float, level: float) -> float:
        return level**2 - 2 * (top - model.profiled(w))

    z = float(np.sqrt(max(2 * (top - model.profiled(0.0)), 0.0)))
    low = brentq(rise, 0.0, best, (sigmas,)) if z > max(sigmas, FOUND) else 0.0
    high = _LARGEST if rise(_LARGEST, sigmas) > 0 else brentq(rise, best, _LARGEST, (sigmas,))
    return FractionFit(best, float(low), float(high), z)


def _influence(data: FractionData, w: float) -> tuple[FloatArray, FloatArray]:
    """Influence on the fraction of the events and of the control events, mean 0 over b."""

    def score(ratio: FloatArray) -> FloatArray:
        return w * (ratio - 1) / (1 + w * (ratio - 1))  # times w: at most 1

    mean = score(data.reference).mean(axis=1)
    control = (score(data.control) - mean[:, None]).mean(axis=0)
    return score(data.ratio) - mean[data.fit], control


class _Likelihood:
    """log L(w, t): concave in t; its maximum over t has one maximum in w."""

    def __init__(self, data: FractionData, g: FloatArray, control_g: FloatArray) -> None:
        self.ratio, self.weight, self.g = data.ratio, data.weight, g
        self.control_g, self.control_weight = control_g, data.control_weight
        every = np.concatenate([g, control_g])
        self.nuisances = (-0.95 / max(every.max(), 1e-9), -0.95 / min(every.min(), -1e-9))

    def profiled(self, w: float) -> float:
        """log L at the best t."""
        t = self.nuisance(w)
        inside = np.log(w * self.ratio + (1 - w) * (1 + t * self.g))
        return float(self.weight @ inside + self.control_weight @ np.log1p(t * self.control_g))

    def nuisance(self, w: float) -> float:
        """The best t for this w."""

        def slope(t: float) -> float:
            mixed = w * self.ratio + (1 - w) * (1 + t * self.g)
            inside = self.weight @ ((1 - w) * self.g / mixed)
            control = self.control_g / (1 + t * self.control_g)
            return float(inside + self.control_weight @ control)

        return _top(slope, *self.nuisances)

    def best(self) -> float:
        """The best w."""

        def slope(w: float) -> float:
            background = 1 + self.nuisance(w) * self.g
            mixed = w * self.ratio + (1 - w) * background
            return float(self.weight @ ((self.ratio - background) / mixed))

        return _top(slope, 0.0, _LARGEST)


def _top(slope: Callable[[float], float], low: float, high: float) -> float:
    """Where a function of falling slope is largest, between two ends."""
    if slope(low) <= 0:
        return low if slope(high) <= 0 else high
    return high if slope(high) >= 0 else float(brentq(slope, low, high, xtol=1e-9))
