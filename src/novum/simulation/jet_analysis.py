"""The selection of the top-tagging reference set: one anti-kT R = 0.8 jet (arXiv:1902.09914)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from novum.events import Cloud
from novum.physics.dijets import pad
from novum.physics.jets import leading_jets
from novum.physics.particles import Particles
from novum.physics.single_jets import EXTENDED, jet_features
from novum.simulation.process import Observed


@dataclass(frozen=True)
class JetAnalysis:
    """The leading anti-kT jet in a window of pT, inside the tracker.

    Attributes
    ----------
    radius : float
    min_pt, max_pt : float
        Window of the pT of the jet [GeV].
    max_eta : float
        Largest |η|.
    constituents : int
        Constituents kept, in order of pT.
    """

    extended: ClassVar[tuple[str, ...]] = EXTENDED

    radius: float = 0.8
    min_pt: float = 550.0
    max_pt: float = 650.0
    max_eta: float = 2.0
    constituents: int = 200

    def __call__(self, particles: Particles) -> Observed:
        """Cluster, select, measure; see `novum.physics.single_jets.jet_features`."""
        jets = leading_jets(particles, self.radius, k=1)
        pt, eta = jets.pt[:, 0], jets.eta[:, 0]
        kept = (pt > self.min_pt) & (pt < self.max_pt) & (np.abs(eta) < self.max_eta)
        rows = np.flatnonzero(kept)
        jets = jets.take(rows)
        cloud = Cloud(pad(jets.constituents, self.constituents), ("pt", "eta", "phi"))
        return Observed(rows, jet_features(jets, self.radius), {"jet": cloud})
