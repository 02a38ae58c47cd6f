"""The selection of tagging studies: one large jet in a window of pT (arXiv:1902.09914)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from novum.events import Cloud
from novum.physics.dijets import pad
from novum.physics.jets import leading_jets
from novum.physics.particles import FloatArray, Particles, mass
from novum.physics.single_jets import EXTENDED, jet_features
from novum.simulation.dijet_analysis import CONSTITUENT_FIELDS
from novum.simulation.process import Observed

_LEAST_MASS = 2e-4  # GeV, below an electron's and above the rounding of a massless one


@dataclass(frozen=True, kw_only=True)
class JetAnalysis:
    """The leading anti-kT jet of an event, in a window of pT and η.

    Attributes
    ----------
    min_pt, max_pt : float
        Range of its pT [GeV].
    radius : float
    max_eta : float
        Largest |η|.
    constituents : int
        Constituents kept, in order of pT.
    """

    extended: ClassVar[tuple[str, ...]] = (*EXTENDED, "charged_fraction")

    min_pt: float
    max_pt: float
    radius: float = 0.8
    max_eta: float = 2.0
    constituents: int = 200

    def __call__(self, particles: Particles) -> Observed:
        """Cluster, select, measure; see `novum.physics.single_jets.jet_features`."""
        jets = leading_jets(particles, self.radius, k=1)
        pt, eta = jets.pt[:, 0], jets.eta[:, 0]
        rows = np.flatnonzero((self.min_pt < pt) & (pt < self.max_pt) & (abs(eta) < self.max_eta))
        jets = jets.take(rows)
        inside = jets.constituents
        features = jet_features(jets, self.radius) | {"charged_fraction": charged_fraction(inside)}
        cloud = Cloud(pad(inside, self.constituents), CONSTITUENT_FIELDS)
        return Observed(rows, features, {"jet": cloud})


def charged_fraction(jets: Particles) -> FloatArray:
    """Share of tracks in the scalar pT of J jets, shape (J,).

    Of what the detector sees only tracks have a mass, see `novum.simulation.detector.respond`.
    """
    pt, n = jets.pt, len(jets)
    track = mass(jets.px, jets.py, jets.pz, jets.e) > _LEAST_MASS
    total = np.maximum(np.bincount(jets.event, pt, n), 1e-300)
    share: FloatArray = np.bincount(jets.event, pt * track, n) / total
    return share
