"""The selection of the LHC Olympics R&D data: two anti-kT R = 1.0 jets (arXiv:2101.08320)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from novum.events import Cloud
from novum.physics.dijets import SUBJETTINESS, dijet_constituents, dijet_features
from novum.physics.jets import leading_jets
from novum.physics.particles import Particles
from novum.simulation.process import Observed

CONSTITUENT_FIELDS = ("pt", "eta", "phi")


@dataclass(frozen=True)
class DijetAnalysis:
    """Two leading anti-kT jets inside the tracker, the harder one above a threshold.

    Attributes
    ----------
    radius : float
    min_pt : float
        Least pT of the leading jet [GeV].
    max_eta : float
        Largest |η| of both.
    constituents : int
        Constituents kept of each jet, in order of pT.
    """

    extended: ClassVar[tuple[str, ...]] = SUBJETTINESS

    radius: float = 1.0
    min_pt: float = 1200.0
    max_eta: float = 2.5
    constituents: int = 200

    def __call__(self, particles: Particles) -> Observed:
        """Cluster, select, measure; see `novum.physics.dijets.dijet_features`."""
        jets = leading_jets(particles, self.radius)
        both = jets.pt[:, 1] > 0
        inside = np.all(np.abs(jets.eta) < self.max_eta, axis=1)
        rows = np.flatnonzero(both & inside & (jets.pt[:, 0] > self.min_pt))
        jets = jets.take(rows)
        clouds = {
            name: Cloud(values, CONSTITUENT_FIELDS)
            for name, values in dijet_constituents(jets, self.constituents).items()
        }
        return Observed(rows, dijet_features(jets, self.radius, subjettiness=True), clouds)
