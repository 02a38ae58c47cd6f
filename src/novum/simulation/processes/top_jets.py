"""Jets of hadronically decaying tops, the signal of the top-tagging reference set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from novum.physics.particles import delta_phi, mass
from novum.simulation.detector import Truth
from novum.simulation.jet_analysis import JetAnalysis
from novum.simulation.process import Analysis, Observed, Process

_TOP_MASS = 172.5
_OFF_SHELL = 20.0  # GeV, some 14 widths


@final
@dataclass(frozen=True, kw_only=True)
class TopJets(Process):
    """Jets of 550 to 650 GeV that hold a whole top, as in the top-tagging reference set.

    Both tops of pp → tt̄ decay to quarks. The leading jet is kept if exactly three quarks of the
    decays lie within R = 0.8 of it and have the mass of a top together.

    Parameters
    ----------
    min_pt_hat : float
        Least pT of the tops [GeV].
    """

    name: ClassVar[str] = "top_jets"
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("1902.09914", "The Machine Learning Landscape of Top Taggers"),
    )
    sqrt_s: ClassVar[float] = 14000.0
    label: ClassVar[int] = 1
    analysis: ClassVar[Analysis] = JetAnalysis()

    min_pt_hat: float = 500.0

    def card(self) -> tuple[str, ...]:
        """Top pairs with hadronic decays."""
        return (
            "Top:gg2ttbar = on",
            "Top:qqbar2ttbar = on",
            f"6:m0 = {_TOP_MASS:g}",
            f"PhaseSpace:pTHatMin = {self.min_pt_hat:g}",
            "24:onMode = off",
            "24:onIfAny = 1 2 3 4 5",
        )

    def matched(self, seen: Observed, truth: Truth) -> Observed:
        """Jets that hold the three quarks of one top, and no other."""
        quarks = truth.hard.take_events(seen.rows)
        event = quarks.event
        eta, phi = seen.features["jet_eta"][event], seen.features["jet_phi"][event]
        distance = np.hypot(quarks.eta - eta, delta_phi(quarks.phi, phi))
        inside = quarks.take(distance < JetAnalysis.radius)
        three = np.diff(inside.offsets) == 3
        return seen.take(three & (np.abs(mass(*inside.sums().T) - _TOP_MASS) < _OFF_SHELL))
