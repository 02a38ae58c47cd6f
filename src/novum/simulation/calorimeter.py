"""Calorimeters in cells, with the energy that tracks do not explain (Delphes, arXiv:1307.6346)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_SIGNIFICANCE = 2.0  # of energy in a cell that counts, with and without tracks


@dataclass(frozen=True, eq=False)
class Objects:
    """Objects in events; arrays (total,): event, pT [GeV], η, φ [rad] and mass [GeV]."""

    event: IntArray
    pt: FloatArray
    eta: FloatArray
    phi: FloatArray
    mass: FloatArray


@dataclass(frozen=True, eq=False)
class Deposits:
    """Particles that reach a calorimeter.

    Attributes
    ----------
    event : int array (total,)
    eta, phi : float arrays (total,)
    energy : float array (total,)
        What they leave there [GeV].
    track_energy, track_error : float arrays (total,)
        Energy of the track that points there and its resolution [GeV]; 0 without a track.
    """

    event: IntArray
    eta: FloatArray
    phi: FloatArray
    energy: FloatArray
    track_energy: FloatArray
    track_error: FloatArray

    def take(self, rows: NDArray[Any]) -> Deposits:
        """Some of them."""
        columns = (self.event, self.eta, self.phi, self.energy, self.track_energy, self.track_error)
        return Deposits(*(c[rows] for c in columns))


@dataclass(frozen=True, eq=False)
class Calorimeter:
    """Cells in η and φ, and their resolution.

    Attributes
    ----------
    eta_edges : float array (n + 1,)
    n_phi : int array (n,)
        Cells around the beam in each ring of η.
    resolution : function of |η| and energy [GeV]
        Standard deviation of the measured energy [GeV].
    least_energy : float
        Cells with less are empty [GeV].
    """

    eta_edges: FloatArray
    n_phi: IntArray
    resolution: Callable[[FloatArray, FloatArray], FloatArray]
    least_energy: float

    def respond(self, deposits: Deposits, rng: np.random.Generator) -> tuple[Objects, FloatArray]:
        """Neutral objects, and the factor by which each track is rescaled (1: not at all).

        Where a cell holds significantly more than its tracks, the rest becomes a neutral object;
        elsewhere the tracks take the mean of both measurements, weighted by their resolutions.
        """
        ring = np.searchsorted(self.eta_edges, deposits.eta, "right") - 1
        inside = (ring >= 0) & (ring < len(self.n_phi))
        hit, ring = deposits.take(inside), ring[inside]
        rings, most = len(self.n_phi), int(self.n_phi.max())
        keys = (hit.event * rings + ring) * most + self._sector(hit.phi, ring)
        cells, cell = np.unique(keys, return_inverse=True)
        rest, factor = self._flow(hit, cell, cells // most % rings, rng)
        scale = np.ones(len(inside))
        scale[inside] = factor[cell]
        full = np.flatnonzero(rest)
        event, place = np.divmod(cells[full], rings * most)
        eta, phi = self._inside(*np.divmod(place, most), rng)
        return Objects(event, rest[full] / np.cosh(eta), eta, phi, np.zeros(len(full))), scale

    def _flow(
        self, hit: Deposits, cell: IntArray, ring: IntArray, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """Energy of each cell that its tracks do not explain, and the factor for the tracks."""
        center = np.abs(self.eta_edges[ring] + self.eta_edges[ring + 1]) / 2
        energy = np.bincount(cell, hit.energy, len(ring)).astype(np.float64)
        tracks = np.bincount(cell, hit.track_energy, len(ring)).astype(np.float64)
        variance = np.bincount(cell, hit.track_error**2, len(ring))
        measured = lognormal(energy, self.resolution(center, energy), rng)
        error = self.resolution(center, measured)
        measured[(measured < self.least_energy) | (measured < _SIGNIFICANCE * error)] = 0.0
        rest = np.maximum(measured - tracks, 0.0)
        rest[(rest < self.least_energy) | (rest < _SIGNIFICANCE * np.sqrt(error**2 + variance))] = 0
        both = (rest == 0) & (tracks > 0) & (measured > 0)
        weight = variance[both] / (variance[both] + error[both] ** 2)
        factor = np.ones(len(ring))
        factor[both] = 1 + weight * (measured[both] / tracks[both] - 1)
        return rest, factor

    def _inside(
        self, ring: IntArray, sector: IntArray, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """A random direction in each cell."""
        low, high = self.eta_edges[ring], self.eta_edges[ring + 1]
        eta = low + (high - low) * rng.random(len(ring))
        phi = (sector + rng.random(len(ring))) * 2 * np.pi / self.n_phi[ring] - np.pi
        return eta, phi

    def _sector(self, phi: FloatArray, ring: IntArray) -> IntArray:
        n_phi = self.n_phi[ring]
        return np.minimum(((phi + np.pi) / (2 * np.pi) * n_phi).astype(np.int64), n_phi - 1)


def lognormal(mean: FloatArray, deviation: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Log-normal numbers of this mean and standard deviation; 0 where the mean is 0."""
    drawn = np.zeros_like(mean)
    rows = mean > 0
    variance = np.log1p((deviation[rows] / mean[rows]) ** 2)
    normal = rng.standard_normal(len(mean))[rows]
    drawn[rows] = mean[rows] * np.exp(np.sqrt(variance) * normal - variance / 2)
    return drawn


def _electromagnetic(eta: FloatArray, energy: FloatArray) -> FloatArray:
    central = np.sqrt(energy**2 * 0.008**2 + energy * 0.11**2 + 0.40**2)
    factor = np.where(eta <= 1.5, 1 + 0.64 * eta**2, 2.16 + 5.6 * (eta - 2) ** 2)
    forward = np.sqrt(energy**2 * 0.107**2 + energy * 2.08**2)
    return np.where(eta <= 2.5, factor * central, forward)


def _hadronic(eta: FloatArray, energy: FloatArray) -> FloatArray:
    central = np.sqrt(energy**2 * 0.050**2 + energy * 1.50**2)
    forward = np.sqrt(energy**2 * 0.130**2 + energy * 2.70**2)
    return np.where(eta <= 3.0, central, forward)


_FORWARD = [3.125, 3.3, 3.475, 3.65, 3.825, 4.0, 4.175, 4.35, 4.525, 4.7, 5.0]
_ENDCAP = [1.74, 1.83, 1.93, 2.043, 2.172, 2.322, 2.5, 2.65, 2.868, 2.95]

_ECAL_EDGES = np.concatenate(
    [[-e for e in reversed(_FORWARD)], np.arange(-170, 171) * 0.0174, _FORWARD]
)
_HCAL_EDGES = np.concatenate(
    [[-e for e in reversed([*_ENDCAP, *_FORWARD])], np.arange(-19, 20) * 0.087, _ENDCAP, _FORWARD]
)


def _n_phi(edges: FloatArray, *rings: tuple[float, int]) -> IntArray:
    """Cells around the beam in each ring, from (largest |η|, cells) of each part."""
    center = np.abs((edges[1:] + edges[:-1]) / 2)
    limits, numbers = zip(*rings, strict=True)
    return np.array(numbers)[np.searchsorted(limits, center)]


ECAL = Calorimeter(_ECAL_EDGES, _n_phi(_ECAL_EDGES, (2.958, 360), (5.0, 36)), _electromagnetic, 0.5)
HCAL = Calorimeter(
    _HCAL_EDGES, _n_phi(_HCAL_EDGES, (1.653, 72), (4.525, 36), (5.0, 18)), _hadronic, 1.0
)
