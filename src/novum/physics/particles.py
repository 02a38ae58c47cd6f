"""`Particles`: four-vectors of many events, flat and without padding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Particles:
    """Particles of n events, one after the other.

    Attributes
    ----------
    px, py, pz, e : float64 arrays (total,)
        Momenta and energies [GeV].
    offsets : int64 array (n + 1,)
        Event i has the particles from ``offsets[i]`` to ``offsets[i + 1]``.
    pid : int64 array (total,) or None
        |PDG code| of each, where it is known.
    """

    px: FloatArray
    py: FloatArray
    pz: FloatArray
    e: FloatArray
    offsets: IntArray
    pid: IntArray | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def event(self) -> IntArray:
        """Event of each particle, shape (total,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    @property
    def pt(self) -> FloatArray:
        """Transverse momentum [GeV]."""
        return np.hypot(self.px, self.py)

    @property
    def eta(self) -> FloatArray:
        """Pseudorapidity; of a particle along the beam it is large but finite."""
        return np.arcsinh(self.pz / np.maximum(self.pt, 1e-12))

    @property
    def rapidity(self) -> FloatArray:
        """Rapidity along the beam; of a massless particle along the beam large but finite."""
        transverse = np.sqrt(np.maximum(self.e**2 - self.pz**2, 1e-24))
        return np.arcsinh(self.pz / transverse)

    @property
    def phi(self) -> FloatArray:
        """Azimuth in (-π, π] [rad]."""
        return np.arctan2(self.py, self.px)

    def take(self, rows: NDArray[Any]) -> Particles:
        """Some of the particles, by mask or by rising positions; events keep their places."""
        kept = np.bincount(self.event[rows], minlength=len(self))
        offsets = np.concatenate([[0], np.cumsum(kept)])
        return self._at(rows, offsets)

    def take_events(self, rows: IntArray) -> Particles:
        """Some of the events, in that order."""
        sizes = np.diff(self.offsets)[rows]
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        inside = np.arange(offsets[-1]) + np.repeat(self.offsets[rows] - offsets[:-1], sizes)
        return self._at(inside, offsets)

    def _at(self, rows: NDArray[Any], offsets: IntArray) -> Particles:
        columns = (self.px[rows], self.py[rows], self.pz[rows], self.e[rows])
        return Particles(*columns, offsets, None if self.pid is None else self.pid[rows])

    def sums(self) -> FloatArray:
        """Four-momentum of each event: px, py, pz, E [GeV], shape (n, 4)."""
        event = self.event
        columns = (self.px, self.py, self.pz, self.e)
        return np.column_stack([np.bincount(event, c, len(self)) for c in columns])

    @classmethod
    def from_cylindrical(
        cls,
        pt: FloatArray,
        eta: FloatArray,
        phi: FloatArray,
        offsets: IntArray,
        mass: FloatArray | float = 0.0,
    ) -> Particles:
        """From transverse momenta [GeV], pseudorapidities, azimuths [rad] and masses [GeV]."""
        pz = pt * np.sinh(eta)
        e = np.sqrt((pt * np.cosh(eta)) ** 2 + np.square(mass))
        return cls(pt * np.cos(phi), pt * np.sin(phi), pz, e, offsets)


def delta_phi(a: FloatArray, b: FloatArray) -> FloatArray:
    """Difference of azimuths a - b, wrapped into [-π, π) [rad]."""
    wrapped: FloatArray = (a - b + np.pi) % (2 * np.pi) - np.pi
    return wrapped


def mass(px: FloatArray, py: FloatArray, pz: FloatArray, e: FloatArray) -> FloatArray:
    """Invariant mass [GeV]; rounding below zero counts as massless."""
    return np.sqrt(np.maximum(e**2 - px**2 - py**2 - pz**2, 0.0))
