"""Which jets come from what was generated: `Matching`s of observed jets to partons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from novum.physics.particles import FloatArray, IntArray, delta_phi
from novum.simulation.partons import Partons
from novum.simulation.process import Observed

_B_QUARK, _TOP, _W = 5, 6, 24


@dataclass(frozen=True)
class MergedTop:
    """The jet holds a top quark that decays to hadrons, as in arXiv:1902.09914.

    The three quarks of its decay, taken before they radiate, and their sum, the top, are within
    `radius` of the axis of the jet in η and φ.

    Attributes
    ----------
    radius : float
    """

    radius: float = 0.8

    def __call__(self, observed: Observed, partons: Partons) -> NDArray[np.bool_]:
        """Which observed events, with features ``eta`` and ``phi``, have such a jet."""
        found = np.zeros(len(observed.rows), bool)
        for sign in (1, -1):
            found |= self._holds(sign, observed, partons)
        return found

    def _holds(self, sign: int, observed: Observed, partons: Partons) -> NDArray[np.bool_]:
        """Whether the jet holds the top (sign 1) or the antitop (-1)."""
        own = (partons.mother == sign * _TOP) | (partons.mother == sign * _W)
        quarks = partons.particles.take(own & (np.abs(partons.pid) <= _B_QUARK))
        quarks = quarks.take_events(observed.rows)
        top = quarks.sums()
        top_eta = np.arcsinh(top[:, 2] / np.maximum(np.hypot(top[:, 0], top[:, 1]), 1e-12))
        here = np.arange(len(observed.rows))
        inside = self._near(observed, quarks.event, quarks.eta, quarks.phi)
        top_inside = self._near(observed, here, top_eta, np.arctan2(top[:, 1], top[:, 0]))
        three = np.bincount(quarks.event[inside], minlength=len(here)) == 3
        held: NDArray[np.bool_] = three & (np.diff(quarks.offsets) == 3) & top_inside
        return held

    def _near(
        self, observed: Observed, event: IntArray, eta: FloatArray, phi: FloatArray
    ) -> NDArray[np.bool_]:
        d_eta = eta - observed.features["eta"][event]
        d_phi = delta_phi(phi, observed.features["phi"][event])
        return np.hypot(d_eta, d_phi) < self.radius
