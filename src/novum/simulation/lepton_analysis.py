"""Events with an electron or muon as 19 objects, as in the 40 MHz challenge (arXiv:2107.02157)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from novum.events import Cloud
from novum.io.adc import COLUMNS, FIELDS, KINDS
from novum.physics.jets import leading_jets, ranges
from novum.physics.particles import FloatArray, IntArray, Particles, delta_phi
from novum.simulation.process import Observed

_ELECTRON, _MUON = 11, 13
_MOST_JETS = 20  # looked at, since some of the leading ones may lie forward of what counts


@dataclass(frozen=True)
class LeptonAnalysis:
    """At least one isolated electron or muon, and all that is reconstructed beside it.

    Missing momentum, electrons, muons and jets fill the places that `novum.io.adc` reads. The
    thresholds are those of arXiv:2107.02157 and the isolation is that of arXiv:1811.10276, where
    the same mixture was first used: the pT of all else in a cone around the lepton over its own.
    Jets are clustered from what is left without the isolated leptons, with the radius of the CMS
    Phase-II card of Delphes. The detector has no tracks, and so no electrons, beyond |η| = 2.5.

    Attributes
    ----------
    trigger_pt : float
        Least pT of the leading lepton [GeV].
    lepton_pt : float
        Least pT of any lepton [GeV].
    electron_eta, muon_eta, jet_eta : float
        Largest |η|.
    cone : float
        Radius of the isolation cone.
    isolation : float
        Largest pT in the cone over that of the lepton.
    radius : float
        Jet radius R of the anti-kT algorithm.
    jet_pt : float
        Least pT of a jet [GeV].
    """

    extended: ClassVar[tuple[str, ...]] = ()

    trigger_pt: float = 23.0
    lepton_pt: float = 3.0
    electron_eta: float = 3.0
    muon_eta: float = 2.1
    cone: float = 0.3
    isolation: float = 0.45
    radius: float = 0.4
    jet_pt: float = 15.0
    jet_eta: float = 4.0

    def __call__(self, particles: Particles) -> Observed:
        """Find leptons, select, cluster; ``ht`` is the sum of the pT of all jets [GeV]."""
        leptons = self._leptons(particles)
        triggers = leptons[particles.pt[leptons] > self.trigger_pt]
        rows = np.unique(particles.event[triggers])
        others = np.ones(len(particles.px), bool)
        others[leptons] = False
        found = particles.take(leptons).take_events(rows)
        parts = {
            "met": _missing(particles.sums()[rows]),
            "electron": _ordered(found, _ELECTRON),
            "muon": _ordered(found, _MUON),
            "jet": self._jets(particles.take(others).take_events(rows)),
        }
        objects = np.concatenate([_placed(parts[kind], *KINDS[kind]) for kind in KINDS], axis=1)
        features = {name: objects[:, slot, field] for name, (slot, field) in COLUMNS.items()}
        for kind in ("electron", "muon", "jet"):
            features[f"n_{kind}s"] = np.count_nonzero(parts[kind][:, :, 0], axis=1).astype(float)
        features["ht"] = parts["jet"][:, :, 0].sum(axis=1)
        return Observed(rows, features, {"objects": Cloud(objects.astype(np.float32), FIELDS)})

    def _leptons(self, particles: Particles) -> IntArray:
        """Places of isolated electrons and muons, rising."""
        assert particles.pid is not None, "the detector says what it sees"
        pid, eta = particles.pid, np.abs(particles.eta)
        inside = (pid == _ELECTRON) & (eta < self.electron_eta)
        inside |= (pid == _MUON) & (eta < self.muon_eta)
        found = np.flatnonzero(inside & (particles.pt > self.lepton_pt))
        return found[_isolation(particles, found, self.cone) < self.isolation]

    def _jets(self, particles: Particles) -> FloatArray:
        """pT, η and φ of all jets in order of pT, shape (n, most, 3)."""
        jets = leading_jets(particles, self.radius, k=_MOST_JETS, min_pt=self.jet_pt)
        values = np.stack([jets.pt, jets.eta, jets.phi], axis=2)
        values[np.abs(jets.eta) >= self.jet_eta] = 0.0
        order = np.argsort(-values[:, :, 0], axis=1, kind="stable")
        return np.take_along_axis(values, order[:, :, None], axis=1)


def _isolation(particles: Particles, leptons: IntArray, cone: float) -> FloatArray:
    """pT of all other particles within `cone` around each lepton, over its own pT."""
    pt, eta, phi, event = particles.pt, particles.eta, particles.phi, particles.event
    sizes = np.diff(particles.offsets)[event[leptons]]
    which = np.repeat(np.arange(len(leptons)), sizes)
    other = np.repeat(particles.offsets[event[leptons]], sizes) + ranges(sizes)
    own = leptons[which]
    distance = np.hypot(eta[other] - eta[own], delta_phi(phi[other], phi[own]))
    near = (distance < cone) & (other != own)
    around = np.bincount(which[near], pt[other[near]], len(leptons))
    ratio: FloatArray = around / pt[leptons]
    return ratio


def _missing(sums: FloatArray) -> FloatArray:
    """Momentum that balances the visible one, shape (n, 1, 3)."""
    pt, phi = np.hypot(sums[:, 0], sums[:, 1]), np.arctan2(-sums[:, 1], -sums[:, 0])
    return np.stack([pt, np.zeros(len(pt)), phi], axis=1)[:, None]


def _ordered(particles: Particles, pid: int) -> FloatArray:
    """pT, η and φ of particles of one kind in order of pT, zero-padded, shape (n, most, 3)."""
    own = particles.take(np.asarray(particles.pid) == pid)
    counts = np.diff(own.offsets)
    order = np.lexsort((-own.pt, own.event))
    values = np.zeros((len(own), counts.max(initial=0), 3))
    values[own.event, ranges(counts)] = np.stack([own.pt, own.eta, own.phi], axis=1)[order]
    return values


def _placed(values: FloatArray, code: int, places: int) -> FloatArray:
    """The first of them with the code of their class, zero where there is none."""
    placed = np.zeros((len(values), places, 4))
    kept = values[:, :places]
    placed[:, : kept.shape[1], :3] = kept
    placed[:, :, 3] = code * (placed[:, :, 0] > 0)
    return placed
