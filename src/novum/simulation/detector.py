"""A fast detector: tracks, two calorimeters and particle flow, over many events at once.

Efficiencies, resolutions and granularity are those of the CMS card of Delphes (arXiv:1307.6346),
with its simple particle flow. Left out: magnetic field, pile-up, photon conversions, and the
efficiency of identifying electrons, photons and muons.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from novum.physics.particles import FloatArray, IntArray, Particles, mass
from novum.simulation.calorimeter import ECAL, HCAL, Deposits, Objects, lognormal
from novum.simulation.partons import NO_PARTONS, Partons

BoolArray = NDArray[np.bool_]

_ELECTRON, _MUON, _PHOTON = 11, 13, 22
_PION, _K_LONG = 211, 130  # what every other track and every neutral hadron is taken for
_K_SHORT, _LAMBDA = 310, 3122
_ECAL_SHARE_OF_STRANGE = 0.3  # of long-lived neutral strange hadrons
_TRACKER_ETA = 2.5
_LEAST_TRACK_PT = 0.1  # GeV

# |η| up to 1.5 and up to 2.5; pT up to 1 GeV, up to 100 GeV, and above.
_EFFICIENCY = {
    _ELECTRON: ((0.73, 0.95, 0.99), (0.50, 0.83, 0.90)),
    _MUON: ((0.75, 0.99, 0.99), (0.70, 0.98, 0.98)),
    0: ((0.70, 0.95, 0.95), (0.60, 0.85, 0.85)),
}
# |η| up to 0.5, 1.5 and 2.5: constant and pT-proportional [1/GeV] parts of σ(pT)/pT.
_RESOLUTION = {
    _ELECTRON: ((0.03, 1.3e-3), (0.05, 1.7e-3), (0.15, 3.1e-3)),
    _MUON: ((0.01, 1.0e-4), (0.015, 1.5e-4), (0.025, 3.5e-4)),
    0: ((0.01, 1.5e-4), (0.015, 2.5e-4), (0.025, 5.5e-4)),
}


@dataclass(frozen=True, eq=False)
class Truth:
    """Visible stable particles of the generator.

    Attributes
    ----------
    particles : Particles
    pid : int array (total,)
        |PDG code|.
    charged : bool array (total,)
    partons : Partons
        Their hard process, if known; the detector knows nothing of it.
    """

    particles: Particles
    pid: IntArray
    charged: BoolArray
    partons: Partons = NO_PARTONS


def respond(truth: Truth, rng: np.random.Generator) -> Particles:
    """What the detector sees: particle-flow tracks, photons and neutral hadrons.

    Parameters
    ----------
    truth : Truth
    rng : numpy Generator

    Returns
    -------
    Particles
        Tracks keep their mass and direction; photons and neutral hadrons are massless, somewhere
        in their calorimeter cell. Their ``pid`` is 11, 13, 22, 211 for any other track and 130
        for any neutral hadron.
    """
    p, pid = truth.particles, truth.pid
    pt, eta, phi, event = p.pt, p.eta, p.phi, p.event
    kind = np.where((pid == _ELECTRON) | (pid == _MUON), pid, 0)
    tracked = truth.charged & (rng.random(len(pt)) < _efficiency(pt, np.abs(eta), kind))
    resolution = _resolution(pt, np.abs(eta), kind)
    track_pt = np.where(tracked, lognormal(pt, resolution * pt, rng), 0.0)
    tracks = Objects(event, track_pt, eta, phi, mass(p.px, p.py, p.pz, p.e))
    track_e = np.hypot(track_pt * np.cosh(eta), tracks.mass) * tracked
    ecal_share = _ecal_share(pid)
    found = [(_MUON, _scaled(tracks, tracked & (kind == _MUON)))]
    for calorimeter, share, own, codes in (
        (ECAL, ecal_share, tracked & (kind == _ELECTRON), (_ELECTRON, _PHOTON)),
        (
            HCAL,
            np.where(kind == _MUON, 0.0, 1 - ecal_share),
            tracked & (kind == 0),
            (_PION, _K_LONG),
        ),
    ):
        rows, own_e = share > 0, np.where(own, track_e, 0.0)
        deposits = Deposits(event, eta, phi, p.e * share, own_e, own_e * resolution).take(rows)
        neutral, factor = calorimeter.respond(deposits, rng)
        scale = np.ones(len(pt))
        scale[rows] = factor
        found += zip(codes, (_scaled(tracks, own, scale), neutral), strict=True)
    return _merged(found, len(p))


def _scaled(tracks: Objects, rows: BoolArray, scale: FloatArray | None = None) -> Objects:
    factor = 1.0 if scale is None else scale[rows]
    pt = tracks.pt[rows] * factor
    return Objects(tracks.event[rows], pt, tracks.eta[rows], tracks.phi[rows], tracks.mass[rows])


def _merged(found: list[tuple[int, Objects]], n: int) -> Particles:
    """All objects as particles, sorted by event, with the code of their kind."""
    parts = [part for _, part in found]
    pid = np.repeat([code for code, _ in found], [len(part.event) for part in parts])
    event = np.concatenate([part.event for part in parts])
    order = np.argsort(event, kind="stable")
    pt, eta, phi, m = (
        np.concatenate([getattr(part, name) for part in parts])[order]
        for name in ("pt", "eta", "phi", "mass")
    )
    offsets = np.concatenate([[0], np.cumsum(np.bincount(event, minlength=n))])
    return replace(Particles.from_cylindrical(pt, eta, phi, offsets, m), pid=pid[order])


def _efficiency(pt: FloatArray, eta: FloatArray, kind: IntArray) -> FloatArray:
    table = np.array([_EFFICIENCY[k] for k in (0, _ELECTRON, _MUON)])
    row = np.searchsorted((_ELECTRON, _MUON), kind, "right")
    found: FloatArray = table[row, (eta > 1.5).astype(int), np.searchsorted((1.0, 100.0), pt)]
    found[(eta > _TRACKER_ETA) | (pt <= _LEAST_TRACK_PT)] = 0.0
    return found


def _resolution(pt: FloatArray, eta: FloatArray, kind: IntArray) -> FloatArray:
    """σ(pT)/pT of each track."""
    table = np.array([_RESOLUTION[k] for k in (0, _ELECTRON, _MUON)])
    row = np.searchsorted((_ELECTRON, _MUON), kind, "right")
    constant, slope = np.moveaxis(table[row, np.searchsorted((0.5, 1.5), eta)], -1, 0)
    relative: FloatArray = np.hypot(constant, slope * pt)
    return relative


def _ecal_share(pid: IntArray) -> FloatArray:
    """Share of the energy that stays in the electromagnetic calorimeter."""
    share = np.where((pid == _PHOTON) | (pid == _ELECTRON), 1.0, 0.0)
    share[(pid == _K_SHORT) | (pid == _LAMBDA)] = _ECAL_SHARE_OF_STRANGE
    return share
